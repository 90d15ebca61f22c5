/** Playback: one media element, the skipping of cuts, and J K L. */

import { rangeAt } from './ranges.js';

const REWIND_STEP_S = 0.1;
const LONGEST_S = 1e7;
export const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2, 3];
/** Browsers play no faster. */
const FASTEST = 16;
/** Speeds that L goes through. */
const FASTER = [1, 1.5, 2, 3];

/** Media types of codecs by FFmpeg's names; what is not listed is tried. */
const CODECS = {
  aac: 'audio/mp4; codecs="mp4a.40.2"',
  ac3: 'audio/mp4; codecs="ac-3"',
  eac3: 'audio/mp4; codecs="ec-3"',
  alac: 'audio/mp4; codecs="alac"',
  dts: 'audio/mp4; codecs="dtsc"',
  flac: 'audio/flac',
  mp2: 'audio/mp4; codecs="mp4a.6B.2"',
  mp3: 'audio/mpeg',
  opus: 'audio/ogg; codecs="opus"',
  truehd: 'audio/mp4; codecs="mlpa"',
  vorbis: 'audio/ogg; codecs="vorbis"',
};

/**
 * Whether this browser plays the sound that was transcribed when it is given the file.
 * @param {{audioStream?: number, audioStreams?: {codec: string}[]}} media
 */
export function playsSound({ audioStream = 0, audioStreams = [] }) {
  const type = /** @type {Record<string, string>} */ (CODECS)[audioStreams[audioStream]?.codec ?? ''];
  return audioStream === 0 && (!type || document.createElement('audio').canPlayType(type) !== '');
}

export class Player extends EventTarget {
  constructor() {
    super();
    this.media = document.createElement('video');
    this.media.className = 'picture';
    this.media.preload = 'metadata';
    this.media.playsInline = true;
    this.media.tabIndex = -1;
    /** @type {readonly import('./ranges.js').Range[]} */
    this.cuts = [];
    this.skipCuts = true;
    /** What a cut does to its range: `remove`, `mute` or `speed`, then by `speedFactor`. */
    this.mode = 'remove';
    this.speedFactor = 1;
    this.duration = 0;
    /** Where playback is, also before the media can be played. */
    this._time = 0;
    this._rewind = 0;
    this._preview = '';
    /** Speed at which playback begins, and that of now outside of cuts. */
    this._speed = 1;
    this._rate = 1;
    /** Whether a preview of the sound is played instead of the recording. */
    this.previews = false;
    for (const name of ['play', 'pause', 'ended', 'seeked', 'ratechange']) {
      this.media.addEventListener(name, () => this._changed());
    }
    this.media.addEventListener('loadedmetadata', () => {
      this.media.currentTime = this._time;
      this.media.playbackRate = this._rate;
      this.dispatchEvent(new Event('ready'));
    });
    this.media.addEventListener('error', () => {
      if (this.media.getAttribute('src') && !this.usePreview()) this.dispatchEvent(new Event('unplayable'));
    });
  }

  /** @param {string} address @param {string} [preview] address of the sound in a form that every browser plays */
  open(address, preview = '') {
    this._preview = preview;
    this.previews = false;
    this.media.src = address;
  }

  /** Play the preview in place of the recording, at the same moment. @returns {boolean} whether there is one */
  usePreview() {
    if (!this._preview || this.previews) return false;
    const { playing } = this;
    this._time = this.time;
    this.previews = true;
    this.media.src = this._preview;
    if (playing) this.play();
    return true;
  }

  close() {
    clearInterval(this._rewind);
    this.media.pause();
    this.media.removeAttribute('src');
    this.media.load();
  }

  get ready() {
    return this.media.readyState >= HTMLMediaElement.HAVE_METADATA;
  }

  /** Seconds that the media itself states; 0 while unknown, which browsers show as infinity or as 292,000 years. */
  get mediaDuration() {
    const { duration } = this.media;
    return duration < LONGEST_S ? duration : 0;
  }

  get hasPicture() {
    return this.media.videoWidth > 0;
  }

  get playing() {
    return !this.media.paused && !this.media.ended;
  }

  get time() {
    return this.ready ? this.media.currentTime : this._time;
  }

  /** @param {number} time seconds */
  seek(time) {
    this._time = Math.max(0, Math.min(time, this.duration || time));
    if (this.ready) this.media.currentTime = this._time;
    this._changed();
  }

  toggle() {
    if (this.playing || this._rewind) this.pause();
    else this.play();
  }

  get speed() {
    return this._rate;
  }

  /** @param {number} speed */
  setSpeed(speed) {
    this._speed = this._rate = speed;
    this.media.playbackRate = speed;
  }

  play(speed = this._speed) {
    this._stopRewind();
    this._rate = speed;
    this.media.playbackRate = speed;
    this.media.play().catch(() => this._changed());
  }

  pause() {
    this._stopRewind();
    this.media.pause();
  }

  /** L: play, and faster each time. */
  faster() {
    const next = FASTER.find((speed) => speed > this._rate) ?? FASTER[FASTER.length - 1];
    this.play(this.playing ? next : this._speed);
  }

  /** J: backwards. Browsers cannot play backwards, so it jumps in small steps. */
  rewind() {
    this.media.pause();
    clearInterval(this._rewind);
    this._rewind = window.setInterval(() => {
      this.seek(this.time - 2 * REWIND_STEP_S);
      if (this.time <= 0) this._stopRewind();
    }, 1000 * REWIND_STEP_S);
    this._changed();
  }

  /** Play a cut that playback has reached as the sequence does; call it for each frame. */
  tick() {
    if (!this.playing) return;
    const cut = this.skipCuts ? rangeAt(this.cuts, this.time) : undefined;
    this.media.muted = cut !== undefined && this.mode === 'mute';
    const rate = this._rate * (cut && this.mode === 'speed' ? this.speedFactor : 1);
    if (this.media.playbackRate !== rate) this.media.playbackRate = Math.min(rate, FASTEST);
    if (!cut || this.mode !== 'remove') return;
    if (cut.end >= this.duration - 0.05) this.pause();
    else this.media.currentTime = cut.end;
  }

  _stopRewind() {
    clearInterval(this._rewind);
    this._rewind = 0;
  }

  _changed() {
    if (this.ready) this._time = this.media.currentTime;
    this.dispatchEvent(new Event('change'));
  }
}

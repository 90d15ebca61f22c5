/** The view of one job: waveform, transcript, playback and the cut. */

import './cut-panel.js';
import './transcript-view.js';
import './waveform.js';
import { button, fill, h, icon, say, show } from './dom.js';
import { downloadMenu } from './downloads.js';
import { Edit } from './edit.js';
import { clock, cost, duration } from './format.js';
import { Peaks } from './peaks.js';
import { Player, playsSound, SPEEDS } from './player.js';
import { rememberTime } from './router.js';
import { call, explain, isAborted, isMissing, service } from './service.js';
import { load, save } from './storage.js';
import { t } from './texts.js';
import { TranscriptModel } from './transcript-model.js';
import { announce, toast } from './ui.js';
import { uploads } from './upload-store.js';

const PLAN_AFTER_MS = 120;
const PEAKS_AFTER_MS = 1000;
const REMEMBER_EVERY_MS = 1000;
const ENDED = ['completed', 'failed', 'cancelled'];

/** @typedef {import('./waveform.js').Waveform} Waveform */
/** @typedef {import('./transcript-view.js').TranscriptView} TranscriptView */
/** @typedef {import('./cut-panel.js').CutPanel} CutPanel */

export class JobView extends HTMLElement {
  constructor() {
    super();
    this.jobId = '';
    this._stop = new AbortController();
    this._player = new Player();
    this._wave = /** @type {Waveform} */ (document.createElement('at-waveform'));
    this._transcript = /** @type {TranscriptView} */ (document.createElement('at-transcript'));
    this._cut = /** @type {CutPanel} */ (document.createElement('at-cut'));
    /** @type {Map<number, any>} words of finished chunks, while the job runs */
    this._chunks = new Map();
    this._peaksTimer = 0;
    this._frame = 0;
    this._planTimer = 0;
    this._rememberTimer = 0;
    /** @type {boolean | null} */
    this._drawnPlaying = null;
  }

  /** @param {string} jobId @param {number | null} time */
  open(jobId, time) {
    this.jobId = jobId;
    this._edit = new Edit(jobId);
    this._edit.addEventListener('change', () => this._planSoon());
    this._player.seek(time ?? load(`time.${jobId}`, 0));
    this._build();
    void this._follow();
  }

  /** Another moment of the same job, by its address. @param {number} time */
  goTo(time) {
    this._player.seek(time);
  }

  disconnectedCallback() {
    this._stop.abort();
    this._player.close();
    if (this._address) URL.revokeObjectURL(this._address);
    cancelAnimationFrame(this._frame);
    clearTimeout(this._planTimer);
    clearTimeout(this._peaksTimer);
    clearTimeout(this._rememberTimer);
    document.removeEventListener('keydown', this._onKey);
  }

  _build() {
    this._name = h('h1', { class: 'file-name' }, '…');
    this._facts = h('span', { class: 'facts' });
    this._bar = h('progress', { max: 100, value: 0, 'aria-label': t('job.progress') });
    this._step = h('span', { class: 'small' });
    this._running = h(
      'div',
      { class: 'running', hidden: true },
      this._bar,
      this._step,
      button({ text: t('job.cancel'), onclick: () => void this._cancel() }),
    );
    this._problem = h('div', { class: 'error banner', role: 'alert', hidden: true });
    this._tools = this._selectionBar();
    this._downloads = h('div', {});
    fill(
      this,
      h(
        'div',
        { class: 'row head job-head' },
        h('div', { class: 'what' }, this._name, this._facts),
        button({ icon: 'link', text: t('job.link'), kind: 'quiet', onclick: () => void this._copyLink() }),
        this._downloads,
      ),
      this._running,
      this._problem,
      h('div', { class: 'stage' }, this._player.media, h('div', { class: 'wave-box' }, this._wave)),
      this._transport(),
      h(
        'div',
        { class: 'job-columns' },
        h(
          'section',
          { class: 'text-column', 'aria-label': t('transcript.label') },
          this._searchBar(),
          this._transcript,
          this._followButton(),
          this._tools,
        ),
        this._cut,
      ),
    );
    this._listen();
  }

  _listen() {
    const seek = (/** @type {any} */ { detail }) => this._player.seek(detail);
    for (const part of [this._wave, this._transcript, this._cut]) part.addEventListener('seek', seek);
    this._wave.addEventListener('range', () => {
      this._transcript.select(null);
      this._showTools();
    });
    this._transcript.addEventListener('select', () => {
      this._wave.select(this._transcript.selected);
      this._showTools();
    });
    this._player.addEventListener('change', () => this._tick());
    this._player.addEventListener('ready', () => this._onMedia());
    this._player.addEventListener('unplayable', () => this._noSound());
    document.addEventListener('keydown', this._onKey);
  }

  _zoomBar() {
    return h(
      'div',
      { class: 'zoom', role: 'group', 'aria-label': t('wave.zoom') },
      button({ icon: 'minus', title: t('wave.out'), kind: 'quiet', onclick: () => this._wave.zoom(1 / 1.8) }),
      button({ icon: 'fit', title: t('wave.fit'), kind: 'quiet', onclick: () => this._wave.fit() }),
      button({ icon: 'plus', title: t('wave.in'), kind: 'quiet', onclick: () => this._wave.zoom(1.8) }),
    );
  }

  _transport() {
    this._play = button({
      icon: 'play',
      title: t('player.play'),
      kind: 'play',
      'aria-keyshortcuts': 'Space',
      onclick: () => this._player.toggle(),
    });
    this._clock = h('span', { class: 'clock' });
    this._all = h('span', { class: 'clock all' });
    this._skip = h('input', {
      type: 'checkbox',
      id: 'skip',
      checked: load('skip', true),
      onchange: () => this._setSkip(),
    });
    this._player.skipCuts = this._skip.checked;
    this._speed = h(
      'select',
      {
        class: 'speed',
        id: 'speed',
        'aria-label': t('player.speed'),
        onchange: () => this._player.setSpeed(Number(this._speed?.value)),
      },
      SPEEDS.map((n) => h('option', { value: n, selected: n === 1 }, t('player.times', { n }))),
    );
    const input = h('input', {
      type: 'file',
      class: 'visually-hidden',
      accept: 'audio/*,video/*',
      onchange: () => this._playFile(input),
    });
    this._sound = h(
      'div',
      { class: 'no-sound', hidden: true },
      icon('warn'),
      h('span', {}),
      h('label', { class: 'button' }, input, t('player.choose')),
    );
    return h(
      'div',
      { class: 'transport', role: 'group', 'aria-label': t('player.label') },
      this._play,
      h('span', { class: 'times' }, this._clock, h('span', { class: 'small' }, ' / '), this._all),
      this._speed,
      h('label', { class: 'check' }, this._skip, h('span', {}, t('player.skip'))),
      h('span', { class: 'spacer' }),
      this._legend(),
      this._zoomBar(),
      this._sound,
    );
  }

  _legend() {
    return h(
      'ul',
      { class: 'legend' },
      ['silence', 'cut', 'filler', 'retake', 'gap'].map((name) =>
        h('li', { class: name }, t(`legend.${name}`)),
      ),
    );
  }

  _searchBar() {
    this._query = h('input', {
      type: 'search',
      id: 'search',
      placeholder: t('search.placeholder'),
      'aria-label': t('search.label'),
      oninput: () => this._search(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key === 'Enter') this._nextMatch(event.shiftKey ? -1 : 1);
        if (event.key === 'Escape') {
          if (this._query) this._query.value = '';
          this._search();
          this._transcript.focus();
        }
      },
    });
    this._hits = h('span', { class: 'small', role: 'status' });
    return h(
      'div',
      { class: 'search', role: 'search' },
      icon('search'),
      this._query,
      this._hits,
      button({ icon: 'up', title: t('search.previous'), kind: 'quiet', onclick: () => this._nextMatch(-1) }),
      button({ icon: 'down', title: t('search.next'), kind: 'quiet', onclick: () => this._nextMatch(1) }),
    );
  }

  _followButton() {
    const follow = button({
      text: t('transcript.follow'),
      kind: 'float',
      hidden: true,
      onclick: () => this._transcript.followAgain(),
    });
    this._transcript.addEventListener('follow', () => show(follow, !this._transcript.follow));
    return follow;
  }

  _selectionBar() {
    return h(
      'div',
      { class: 'selection-bar', role: 'toolbar', 'aria-label': t('selection.label'), hidden: true },
      h('span', { class: 'small' }),
      button({
        icon: 'cut',
        text: t('selection.cut'),
        kind: 'danger',
        'aria-keyshortcuts': 'x Delete',
        onclick: () => this._cutSelection(),
      }),
      button({ text: t('selection.keep'), 'aria-keyshortcuts': 'r', onclick: () => this._keepSelection() }),
      button({
        icon: 'close',
        title: t('selection.none'),
        kind: 'quiet',
        onclick: () => this._clearSelection(),
      }),
    );
  }

  // The job: from its snapshot over its events to its transcript.

  async _follow() {
    const { signal } = this._stop;
    try {
      const status = await call((client) => client.jobs.status(this.jobId, { signal }));
      this._show(status);
      if (status.state === 'completed') return await this._complete(status.result);
      if (ENDED.includes(status.state)) return;
      void this._openSound();
      for await (const event of service().jobs.events(this.jobId, { signal })) this._onEvent(event);
      const last = await call((client) => client.jobs.status(this.jobId, { signal }));
      this._show(last);
      if (last.state === 'completed') await this._complete(last.result);
      announce(t(`state.${last.state}`));
    } catch (error) {
      if (isAborted(error)) return;
      this._fail(isMissing(error) ? t('job.missing') : explain(error));
    }
  }

  /** @param {any} status */
  _show(status) {
    const { data, state, error } = status;
    this._status = status;
    const name = data?.fileName ?? this.jobId;
    if (this._name) say(this._name, name);
    document.title = `${name} – ${t('app')}`;
    if (this._running) show(this._running, !ENDED.includes(state));
    if (this._bar) this._bar.value = status.progress;
    if (this._step) say(this._step, stepOf(status));
    if (state === 'failed') this._fail([error, status.hint].filter(Boolean).join(' '), status.restartable);
    if (state === 'cancelled') this._fail(t('job.cancelled'));
    if (state === 'waiting') this._transcript.note(document.createTextNode(t('job.waiting')));
  }

  /** @param {any} event */
  _onEvent(event) {
    this._loadMorePeaks();
    if (event.type === 'snapshot') this._show(event);
    else if (event.type === 'progress') {
      this._show({ ...this._status, ...event, state: 'active' });
      announce(t('job.announce', { percent: Math.floor(event.progress / 10) * 10 }));
    } else if (event.type === 'words') this._addChunk(event);
    else if (event.type === 'active') this._transcript.note(document.createTextNode(t('job.listening')));
  }

  /** @param {any} chunk */
  _addChunk(chunk) {
    this._chunks.set(chunk.chunk, chunk);
    const chunks = [...this._chunks.values()].sort((a, b) => a.start - b.start);
    this._transcript.note(null);
    const model = new TranscriptModel(inOrder(chunks));
    this._transcript.show(model, true);
    const end = Math.max(...chunks.map(({ end }) => end));
    this._setDuration(Math.max(end, this._player.mediaDuration, this._wave.peaks?.duration ?? 0));
    this._wave.update({ model, bands: { done: chunks.map(({ start, end }) => ({ start, end })) } });
  }

  /** @param {any} transcript */
  async _complete(transcript) {
    const { words, silenceSegments: silences, gaps, totalDuration, usage } = transcript;
    this._media = transcript.media;
    this._preferPreview();
    const model = new TranscriptModel(words, silences);
    this._transcript.note(
      words.length ? null : document.createTextNode(t(transcript.dryRun ? 'job.dryRun' : 'job.noWords')),
    );
    this._transcript.show(model, this._chunks.size > 0);
    this._setDuration(totalDuration);
    this._wave.update({ model, bands: { silences, gaps, done: [] } });
    if (this._facts) say(this._facts, factsOf(transcript, words.length, usage));
    this._tick();
    const formats = await this._formats();
    this._cut.open(/** @type {Edit} */ (this._edit));
    if (this._downloads)
      fill(
        this._downloads,
        downloadMenu(this.jobId, formats, () => this._edit?.request ?? {}),
      );
    this.classList.add('finished');
    await Promise.all([this._loadPeaks(), this._plan(), this._player.ready ? null : this._openSound()]);
  }

  async _formats() {
    const document = await call((client) => client.openapi());
    return /** @type {string[]} */ (document.components.schemas.ExportRequest.properties.format.enum);
  }

  /** The whole waveform of a job that has ended. */
  async _loadPeaks() {
    clearTimeout(this._peaksTimer);
    try {
      const buffer = await call((client) => client.jobs.peaksFile(this.jobId, { signal: this._stop.signal }));
      if (buffer) this._wave.update({ peaks: Peaks.fromDat(buffer) });
    } catch (error) {
      if (!isAborted(error) && !isMissing(error)) toast(explain(error), 'bad');
    }
  }

  /** The waveform of a running job grows after each of its events. */
  _loadMorePeaks() {
    this._peaksTimer ||= window.setTimeout(async () => {
      try {
        const { peaks } = this._wave;
        const { signal } = this._stop;
        const query = { partial: true, start: peaks?.next, signal };
        const buffer = await call((client) => client.jobs.peaksFile(this.jobId, query));
        if (!buffer || this.classList.contains('finished') || peaks !== this._wave.peaks) return;
        const more = Peaks.fromDat(buffer, peaks);
        this._setDuration(Math.max(this._wave.duration, more.duration));
        this._wave.update({ peaks: more });
      } catch {
        // The next event asks again, and the end of the job brings the whole.
      } finally {
        this._peaksTimer = 0;
      }
    }, PEAKS_AFTER_MS);
  }

  /** @param {number} seconds */
  _setDuration(seconds) {
    this._player.duration = seconds;
    this._wave.update({ duration: seconds });
    if (this._all) say(this._all, clock(seconds));
  }

  async _cancel() {
    try {
      await call((client) => client.jobs.cancel(this.jobId));
    } catch (error) {
      toast(explain(error), 'bad');
    }
  }

  /** @param {string} text @param {boolean} [restartable] */
  _fail(text, restartable = false) {
    if (!this._problem) return;
    fill(
      this._problem,
      icon('warn'),
      h('span', {}, text),
      restartable && button({ icon: 'retry', text: t('job.restart'), onclick: () => void this._restart() }),
      h('a', { class: 'button', href: '#/jobs' }, t('job.back')),
    );
    show(this._problem, true);
  }

  async _restart() {
    try {
      await call((client) => client.jobs.restart(this.jobId));
      if (this._problem) show(this._problem, false);
      await this._follow();
    } catch (error) {
      toast(explain(error), 'bad');
    }
  }

  // The cut.

  _planSoon() {
    this._cut.refresh();
    clearTimeout(this._planTimer);
    this._planTimer = window.setTimeout(() => void this._plan(), PLAN_AFTER_MS);
  }

  async _plan() {
    this._planning?.abort();
    const planning = new AbortController();
    this._planning = planning;
    try {
      const plan = await call((client) =>
        client.jobs.cutPlan(this.jobId, /** @type {any} */ (this._edit?.request), {
          signal: planning.signal,
        }),
      );
      if (planning.signal.aborted) return;
      Object.assign(this._player, { cuts: plan.cut, mode: plan.mode, speedFactor: plan.speedFactor ?? 1 });
      const retakes = plan.retakes.map((/** @type {any} */ { dropped }) => dropped);
      this._wave.update({ bands: { cuts: plan.cut, fillers: plan.fillers, retakes } });
      this._transcript.mark(plan.cut, plan.fillers, retakes);
      this._cut.show(plan);
    } catch (error) {
      if (!isAborted(error)) this._cut.fail(error);
    }
  }

  _showTools() {
    const range = this._wave.selection;
    if (!this._tools) return;
    show(this._tools, range !== null && this.classList.contains('finished'));
    if (range)
      say(
        /** @type {Element} */ (this._tools.firstElementChild),
        t('selection.range', { start: clock(range.start, 1), length: duration(range.end - range.start) }),
      );
  }

  _clearSelection() {
    this._transcript.select(null);
    this._wave.select(null);
    this._showTools();
  }

  _cutSelection() {
    const range = this._wave.selection;
    if (!range) return;
    this._edit?.cutRange({ start: range.start, end: range.end });
    announce(t('selection.cutDone'));
    this._clearSelection();
  }

  _keepSelection() {
    const range = this._wave.selection;
    if (!range) return;
    this._edit?.keepRange({ start: range.start, end: range.end });
    announce(t('selection.keptDone'));
    this._clearSelection();
  }

  // Playback.

  /** The file itself if it came from this tab, else from the service. */
  async _openSound() {
    const own = uploads.files.get(this.jobId);
    try {
      const { url, previewUrl } = await call((client) =>
        client.jobs.media(this.jobId, { signal: this._stop.signal }),
      );
      if (own) this._playBlob(own, previewUrl);
      else this._player.open(url, previewUrl);
      this._preferPreview();
    } catch (error) {
      if (isAborted(error)) return;
      if (own) this._playBlob(own);
      else this._noSound(isMissing(error) ? t('player.gone') : explain(error));
    }
  }

  /** A browser plays the first audio stream, and a picture without its sound if it lacks the codec. */
  _preferPreview() {
    if (this._media && !playsSound(this._media)) this._player.usePreview();
  }

  /** @param {Blob} file @param {string} [preview] */
  _playBlob(file, preview) {
    if (this._address) URL.revokeObjectURL(this._address);
    this._address = URL.createObjectURL(file);
    this._player.open(this._address, preview);
  }

  /** @param {HTMLInputElement} input */
  _playFile(input) {
    const file = input.files?.[0];
    if (!file) return;
    uploads.files.set(this.jobId, file);
    this._playBlob(file);
  }

  _noSound(reason = t('player.unplayable')) {
    const note = this._sound?.children[1];
    if (!this._sound || !note) return;
    say(note, reason);
    show(this._sound, true);
  }

  _onMedia() {
    if (this._player.previews) this._noSound(t('player.preview'));
    else if (this._sound) show(this._sound, false);
    this.classList.toggle('with-picture', this._player.hasPicture);
    if (!this._player.duration) this._setDuration(this._player.mediaDuration);
    this._tick();
  }

  _setSkip() {
    this._player.skipCuts = this._skip?.checked ?? true;
    save('skip', this._player.skipCuts);
  }

  _tick() {
    const { time, playing } = this._player;
    this._player.tick();
    this._wave.setTime(time, playing);
    this._transcript.setTime(time);
    if (this._clock) say(this._clock, clock(time, 1));
    this._drawPlay(playing);
    if (this._speed) this._speed.value = String(this._player.speed);
    this._rememberTimer ||= window.setTimeout(() => {
      this._rememberTimer = 0;
      save(`time.${this.jobId}`, Math.round(100 * this._player.time) / 100);
      if (this.isConnected) rememberTime(this.jobId, this._player.time);
    }, REMEMBER_EVERY_MS);
    if (playing && !this._frame) {
      this._frame = requestAnimationFrame(() => {
        this._frame = 0;
        this._tick();
      });
    }
  }

  /** @param {boolean} playing */
  _drawPlay(playing) {
    if (!this._play || this._drawnPlaying === playing) return;
    this._drawnPlaying = playing;
    const title = t(playing ? 'player.pause' : 'player.play');
    this._play.title = title;
    this._play.setAttribute('aria-label', title);
    fill(this._play, icon(playing ? 'pause' : 'play'));
  }

  async _copyLink() {
    rememberTime(this.jobId, this._player.time);
    try {
      await navigator.clipboard.writeText(location.href);
      toast(t('job.copied', { time: clock(this._player.time) }));
    } catch {
      toast(location.href);
    }
  }

  async _copyWords() {
    const range = this._transcript.selected;
    if (!range) return;
    const words = this._transcript.model.words.slice(range.first, range.last + 1);
    const text = words.map(({ word }) => word.trim()).join(' ');
    try {
      await navigator.clipboard.writeText(text);
      toast(t('selection.copied'));
    } catch {
      toast(text);
    }
  }

  // Search and keys.

  _search() {
    const text = this._query?.value ?? '';
    const count = this._transcript.search(text);
    if (this._hits) say(this._hits, text ? t('search.hits', { n: count }) : '');
  }

  /** @param {number} step */
  _nextMatch(step) {
    const first = this._transcript.nextMatch(step);
    if (first < 0) return;
    if (this._hits)
      say(this._hits, t('search.hit', { n: this._transcript.hit + 1, all: this._transcript.hits.length }));
    this._player.seek(this._transcript.model.words[first].start);
  }

  _onKey = (/** @type {KeyboardEvent} */ event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.defaultPrevented || document.querySelector('dialog[open]')) return;
    const command = event.ctrlKey || event.metaKey;
    if (target.matches('input:not([type=checkbox], [type=radio], [type=range]), textarea, select')) return;
    const action = command ? this._command(event) : this._keys(event, target);
    if (!action) return;
    event.preventDefault();
    action();
  };

  /** @param {KeyboardEvent} event @returns {(() => void) | undefined} */
  _command(event) {
    if (event.key === 'f') return () => this._query?.select();
    if (event.key === 'c' && this._transcript.selected) return () => void this._copyWords();
    if (event.key.toLowerCase() === 'z')
      return () => (event.shiftKey ? this._edit?.redo() : this._edit?.undo());
    if (event.key === 'y') return () => this._edit?.redo();
    return undefined;
  }

  /** @param {KeyboardEvent} event @param {HTMLElement} target @returns {(() => void) | undefined} */
  _keys(event, target) {
    const control = target.matches('button, a, summary, input');
    const arrows = target.matches('input[type=range], input[type=radio]');
    const step = event.shiftKey ? 5 : 1;
    /** @type {Record<string, () => void>} */
    const keys = {
      k: () => this._player.pause(),
      l: () => this._player.faster(),
      j: () => this._player.rewind(),
      x: () => this._cutSelection(),
      Delete: () => this._cutSelection(),
      Backspace: () => this._cutSelection(),
      r: () => this._keepSelection(),
      '/': () => this._query?.select(),
      Escape: () => this._clearSelection(),
      '+': () => this._wave.zoom(1.8),
      '=': () => this._wave.zoom(1.8),
      '-': () => this._wave.zoom(1 / 1.8),
      0: () => this._wave.fit(),
    };
    if (!control) keys[' '] = () => this._player.toggle();
    if (!arrows && event.altKey === false) {
      const inText = this._transcript.contains(target);
      keys.ArrowLeft = () =>
        inText && event.shiftKey ? this._transcript.extend(-1) : this._player.seek(this._player.time - step);
      keys.ArrowRight = () =>
        inText && event.shiftKey ? this._transcript.extend(1) : this._player.seek(this._player.time + step);
    }
    return keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  }
}

/** The words of chunks; of channels that are transcribed one by one in order of time. @param {any[]} chunks */
function inOrder(chunks) {
  const words = chunks.flatMap(({ words }) => words);
  // Otherwise the order of the text holds, whatever the times of its words.
  const apart = chunks.some(({ channel }) => channel !== undefined);
  return apart ? words.sort((a, b) => a.start - b.start) : words;
}

/** @param {any} status */
function stepOf({ state, message, progress, etaSeconds, speed, waiting }) {
  if (state === 'waiting' || state === 'delayed') return t('job.waiting');
  const left = etaSeconds ? t('jobs.left', { time: duration(etaSeconds) }) : '';
  const pace = speed ? t('job.speed', { n: speed.toFixed(1) }) : '';
  return [`${Math.round(progress)} %`, waiting?.reason ?? message, pace, left].filter(Boolean).join(' · ');
}

/** @param {any} transcript @param {number} words @param {any} usage */
function factsOf({ totalDuration, language, engine, model, speakers }, words, usage) {
  return [
    duration(totalDuration),
    t('jobs.words', { n: words }),
    language,
    `${engine} (${model})`,
    speakers?.length ? t('job.speakers', { n: speakers.length }) : '',
    usage?.estimatedCostUsd ? cost(usage.estimatedCostUsd) : '',
  ]
    .filter(Boolean)
    .join(' · ');
}

customElements.define('at-job', JobView);

import { ApiError } from '../../clients/js/src/audio-tools.js';

/**
 * @typedef {import('../../clients/js/src/audio-tools.js').Client} Client
 * @typedef {{ path: string, name: string, item?: unknown }} Media a file as the editing program names it
 */

/**
 * What a panel needs of the program that it runs in.
 *
 * @typedef {object} Host
 * @property {() => Promise<Media | null>} selectedMedia the clip that is selected in the project
 * @property {() => Promise<Media | null>} pickMedia asks the user for a file
 * @property {(media: Media) => Promise<import('../../clients/js/src/source.js').Source>} open reads the file
 * @property {(name: string, bytes: ArrayBuffer) => Promise<void>} importFile saves a file beside the project and
 *   imports it
 * @property {((media: Media, transcript: string) => Promise<void>) | null} attachTranscript gives a clip its
 *   transcript, for text-based editing; null where the program has no call for it
 */

/**
 * What the panel shows.
 *
 * @typedef {object} View
 * @property {(percent: number, text: string) => void} progress
 * @property {(text: string) => void} message
 */

/** Transcribes a clip and brings the results into the project. It knows neither the page nor the program. */
export class Panel {
  /**
   * @param {Client} client
   * @param {Host} host
   * @param {View} view
   */
  constructor(client, host, view) {
    this._client = client;
    this._host = host;
    this._view = view;
    /** @type {Media | null} */
    this._media = null;
    this._jobId = '';
    /** @type {AbortController | null} */
    this._running = null;
    this._onRetry = (/** @type {{ error: Error }} */ { error }) => view.message(error.message);
  }

  /** Transcribe the selected clip, or a file that the user picks. Throws the errors of the client. */
  async transcribe() {
    const media = (await this._host.selectedMedia()) || (await this._host.pickMedia());
    if (!media) return;
    this._running = new AbortController();
    const { signal } = this._running;
    try {
      this._jobId = await this._submit(media, signal);
      const transcript = await this._client.jobs.wait(this._jobId, {
        signal,
        onRetry: this._onRetry,
        onProgress: ({ progress, message }) => this._view.progress(progress, message),
      });
      this._media = media;
      this._view.message(`${media.name}: ${transcript.words.length} words`);
    } finally {
      this._running = null;
    }
  }

  /** Stop, and cancel the job. */
  async cancel() {
    if (!this._running) return;
    this._running.abort();
    if (this._jobId) await this._client.jobs.cancel(this._jobId);
    this._view.message('Cancelled');
  }

  /** Give the clip its transcript; where the program has no call for it, import the captions instead. */
  async addTranscript() {
    const media = this._finished();
    if (!this._host.attachTranscript || !media.item) return this.addCaptions();
    const file = await this._client.jobs.exportFile(this._jobId, 'premiere');
    await this._host.attachTranscript(media, file.text());
    this._view.message(`${media.name} has its transcript`);
  }

  /** Import captions with the times of the media. */
  async addCaptions() {
    const file = await this._client.jobs.exportFile(this._jobId, 'srt', { mediaPath: this._finished().path });
    await this._import(file.name, file.bytes);
  }

  /** Import a sequence without the silences, and the captions that go with it. */
  async addCutSequence() {
    const { path } = this._finished();
    const cutPlan = await this._client.jobs.cutPlan(this._jobId, { preset: 'balanced' });
    const sequence = await this._client.jobs.exportFile(this._jobId, 'xmeml', { cutPlan, mediaPath: path });
    const captions = await this._client.jobs.exportFile(this._jobId, 'srt', { cutPlan, mediaPath: path });
    await this._import(sequence.name, sequence.bytes);
    await this._import(captions.name.replace(/\.srt$/, ' cut.srt'), captions.bytes);
  }

  /**
   * By path, if the service may read the file; else as an upload that survives interruptions.
   *
   * @param {Media} media
   * @param {AbortSignal} signal
   */
  async _submit(media, signal) {
    const { jobs } = this._client;
    const onRetry = this._onRetry;
    try {
      return (await jobs.submit({ path: media.path, signal, onRetry })).jobId;
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'path_refused')) throw error;
    }
    const file = await this._host.open(media);
    const started = await jobs.submit({
      file,
      name: media.name,
      signal,
      onProgress: ({ sentBytes, totalBytes }) => {
        this._view.progress((100 * sentBytes) / totalBytes, 'Sending the file');
      },
      onRetry,
    });
    return started.jobId;
  }

  /**
   * @param {string} name
   * @param {ArrayBuffer} bytes
   */
  async _import(name, bytes) {
    await this._host.importFile(name, bytes);
    this._view.message(`Imported ${name}`);
  }

  _finished() {
    if (!this._media) throw new Error('Transcribe a clip first.');
    return this._media;
  }
}

/**
 * Connect the buttons of the page with a panel.
 *
 * @param {Document} document
 * @param {(token: string) => Client} connect
 * @param {Host} host
 */
export function show(document, connect, host) {
  const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
  const bar = /** @type {HTMLProgressElement} */ (element('progress'));
  const token = /** @type {HTMLInputElement} */ (element('token'));
  const message = (/** @type {string} */ text) => {
    element('message').textContent = text;
  };
  const view = {
    message,
    progress(/** @type {number} */ percent, /** @type {string} */ text) {
      bar.value = percent;
      message(text);
    },
  };
  let panel = new Panel(connect(token.value), host, view);
  token.addEventListener('change', () => {
    panel = new Panel(connect(token.value), host, view);
  });
  /** @type {Record<string, (panel: Panel) => Promise<void>>} */
  const actions = {
    transcribe: (current) => current.transcribe(),
    cancel: (current) => current.cancel(),
    transcript: (current) => current.addTranscript(),
    captions: (current) => current.addCaptions(),
    sequence: (current) => current.addCutSequence(),
  };
  for (const [id, action] of Object.entries(actions)) {
    element(id).addEventListener('click', () => {
      action(panel).catch((error) => {
        if (error.name !== 'AbortError') message(`${error.message} ${error.hint || ''}`.trim());
      });
    });
  }
}

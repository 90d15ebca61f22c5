import { AbortError, ApiError, ConnectionError, UploadError } from './errors.js';
import { ProgressMeter } from './progress.js';
import { FIRST_ATTEMPTS, Retry } from './retry.js';
import { readPiece, sourceOf } from './source.js';
import { Tus, uploadIdOf } from './tus.js';

/**
 * @typedef {object} UploadOptions
 * @property {string} [name] name of the file; default: that of the file
 * @property {(progress: import('./progress.js').UploadProgress) => void} [onProgress]
 * @property {(url: string) => void} [onUrl] receives the address of the upload: store it to resume after a reload
 * @property {(notice: import('./retry.js').RetryNotice) => void} [onRetry]
 * @property {number} [retries] attempts without progress before giving up; default 120, about ten minutes
 */

/** @typedef {'ready' | 'uploading' | 'paused' | 'done' | 'failed' | 'cancelled'} UploadState */

/** Resumable uploads (tus 1.0): they survive a broken connection, a reload and a restart of the service. */
export class Uploads {
  /** @param {import('./http.js').Http} http */
  constructor(http) {
    this._http = http;
  }

  /**
   * A new upload; `start()` begins it.
   *
   * @param {import('./source.js').Media} file
   * @param {UploadOptions} [options]
   */
  create(file, options) {
    return new Upload(this._http, file, options);
  }

  /**
   * What the service accepts.
   *
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<{ maxBytes: number }>} size of the largest upload
   */
  async limits({ signal } = {}) {
    const response = await this._http.request('OPTIONS', '/files', { signal });
    return { maxBytes: Number(response.headers.get('Tus-Max-Size')) };
  }

  /**
   * Go on with an upload of the same file, which an earlier page or process began; `start()` begins. If the
   * service does not have it any more, it starts anew, and `onUrl` receives the new address.
   *
   * @param {import('./source.js').Media} file
   * @param {string} url address of the upload, from `onUrl`
   * @param {UploadOptions} [options]
   */
  resume(file, url, options) {
    return new Upload(this._http, file, options, uploadIdOf(url));
  }
}

/** One file on its way to the service. */
export class Upload {
  /**
   * @param {import('./http.js').Http} http
   * @param {import('./source.js').Media} file
   * @param {UploadOptions} [options]
   * @param {string} [uploadId]
   */
  constructor(http, file, options = {}, uploadId = '') {
    this._http = http;
    this._source = sourceOf(file);
    this._options = options;
    this._name = options.name || this._source.name || 'media';
    this._tus = new Tus(http, this._source, this._name);
    this._meter = new ProgressMeter(this._source.size, options.onProgress);
    /** @type {UploadState} */
    this.state = 'ready';
    /** Id of the upload at the service; empty until it exists. */
    this.uploadId = uploadId;
    /** @type {number | null} bytes that the service has; null: must be asked */
    this._offset = null;
    this._answered = false;
    /** The most bytes that it has ever had. */
    this._reached = 0;
    /** @type {AbortController | null} the request under way */
    this._request = null;
    /** @type {Promise<string> | null} */
    this._running = null;
    /** @type {() => void} */
    this._wake = () => {};
  }

  /** Address of the upload; empty until it exists. */
  get url() {
    return this.uploadId ? `${this._http.url}/files/${this.uploadId}` : '';
  }

  /** Bytes of the file. */
  get size() {
    return this._source.size;
  }

  /**
   * Send the file. Waits through pauses; may be called again after a failure, and goes on from there.
   *
   * @param {{ signal?: AbortSignal }} [options] aborting stops, and keeps what the service has
   * @returns {Promise<string>} the `uploadId`, to start jobs with
   */
  start({ signal } = {}) {
    if (!this._running) {
      this._running = this._run(signal).finally(() => {
        this._running = null;
      });
    }
    return this._running;
  }

  /** Stop sending; the service keeps what it has. */
  pause() {
    if (this.state !== 'uploading' && this.state !== 'ready') return;
    this.state = 'paused';
    this._interrupt();
  }

  /** Go on after a pause. */
  resume() {
    if (this.state !== 'paused') return;
    this.state = this._running ? 'uploading' : 'ready';
    this._meter.restart();
    this._wake();
  }

  /** Stop for good, and remove from the service what it has of the file. */
  async cancel() {
    this.state = 'cancelled';
    this._interrupt();
    this._wake();
    if (this._running) await this._running.catch(() => {});
    if (!this.uploadId) return;
    try {
      await this._tus.remove(this.uploadId);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    this.uploadId = '';
  }

  _interrupt() {
    if (this._request) this._request.abort();
  }

  /** @param {AbortSignal} [signal] */
  async _run(signal) {
    const retry = new Retry({ ...this._options, signal });
    const stop = () => {
      this._interrupt();
      this._wake();
    };
    if (signal) signal.addEventListener('abort', stop);
    if (this.state !== 'paused' && this.state !== 'cancelled') this.state = 'uploading';
    try {
      while (this._offset !== this._source.size) await this._attempt(retry, signal);
      this.state = 'done';
      return this.uploadId;
    } catch (error) {
      if (this.state !== 'cancelled') this.state = signal?.aborted ? 'ready' : 'failed';
      throw error;
    } finally {
      if (signal) signal.removeEventListener('abort', stop);
    }
  }

  /**
   * One request that gets the upload further; after a failure, the wait before the next one.
   *
   * @param {Retry} retry
   * @param {AbortSignal} [signal]
   */
  async _attempt(retry, signal) {
    while (this.state === 'paused' && !signal?.aborted) {
      await new Promise((resolve) => {
        this._wake = () => resolve(undefined);
      });
    }
    if (this.state === 'cancelled') throw new UploadError('The upload was cancelled.', 'upload_cancelled');
    if (signal?.aborted) throw new AbortError();
    this._request = new AbortController();
    const request = this._request.signal;
    try {
      await this._advance(request);
      this._answered = true;
      if (this._offset && this._offset > this._reached) {
        this._reached = this._offset;
        retry.reset();
      }
    } catch (error) {
      const failure = /** @type {Error} */ (error);
      this._offset = null;
      if (request.aborted) return;
      const gone = this.uploadId !== '' && isGone(failure);
      if (gone) this.uploadId = '';
      if (failure instanceof ConnectionError) await this._checkSource();
      const again = gone || (failure instanceof ApiError && failure.code === 'offset_mismatch');
      const retries = this._answered ? undefined : FIRST_ATTEMPTS;
      await retry.wait(failure, { always: again, retries, signal: request }).catch((reason) => {
        if (!request.aborted) throw reason;
      });
    } finally {
      this._request = null;
    }
  }

  /** @param {AbortSignal} signal */
  async _advance(signal) {
    const offset = this._offset;
    const onSent = (/** @type {number} */ sent) => {
      if (!signal.aborted) this._meter.report((offset || 0) + sent);
    };
    if (!this.uploadId) {
      const created = await this._tus.create(onSent, signal);
      this.uploadId = created.uploadId;
      this._offset = created.offset;
      if (this._options.onUrl) this._options.onUrl(this.url);
    } else if (offset === null) {
      this._offset = await this._tus.ask(this.uploadId, signal);
      this._meter.restart();
    } else {
      this._offset = await this._tus.append(this.uploadId, offset, onSent, signal);
    }
    this._meter.report(this._offset);
  }

  /** A browser says only that the connection failed where it cannot read the file any more. */
  async _checkSource() {
    try {
      const piece = await readPiece(this._source, 0, Math.min(1, this.size));
      if (piece instanceof Blob && typeof piece.arrayBuffer === 'function') await piece.arrayBuffer();
    } catch (error) {
      if (error instanceof UploadError) throw error;
      const message = `${this._name} cannot be read: ${error instanceof Error ? error.message : error}.`;
      throw new UploadError(message, 'source_changed', 'Choose the file again.');
    }
  }
}

/** @param {unknown} error */
function isGone(error) {
  return error instanceof ApiError && (error.status === 404 || error.status === 410);
}

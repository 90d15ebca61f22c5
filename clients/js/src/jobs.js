import { ApiError } from './errors.js';
import { follow } from './events.js';
import { sendForm } from './form.js';
import { FIRST_ATTEMPTS, Retry } from './retry.js';
import { decodeUtf8 } from './text.js';
import { Upload } from './uploads.js';

/**
 * @typedef {import('./api.js').components['schemas']} Schemas
 * @typedef {Schemas['Transcript']} Transcript
 * @typedef {Schemas['JobStatus']} JobStatus
 * @typedef {Schemas['Event']} Event
 */

/**
 * What to transcribe: exactly one of `file`, `path` and `uploadId`.
 *
 * @typedef {object} Submission
 * @property {import('./source.js').Media} [file]
 * @property {string} [path] a file that the service can read itself, under its MEDIA_ROOTS
 * @property {string} [uploadId] a finished upload
 * @property {Partial<Schemas['Options']>} [options] of the job
 * @property {string} [name] name of the file; default: that of the file
 * @property {'tus' | 'form'} [via] how a file is sent; default: `tus`, which can be resumed
 * @property {(upload: Upload) => void} [onUpload] receives the upload before it starts, to pause or cancel it
 * @property {(progress: import('./progress.js').UploadProgress) => void} [onProgress]
 * @property {(notice: import('./retry.js').RetryNotice) => void} [onRetry]
 * @property {string} [idempotencyKey] a repeated submission with the same key gives the same job
 * @property {AbortSignal} [signal]
 */

/** The jobs of the service. */
export class Jobs {
  /** @param {import('./http.js').Http} http */
  constructor(http) {
    this._http = http;
  }

  /**
   * Start a job. A submission whose reply was lost is repeated without starting a second job.
   *
   * @param {Submission} submission
   * @returns {Promise<Schemas['Started']>}
   */
  async submit(submission) {
    const { file, path, options = {}, via = 'tus', signal, onRetry } = submission;
    const headers = { 'Idempotency-Key': submission.idempotencyKey || randomKey() };
    if (file && via === 'form') {
      return sendForm(this._http, { ...submission, file, options, headers });
    }
    let { uploadId } = submission;
    if (file) {
      const upload = new Upload(this._http, file, submission);
      if (submission.onUpload) submission.onUpload(upload);
      uploadId = await upload.start({ signal });
    }
    const json = path === undefined ? { uploadId, options } : { path, options };
    const retry = new Retry({ onRetry, signal, retries: file ? undefined : FIRST_ATTEMPTS });
    for (;;) {
      try {
        return await this._http.json('POST', '/jobs', { json, headers, signal });
      } catch (error) {
        await retry.wait(/** @type {Error} */ (error));
      }
    }
  }

  /**
   * A page of the list: unfinished jobs first, then the newest.
   *
   * @param {{ state?: Schemas['JobState'][], limit?: number, offset?: number, signal?: AbortSignal }} [options]
   * @returns {Promise<Schemas['JobList']>}
   */
  async list({ signal, ...query } = {}) {
    return this._http.json('GET', '/jobs', { query, signal });
  }

  /**
   * @param {string} jobId
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<JobStatus>}
   */
  async status(jobId, { signal } = {}) {
    return this._http.json('GET', `${pathOf(jobId)}/status`, { signal });
  }

  /**
   * The transcript; null while the job is unfinished.
   *
   * @param {string} jobId
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<Transcript | null>}
   * @throws {ApiError} the error of a failed job, with its `code`, `message` and `hint`
   */
  async transcript(jobId, { signal } = {}) {
    const reply = await this._http.json('GET', `${pathOf(jobId)}/result`, { signal, accept: [202] });
    return reply.success ? reply.result : null;
  }

  /**
   * A snapshot of the job, then each of its events once, to the last. A broken connection is opened again.
   *
   * @param {string} jobId
   * @param {import('./events.js').EventOptions} [options]
   * @returns {AsyncGenerator<Event, void>}
   */
  events(jobId, options) {
    return follow(this._http, jobId, options);
  }

  /**
   * Follow a job to its end.
   *
   * @param {string} jobId
   * @param {import('./events.js').EventOptions & {
   *   onEvent?: (event: Event) => void,
   *   onProgress?: (progress: Schemas['SnapshotEvent'] | Schemas['ProgressEvent']) => void,
   * }} [options]
   * @returns {Promise<Transcript>}
   * @throws {ApiError} the error of a failed or cancelled job
   */
  async wait(jobId, { onEvent, onProgress, ...options } = {}) {
    for await (const event of this.events(jobId, options)) {
      if (onEvent) onEvent(event);
      if (onProgress && (event.type === 'snapshot' || event.type === 'progress')) onProgress(event);
    }
    const retry = new Retry(options);
    for (;;) {
      try {
        const transcript = await this.transcript(jobId, options);
        if (transcript) return transcript;
        throw new Error('The job has not finished.');
      } catch (error) {
        // A failed job may answer with a status that, from a proxy, would be temporary.
        if (error instanceof ApiError && !error.code.startsWith('http_')) throw error;
        await retry.wait(/** @type {Error} */ (error));
      }
    }
  }

  /**
   * Cancel a job, or delete one that has ended with all its data.
   *
   * @param {string} jobId
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<string>} what was done, one sentence
   */
  async delete(jobId, { signal } = {}) {
    return (await this._http.json('DELETE', pathOf(jobId), { signal })).message;
  }

  /**
   * Cancel a job; one that has ended stays as it is.
   *
   * @param {string} jobId
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<boolean>} whether it was cancelled
   */
  async cancel(jobId, options) {
    try {
      await this._http.json('DELETE', `${pathOf(jobId)}?delete=false`, { signal: options?.signal });
    } catch (error) {
      if (error instanceof ApiError && error.code === 'job_finished') return false;
      throw error;
    }
    return true;
  }

  /**
   * Put a failed job back into the queue.
   *
   * @param {string} jobId
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<Schemas['Started']>}
   */
  async restart(jobId, { signal } = {}) {
    return this._http.json('POST', `${pathOf(jobId)}/restart`, { signal });
  }

  /**
   * The webhook messages about a job so far, oldest first, with every attempt to deliver them.
   *
   * @param {string} jobId
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<Schemas['Delivery'][]>}
   */
  async webhookDeliveries(jobId, { signal } = {}) {
    return (await this._http.json('GET', `${pathOf(jobId)}/webhooks`, { signal })).deliveries;
  }

  /**
   * Plan a cut from the stored transcript; nothing is transcribed again.
   *
   * @param {string} jobId
   * @param {Partial<Schemas['CutOptions']>} [options]
   * @param {{ signal?: AbortSignal }} [request]
   * @returns {Promise<Schemas['PlannedCut']>}
   */
  async cutPlan(jobId, options = {}, { signal } = {}) {
    return this._http.json('POST', `${pathOf(jobId)}/cut-plan`, { json: options, signal });
  }

  /**
   * The transcript as a file: captions, text, or a cut sequence for an editing program.
   *
   * @param {string} jobId
   * @param {Schemas['ExportRequest']['format']} format
   * @param {Omit<Partial<Schemas['ExportRequest']>, 'format'>} [options]
   * @param {{ signal?: AbortSignal }} [request]
   */
  async exportFile(jobId, format, options = {}, { signal } = {}) {
    const json = { ...options, format };
    const response = await this._http.request('POST', `${pathOf(jobId)}/export`, { json, signal });
    const bytes = await this._http.read(response, (whole) => whole.arrayBuffer(), signal);
    return new ExportedFile(
      nameIn(response.headers.get('Content-Disposition') || '') || `transcript.${format}`,
      response.headers.get('Content-Type') || 'application/octet-stream',
      bytes,
    );
  }

  /**
   * The waveform, in audiowaveform's format; null while the job is unfinished, with `partial` only until a running
   * job has measured something.
   *
   * @param {string} jobId
   * @param {{ samplesPerPixel?: 256 | 1024 | 4096, start?: number, end?: number, partial?: boolean, signal?: AbortSignal }} [options]
   * @returns {Promise<Schemas['Waveform'] | null>}
   */
  async peaks(jobId, { signal, ...query } = {}) {
    const reply = await this._http.json('GET', `${pathOf(jobId)}/peaks`, { query, signal, accept: [202] });
    return 'data' in reply ? reply : null;
  }

  /**
   * Where a media element finds the recording; the address contains what it needs if the service has a token.
   *
   * @param {string} jobId
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<Schemas['MediaAddress']>} with whole addresses as `url` and `previewUrl`
   */
  async media(jobId, { signal } = {}) {
    const reply = await this._http.json('GET', `${pathOf(jobId)}/media-address`, { signal });
    const [url, previewUrl] = [reply.url, reply.previewUrl].map((path) => `${this._http.url}/${path}`);
    return { ...reply, url, previewUrl };
  }

  /**
   * The waveform as audiowaveform's binary file, for peaks.js; null as for `peaks`.
   *
   * @param {string} jobId
   * @param {{ samplesPerPixel?: 256 | 1024 | 4096, start?: number, end?: number, partial?: boolean, signal?: AbortSignal }} [options]
   * @returns {Promise<ArrayBuffer | null>}
   */
  async peaksFile(jobId, { signal, ...query } = {}) {
    const options = { query: { ...query, format: 'dat' }, signal, accept: [202] };
    const response = await this._http.request('GET', `${pathOf(jobId)}/peaks`, options);
    if (response.status === 202) return null;
    return this._http.read(response, (whole) => whole.arrayBuffer(), signal);
  }
}

/** A file that the service has written. */
export class ExportedFile {
  /**
   * @param {string} name
   * @param {string} mediaType
   * @param {ArrayBuffer} bytes
   */
  constructor(name, mediaType, bytes) {
    this.name = name;
    this.mediaType = mediaType;
    this.bytes = bytes;
  }

  /** Its text, read as UTF-8. */
  text() {
    return decodeUtf8(new Uint8Array(this.bytes));
  }

  /** As a `Blob`, for `URL.createObjectURL`. */
  blob() {
    return new Blob([this.bytes], { type: this.mediaType });
  }
}

/** @param {string} jobId */
function pathOf(jobId) {
  if (!jobId || jobId === '.' || jobId === '..') throw new TypeError(`Not the id of a job: ${jobId}`);
  return `/job/${encodeURIComponent(jobId)}`;
}

/** @param {string} disposition */
function nameIn(disposition) {
  const found = /filename\*=UTF-8''([^;]+)/i.exec(disposition);
  return found ? decodeURIComponent(found[1]) : '';
}

function randomKey() {
  // Not `crypto.randomUUID`: only pages from https and loopback have it. It must be unique, not secret.
  const numbers = Uint32Array.from({ length: 4 }, () => Math.random() * 2 ** 32);
  if (typeof crypto === 'object' && crypto.getRandomValues) crypto.getRandomValues(numbers);
  return Array.from(numbers, (number) => number.toString(16).padStart(8, '0')).join('');
}

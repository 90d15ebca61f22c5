/** Uploads of this browser: they go on while views change, and are remembered over a reload. */

import { forgetHandle, keepHandle, loadHandle } from './handles.js';
import { call, explain, isAborted, isRefusal, service } from './service.js';
import { load, save } from './storage.js';

/** @typedef {'waiting' | 'uploading' | 'paused' | 'starting' | 'interrupted' | 'failed' | 'done'} UploadState */

/**
 * @typedef {object} Entry
 * @property {string} key
 * @property {string} name
 * @property {number} size bytes
 * @property {number} modified milliseconds since 1970
 * @property {object} options options of the job
 * @property {string} url address of the upload, empty before it exists
 * @property {UploadState} state
 * @property {number} sent bytes
 * @property {number} speed bytes per second
 * @property {number | null} left seconds
 * @property {string} problem
 * @property {boolean} [refused] whether the service refuses this file each time
 * @property {string} jobId of the job, once it was started
 * @property {File} [file] absent after a reload, until it is chosen again
 * @property {any} [handle] a `FileSystemFileHandle`: lets the browser open the file again after a reload
 * @property {any} [upload]
 */

class UploadStore extends EventTarget {
  constructor() {
    super();
    /** @type {Entry[]} */
    this.entries = load('uploads', []).map(restored);
    /** @type {Map<string, File>} files by the id of their job: this browser plays them itself */
    this.files = new Map();
    void Promise.all(this.entries.map((entry) => this._findHandle(entry)));
  }

  /** Whether something would be lost if the tab closed now. */
  get busy() {
    return this.entries.some(({ state }) => state === 'uploading' || state === 'starting');
  }

  /** @param {File} file @param {object} options @param {FileSystemFileHandle} [handle] */
  add(file, options, handle) {
    const again = this.entries.find((entry) => !entry.file && fits(entry, file));
    if (again) return this.attach(again, file);
    /** @type {Entry} */
    const entry = {
      ...{ key: crypto.getRandomValues(new Uint32Array(2)).join('-'), name: file.name, size: file.size },
      ...{ modified: file.lastModified, options, url: '', state: 'waiting', sent: 0, speed: 0, left: null },
      ...{ problem: '', jobId: '', file, handle },
    };
    this.entries.unshift(entry);
    this._changed();
    if (handle) void keepHandle(entry.key, handle);
    void this._run(entry);
    return entry;
  }

  /** Open the file of an interrupted upload again and continue. @param {Entry} entry @returns {Promise<boolean>} whether it is the same file */
  async reopen(entry) {
    if ((await entry.handle.requestPermission?.({ mode: 'read' })) === 'denied') return false;
    return this.attach(entry, await entry.handle.getFile()) !== null;
  }

  /** After a reload: continue where the browser allows it without a question. @param {Entry} entry */
  async _findHandle(entry) {
    const handle = await loadHandle(entry.key);
    if (!handle || entry.file) return;
    entry.handle = handle;
    this._changed();
    try {
      if ((await handle.queryPermission({ mode: 'read' })) === 'granted') await this.reopen(entry);
    } catch {
      // The file is gone or has changed; the user may choose it again.
    }
  }

  /** Go on with an upload that a reload has interrupted. @param {Entry} entry @param {File} file */
  attach(entry, file) {
    if (!fits(entry, file)) return null;
    entry.file = file;
    void this._run(entry);
    return entry;
  }

  /** @param {Entry} entry */
  pause(entry) {
    entry.upload?.pause();
    this._set(entry, { state: 'paused', speed: 0, left: null });
  }

  /** @param {Entry} entry */
  resume(entry) {
    if (entry.state === 'failed') return void this._run(entry);
    entry.upload?.resume();
    this._set(entry, { state: 'uploading' });
  }

  /** Forget an upload, and remove what the service has of it. @param {Entry} entry */
  async remove(entry) {
    void forgetHandle(entry.key);
    this.entries = this.entries.filter((other) => other !== entry);
    this._changed();
    if (entry.jobId) return;
    try {
      if (entry.upload) await entry.upload.cancel();
      else if (entry.url) await service().uploads.resume(new Blob(), entry.url).cancel();
    } catch {
      // The service removes what is not continued.
    }
  }

  /** @param {Entry} entry */
  async _run(entry) {
    const { file } = entry;
    if (!file) return;
    const options = {
      onProgress: (/** @type {any} */ { sentBytes, bytesPerSecond, secondsLeft }) =>
        this._set(entry, { sent: sentBytes, speed: bytesPerSecond, left: secondsLeft, problem: '' }),
      onUrl: (/** @type {string} */ url) => this._set(entry, { url }),
      onRetry: (/** @type {any} */ notice) =>
        this._set(entry, { problem: explain(notice.error), speed: 0, left: null }),
    };
    try {
      this._set(entry, { state: 'uploading', problem: '' });
      const uploadId = await call((client) => {
        entry.upload = entry.url
          ? client.uploads.resume(file, entry.url, options)
          : client.uploads.create(file, options);
        return entry.upload.start();
      });
      this._set(entry, { state: 'starting', sent: entry.size });
      const { jobId } = await call((client) => client.jobs.submit({ uploadId, options: entry.options }));
      this.files.set(jobId, file);
      this._set(entry, { state: 'done', jobId });
      void forgetHandle(entry.key);
      this.dispatchEvent(new CustomEvent('started', { detail: { jobId, name: entry.name } }));
    } catch (error) {
      if (!this.entries.includes(entry) || isAborted(error)) return;
      const refused = isRefusal(error);
      this._set(entry, { state: 'failed', problem: explain(error), refused, speed: 0, left: null });
    }
  }

  /** @param {Entry} entry @param {Partial<Entry>} change */
  _set(entry, change) {
    // A progress report may come after a pause.
    if (entry.state === 'paused' && !('state' in change)) change = { ...change, speed: 0, left: null };
    Object.assign(entry, change);
    this._changed();
  }

  _changed() {
    // An empty file is refused each time: there is nothing to continue after a reload.
    const open = this.entries.filter(({ state, size }) => state !== 'done' && size > 0);
    save('uploads', open.map(remembered));
    this.dispatchEvent(new Event('change'));
  }
}

/** @param {Entry} entry @param {File} file */
function fits(entry, file) {
  return entry.name === file.name && entry.size === file.size && entry.modified === file.lastModified;
}

/** @param {Entry} entry */
function remembered({ key, name, size, modified, options, url, sent }) {
  return { key, name, size, modified, options, url, sent };
}

/** @param {any} entry @returns {Entry} */
function restored(entry) {
  return { ...entry, state: 'interrupted', speed: 0, left: null, problem: '', jobId: '' };
}

export const uploads = new UploadStore();

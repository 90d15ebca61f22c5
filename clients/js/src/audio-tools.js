import { Http } from './http.js';
import { Jobs } from './jobs.js';
import { Uploads } from './uploads.js';

export { AbortError, ApiError, AudioToolsError, ConnectionError, UploadError } from './errors.js';
export { ExportedFile } from './jobs.js';
export { Upload } from './uploads.js';

/**
 * @typedef {import('./api.js').components['schemas']} Schemas
 */

/** A client of one Audio Tools service. */
export class Client {
  /**
   * @param {object} [options]
   * @param {string} [options.url] address of the service; default: `http://127.0.0.1:3001`
   * @param {string} [options.token] its API_TOKEN, if it has one
   * @param {typeof globalThis.fetch} [options.fetch] used instead of `fetch` and `XMLHttpRequest`
   * @param {typeof globalThis.WebSocket} [options.WebSocket] used instead of `WebSocket`
   */
  constructor({ url = 'http://127.0.0.1:3001', token, fetch, WebSocket } = {}) {
    this._http = new Http({ url, token, fetch, WebSocket });
    this.jobs = new Jobs(this._http);
    this.uploads = new Uploads(this._http);
  }

  /** Address of the service. */
  get url() {
    return this._http.url;
  }

  /**
   * Whether the service can work, and if not, why. A service with a token tells a stranger the status only.
   *
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<Schemas['Health']>}
   */
  async health({ signal } = {}) {
    return this._http.json('GET', '/health', { signal, accept: [503] });
  }

  /**
   * The OpenAPI document of the service: every option with its bounds and its description.
   *
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<any>}
   */
  async openapi({ signal } = {}) {
    return this._http.json('GET', '/openapi.json', { signal });
  }

  /**
   * Names of models and engines that jobs can ask for, the default first.
   *
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<string[]>}
   */
  async models({ signal } = {}) {
    const { data } = await this._http.json('GET', '/v1/models', { signal });
    return data.map((/** @type {{ id: string }} */ { id }) => id);
  }
}

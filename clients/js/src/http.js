import { AbortError, ApiError, ConnectionError } from './errors.js';

/**
 * @typedef {object} RequestOptions
 * @property {Record<string, unknown>} [query] `undefined` and `null` are left out, a list repeats its name
 * @property {Record<string, string>} [headers]
 * @property {unknown} [json] a body of JSON
 * @property {BodyInit} [body]
 * @property {AbortSignal} [signal]
 * @property {number[]} [accept] statuses that are not errors here: of 400 and more, or 202 (no result yet)
 */

/** Sends requests to one service, and turns every failure into an error of this client. */
export class Http {
  /**
   * @param {object} options
   * @param {string} options.url
   * @param {string} [options.token]
   * @param {typeof globalThis.fetch} [options.fetch]
   * @param {typeof globalThis.WebSocket} [options.WebSocket]
   */
  constructor({ url, token, fetch, WebSocket }) {
    this.url = url.replace(/\/+$/, '');
    this.token = token || '';
    /** Whether requests go through a function of the caller: then `XMLHttpRequest` must not be used. */
    this.custom = Boolean(fetch);
    this.fetch = fetch || ((input, init) => globalThis.fetch(input, init));
    this.WebSocket = WebSocket || globalThis.WebSocket;
  }

  /** @param {Record<string, string>} [more] */
  headers(more) {
    return this.token ? { ...more, Authorization: `Bearer ${this.token}` } : { ...more };
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} [options]
   * @returns {Promise<Response>} with a status below 400, or one of `accept`
   */
  async request(method, path, { query, headers, json, body, signal, accept = [] } = {}) {
    const address = `${this.url}${path}${queryOf(query)}`;
    /** @type {RequestInit & { duplex?: string }} */
    const init = { method, headers: this.headers(headers), signal };
    // Origins of panels and files may not send cookies, and there are none.
    init.credentials = 'omit';
    if (json !== undefined) {
      init.body = JSON.stringify(json);
      init.headers = { 'Content-Type': 'application/json', ...init.headers };
    } else if (body !== undefined) {
      init.body = body;
      if (typeof ReadableStream === 'function' && body instanceof ReadableStream) init.duplex = 'half';
    }
    const response = await this._fetch(address, init, signal);
    const { status } = response;
    const refused = (status >= 400 || status === 202) && !accept.includes(status);
    if (refused) throw await errorOf(response, `${method} ${path}`);
    return response;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} [options]
   * @returns {Promise<any>}
   */
  async json(method, path, options = {}) {
    const response = await this.request(method, path, options);
    const text = await this.read(response, (whole) => whole.text(), options.signal);
    try {
      return JSON.parse(text);
    } catch {
      const reply = { status: response.status, header: () => null, text: '' };
      throw new ApiError(reply, `${method} ${path}`);
    }
  }

  /**
   * Read the body of a response.
   *
   * @template T
   * @param {Response} response
   * @param {(response: Response) => Promise<T>} how
   * @param {AbortSignal} [signal]
   * @returns {Promise<T>}
   */
  async read(response, how, signal) {
    try {
      return await how(response);
    } catch (error) {
      throw this.failure(error, signal);
    }
  }

  /**
   * The error of this client for a failed request.
   *
   * @param {unknown} error
   * @param {AbortSignal} [signal]
   */
  failure(error, signal) {
    if (signal?.aborted) return new AbortError();
    // Node hides the reason (ECONNREFUSED) in the cause.
    const { message, cause } = /** @type {{ message?: string, cause?: any }} */ (error);
    const reason = cause?.code || cause?.message || message || String(error);
    return new ConnectionError(`Cannot reach ${this.url}: ${reason}.`, error);
  }

  /**
   * The reason behind a failed connection, where it can be found: a browser hides why it was not allowed to send
   * a request, but shows the refusal of one that needs no permission.
   *
   * @param {Error} error
   */
  async explained(error) {
    if (typeof location !== 'object' || !(error instanceof ConnectionError)) return error;
    try {
      const response = await this.fetch(`${this.url}/health`, { credentials: 'omit' });
      return response.status === 403 ? await errorOf(response, 'GET /health') : error;
    } catch {
      return error;
    }
  }

  /** @param {Record<string, unknown>} query */
  websocketUrl(query) {
    return `${this.url.replace(/^http/, 'ws')}/${queryOf(query)}`;
  }

  /**
   * @param {string} address
   * @param {RequestInit} init
   * @param {AbortSignal} [signal]
   */
  async _fetch(address, init, signal) {
    try {
      return await this.fetch(address, init);
    } catch (error) {
      throw await this.explained(this.failure(error, signal));
    }
  }
}

/**
 * @param {Response} response
 * @param {string} place
 */
async function errorOf(response, place) {
  const text = await response.text().catch(() => '');
  return new ApiError({ status: response.status, header: (name) => response.headers.get(name), text }, place);
}

// UXP has no URLSearchParams.
/** @param {Record<string, unknown>} [query] */
function queryOf(query = {}) {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value])
      .filter((item) => item !== undefined && item !== null)
      .map((item) => `${name}=${encodeURIComponent(String(item))}`),
  );
  return pairs.length ? `?${pairs.join('&')}` : '';
}

import { AbortError, ApiError, ConnectionError } from './errors.js';

/** @typedef {import('./errors.js').Reply} Reply */

/** Seconds without a byte sent after which a connection is taken for dead. */
const STALLED_S = 60;

/**
 * Send a body and report how much of it is sent.
 *
 * `XMLHttpRequest` does it where there is one: `fetch` reports no progress. Node has none; there the body is
 * reported once it is sent as a whole.
 *
 * @param {import('./http.js').Http} http
 * @param {object} request
 * @param {string} request.method
 * @param {string} request.path
 * @param {Record<string, string>} request.headers
 * @param {Blob | ArrayBuffer | FormData | null} request.body
 * @param {(sentBytes: number) => void} request.onSent
 * @param {AbortSignal} [request.signal]
 * @returns {Promise<Reply>} with a status below 400
 */
export async function send(http, { method, path, headers, body, onSent, signal }) {
  if (typeof XMLHttpRequest !== 'function' || http.custom) {
    const options = { headers, body: body || undefined, signal };
    const response = await http.request(method, path, options);
    const text = await http.read(response, (whole) => whole.text(), signal);
    return { status: response.status, header: (name) => response.headers.get(name), text };
  }
  const request = { method, path, headers, body, onSent, signal };
  const reply = await sendByXhr(http, request).catch(async (error) => {
    throw await http.explained(error);
  });
  if (reply.status >= 400) throw new ApiError(reply, `${method} ${path}`);
  return reply;
}

/**
 * @param {import('./http.js').Http} http
 * @param {Parameters<typeof send>[1]} request
 * @returns {Promise<Reply>}
 */
function sendByXhr(http, { method, path, headers, body, onSent, signal }) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const fail = (/** @type {string} */ reason) => {
      end();
      reject(new ConnectionError(`Cannot reach ${http.url}: ${reason}.`));
    };
    const stop = () => {
      end();
      xhr.abort();
      reject(new AbortError());
    };
    const stalled = () => {
      fail(`no data could be sent for ${STALLED_S} s`);
      xhr.abort();
    };
    let watchdog = setTimeout(stalled, STALLED_S * 1000);
    const end = () => {
      clearTimeout(watchdog);
      if (signal) signal.removeEventListener('abort', stop);
    };
    if (signal?.aborted) return stop();
    if (signal) signal.addEventListener('abort', stop);
    xhr.upload.onprogress = ({ loaded }) => {
      clearTimeout(watchdog);
      watchdog = setTimeout(stalled, STALLED_S * 1000);
      onSent(loaded);
    };
    xhr.upload.onload = () => clearTimeout(watchdog);
    xhr.onerror = () => fail('the connection failed');
    xhr.onabort = () => fail('the request was aborted');
    xhr.onload = () => {
      end();
      const header = (/** @type {string} */ name) => xhr.getResponseHeader(name);
      resolve({ status: xhr.status, header, text: xhr.responseText });
    };
    xhr.open(method, http.url + path);
    for (const [name, value] of Object.entries(http.headers(headers))) xhr.setRequestHeader(name, value);
    xhr.send(body);
  });
}

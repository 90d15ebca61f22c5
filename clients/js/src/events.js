import { ConnectionError, isTemporary, throwIfAborted } from './errors.js';
import { Retry } from './retry.js';
import { TRANSPORTS } from './transports.js';

/**
 * @typedef {import('./http.js').Http} Http
 * @typedef {import('./api.js').components['schemas']['Event']} Event
 * @typedef {import('./transports.js').TransportName} TransportName
 */

/**
 * @typedef {object} EventOptions
 * @property {string} [after] `id` of the last event that was seen; default: from the first one
 * @property {TransportName[]} [transports] the ones to try, in this order
 * @property {AbortSignal} [signal]
 * @property {(notice: import('./retry.js').RetryNotice) => void} [onRetry]
 * @property {number} [retries] attempts without a message before giving up; default 120, about ten minutes
 */

/** A transport that fails so often in a row while the service answers is left for the next one. */
const STRIKES = 2;

/** States in which a job has ended. */
const LAST = ['completed', 'failed', 'cancelled'];

/**
 * A snapshot of a job, then each of its events once, to the last. A broken connection is taken up where it
 * broke; what comes twice is dropped.
 *
 * @param {Http} http
 * @param {string} jobId
 * @param {EventOptions} [options]
 * @returns {AsyncGenerator<Event, void>}
 */
export async function* follow(http, jobId, options = {}) {
  const { signal, transports = defaultTransports(http) } = options;
  const stopper = new AbortController();
  const stop = () => stopper.abort();
  if (signal) signal.addEventListener('abort', stop);
  const retry = new Retry(options);
  const filter = new Filter(options.after);
  let place = 0;
  let strikes = 0;
  try {
    // A service with a token would wait ten seconds for it on a WebSocket.
    if (!http.token && transports[0] === 'websocket') await stateOf(http, jobId, signal);
    for (;;) {
      throwIfAborted(signal);
      let opened = false;
      /** @type {unknown} */
      let failure = null;
      try {
        const open = TRANSPORTS[transports[place]];
        for await (const event of open(http, jobId, filter.after, stopper.signal)) {
          opened = true;
          retry.reset();
          if (!filter.isNew(event)) continue;
          yield event;
          if (LAST.includes(event.type)) return;
        }
      } catch (error) {
        failure = error;
      }
      throwIfAborted(signal);
      const { state, reachable } = await stateOf(http, jobId, signal);
      if (!failure && state && LAST.includes(state)) return;
      strikes = reachable && !opened ? strikes + 1 : 0;
      if (strikes >= STRIKES && place + 1 < transports.length) {
        place += 1;
        strikes = 0;
        continue;
      }
      const reason = failure instanceof Error ? failure : new ConnectionError('The events ended early.');
      await retry.wait(reason, { always: true });
    }
  } finally {
    if (signal) signal.removeEventListener('abort', stop);
    stopper.abort();
  }
}

/** Drops what was seen already: a connection begins with a snapshot, and may repeat what it sends without id. */
class Filter {
  /** @param {string} [after] */
  constructor(after = '') {
    this.after = after;
    /** @type {Set<string>} */
    this._seen = new Set();
  }

  /** @param {Event} event */
  isNew(event) {
    const id = 'id' in event ? event.id : undefined;
    if (id) this.after = id;
    const key = id || event.type;
    if (this._seen.has(key)) return false;
    this._seen.add(key);
    return true;
  }
}

/** @param {Http} http */
function defaultTransports(http) {
  /** @type {TransportName[]} */
  const all = http.WebSocket ? ['websocket', 'sse', 'polling'] : ['sse', 'polling'];
  return all;
}

/**
 * Ask for the state over plain HTTP: a browser does not say why a WebSocket was refused.
 *
 * @param {Http} http
 * @param {string} jobId
 * @param {AbortSignal} [signal]
 * @throws the error of the service, if there is no such job or the caller is not allowed
 */
async function stateOf(http, jobId, signal) {
  try {
    const path = `/job/${encodeURIComponent(jobId)}/status`;
    return { state: (await http.json('GET', path, { signal })).state, reachable: true };
  } catch (error) {
    if (!isTemporary(error)) throw error;
    return { state: null, reachable: false };
  }
}

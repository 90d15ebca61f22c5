import { AbortError, ConnectionError } from './errors.js';
import { sleep } from './retry.js';
import { Utf8Decoder } from './text.js';

/**
 * @typedef {import('./http.js').Http} Http
 * @typedef {import('./api.js').components['schemas']['Event']} Event
 */

/** Seconds until the snapshot, which every transport sends at once: a proxy that collects replies sends none. */
const FIRST_S = 15;

/** Seconds of silence after which a connection is opened again: a dead one looks like a quiet one. */
const SILENCE_S = 60;

/** Seconds for which the service holds back its reply to a poll. */
const POLL_S = 25;

/**
 * A transport yields the messages about a job after the event `after`: a snapshot, then events. It ends where
 * nothing can follow, and throws where its connection breaks.
 *
 * @callback Transport
 * @param {Http} http
 * @param {string} jobId
 * @param {string} after id of an event, or empty
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<Event, void>}
 */

/** @typedef {'websocket' | 'sse' | 'polling'} TransportName */

/** @type {Record<TransportName, Transport>} */
export const TRANSPORTS = { websocket: byWebSocket, sse: byServerSentEvents, polling: byPolling };

/** @type {Transport} */
async function* byWebSocket(http, jobId, after, signal) {
  if (!http.WebSocket) throw new ConnectionError('There is no WebSocket here.');
  const url = http.websocketUrl({ jobId, after: after || undefined });
  const socket = http.token
    ? new http.WebSocket(url, ['audio-tools', `bearer.${http.token}`])
    : new http.WebSocket(url);
  /** @type {(string | Error | null)[]} null: the regular end */
  const arrived = [];
  let ring = () => {};
  const put = (/** @type {string | Error | null} */ item) => {
    arrived.push(item);
    ring();
  };
  const stop = () => put(new AbortError());
  socket.onmessage = ({ data }) => put(data);
  socket.onerror = () => put(new ConnectionError(`The WebSocket to ${http.url} failed.`));
  socket.onclose = ({ code }) => {
    put(code === 1000 ? null : new ConnectionError(`The WebSocket to ${http.url} was closed (${code}).`));
  };
  signal.addEventListener('abort', stop);
  try {
    for (let silence = FIRST_S; ; silence = SILENCE_S) {
      if (!arrived.length) await within(silence, new Promise((resolve) => (ring = () => resolve(null))));
      const item = arrived.shift();
      if (item === null || item === undefined) return;
      if (typeof item !== 'string') throw item;
      yield JSON.parse(item);
    }
  } finally {
    signal.removeEventListener('abort', stop);
    socket.onmessage = socket.onerror = socket.onclose = null;
    socket.close();
  }
}

/** @type {Transport} */
async function* byServerSentEvents(http, jobId, after, signal) {
  const connection = new AbortController();
  const stop = () => connection.abort();
  signal.addEventListener('abort', stop);
  try {
    const opening = http.request('GET', `/job/${encodeURIComponent(jobId)}/events`, {
      query: { after: after || undefined },
      headers: { Accept: 'text/event-stream' },
      signal: connection.signal,
    });
    const response = await within(FIRST_S, opening);
    if (response.status === 204) return;
    if (!response.body || typeof response.body.getReader !== 'function') {
      throw new ConnectionError('Replies cannot be read piece by piece here.');
    }
    yield* readEvents(http, response.body.getReader(), signal);
  } finally {
    signal.removeEventListener('abort', stop);
    connection.abort();
  }
}

/**
 * @param {Http} http
 * @param {ReadableStreamDefaultReader<Uint8Array>} reader
 * @param {AbortSignal} signal
 */
async function* readEvents(http, reader, signal) {
  const decoder = new Utf8Decoder();
  let text = '';
  for (let silence = FIRST_S; ; silence = SILENCE_S) {
    const reading = http.read(/** @type {any} */ (reader), () => reader.read(), signal);
    const { done, value } = await within(silence, reading);
    if (done) return;
    text += decoder.decode(value);
    const blocks = text.split(/\r?\n\r?\n/);
    text = blocks.pop() || '';
    for (const block of blocks) {
      const data = block.split(/\r?\n/).filter((line) => line.startsWith('data:'));
      if (data.length) yield JSON.parse(data.map((line) => line.slice(5)).join('\n'));
    }
  }
}

/** @type {Transport} */
async function* byPolling(http, jobId, after, signal) {
  for (let last = after, first = true; ; first = false) {
    const path = `/job/${encodeURIComponent(jobId)}/status`;
    const query = { after: last || '0', wait: first ? 0 : POLL_S };
    const begun = Date.now();
    const reply = await within(SILENCE_S, http.json('GET', path, { query, signal }));
    const { events, lastEventId, ...status } = reply;
    if (first) yield { ...status, result: null, type: 'snapshot', timestamp: new Date().toISOString() };
    yield* events;
    last = lastEventId;
    if (events.length) continue;
    if (status.finishedAt) return;
    // A service that is stopping does not wait.
    if (!first && Date.now() - begun < 1000) await sleep(1, signal);
  }
}

/**
 * @template T
 * @param {number} seconds
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
function within(seconds, promise) {
  return new Promise((resolve, reject) => {
    const late = new ConnectionError(`Nothing arrived for ${seconds} s.`);
    const timer = setTimeout(() => reject(late), seconds * 1000);
    promise.then(resolve, reject).then(() => clearTimeout(timer));
  });
}

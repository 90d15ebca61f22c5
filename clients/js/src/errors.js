/**
 * Base of every error that this client throws.
 *
 * `code` is stable, for programs; `message` says what is wrong, `hint` what to do (it may be empty).
 */
export class AudioToolsError extends Error {
  /**
   * @param {string} message
   * @param {string} code
   * @param {string} [hint]
   */
  constructor(message, code, hint = '') {
    super(message);
    this.name = 'AudioToolsError';
    this.code = code;
    this.hint = hint;
  }
}

/** Codes where the body has none: replies to HEAD, and a result that does not exist yet. */
const CODES = new Map([
  [202, 'job_not_finished'],
  [401, 'unauthorized'],
  [403, 'forbidden'],
  [404, 'not_found'],
  [410, 'upload_expired'],
  [423, 'upload_locked'],
]);

/**
 * The service answered with an error. `status` is that of HTTP, `facts` holds the further fields of the reply
 * (`option`, `allowed`, `limit`, …), `requestId` finds the request in the log of the service.
 */
export class ApiError extends AudioToolsError {
  /**
   * @param {Reply} reply
   * @param {string} place method and path of the request
   */
  constructor(reply, place) {
    const { error, message, hint, problems, requestId, ...facts } = bodyOf(reply);
    const isOurs = !reply.text || Boolean(message);
    super(
      message || `The server answered ${place} with ${reply.status}.`,
      error || (isOurs && CODES.get(reply.status)) || `http_${reply.status}`,
      hint || (error || isOurs ? '' : 'Check that the address is that of an Audio Tools service.'),
    );
    this.name = 'ApiError';
    this.status = reply.status;
    /** @type {import('./api.js').components['schemas']['Problem'][]} */
    this.problems = problems || [];
    /** @type {string | null} */
    this.requestId = requestId || reply.header('X-Request-Id');
    /** @type {Record<string, unknown>} */
    this.facts = facts;
    /** Seconds that the service asks to wait; 0 if it does not, or names a date. */
    this.retryAfterSeconds = Number(reply.header('Retry-After')) || 0;
  }
}

/** There was no answer: the service is not running, the network failed, or the browser kept the reply back. */
export class ConnectionError extends AudioToolsError {
  /**
   * @param {string} message
   * @param {unknown} [cause]
   */
  constructor(message, cause) {
    super(
      message,
      'connection_failed',
      'Start the service with `audio-tools serve`, and check its address. A web page needs an allowed origin ' +
        '(ALLOWED_ORIGINS) or a token.',
    );
    this.name = 'ConnectionError';
    this.cause = cause;
  }
}

/** The upload cannot go on: `code` is `upload_mismatch`, `upload_cancelled` or `source_changed`. */
export class UploadError extends AudioToolsError {
  /**
   * @param {string} message
   * @param {string} code
   * @param {string} [hint]
   */
  constructor(message, code, hint) {
    super(message, code, hint);
    this.name = 'UploadError';
  }
}

/** The caller's signal was aborted; `name` is `AbortError`, as that of `fetch`. */
export class AbortError extends AudioToolsError {
  constructor() {
    super('The operation was aborted.', 'aborted');
    this.name = 'AbortError';
  }
}

/**
 * A reply, whether `fetch` or `XMLHttpRequest` received it.
 *
 * @typedef {object} Reply
 * @property {number} status
 * @property {(name: string) => string | null} header
 * @property {string} text
 */

/**
 * Temporary errors may pass: the same request is worth another attempt.
 *
 * @param {unknown} error
 */
export function isTemporary(error) {
  if (error instanceof ApiError) return [408, 423, 429, 502, 503, 504].includes(error.status);
  return error instanceof ConnectionError;
}

/**
 * @param {{ aborted: boolean } | undefined} signal
 */
export function throwIfAborted(signal) {
  if (signal?.aborted) throw new AbortError();
}

/**
 * @param {Reply} reply
 * @returns {Record<string, any>}
 */
function bodyOf(reply) {
  try {
    const { success, ...body } = JSON.parse(reply.text);
    return body;
  } catch {
    return {};
  }
}

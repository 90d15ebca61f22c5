import { AbortError, ApiError, isTemporary, throwIfAborted } from './errors.js';

/** Seconds before each further attempt; the last one repeats. */
const DELAYS_S = [0.25, 0.5, 1, 2, 4, 5];

/** Attempts without progress before an operation gives up: about ten minutes. */
const ATTEMPTS = 120;

/** The same before the service has answered at all: eight seconds. It is probably not running. */
export const FIRST_ATTEMPTS = 5;

/**
 * @typedef {object} RetryNotice
 * @property {Error} error why another attempt is needed
 * @property {number} attempt attempts without progress, from 1
 * @property {number} delaySeconds
 */

/** Waits between the attempts of an operation, longer each time, and gives up in the end. */
export class Retry {
  /**
   * @param {object} options
   * @param {number} [options.retries] attempts without progress before giving up
   * @param {(notice: RetryNotice) => void} [options.onRetry]
   * @param {AbortSignal} [options.signal]
   */
  constructor({ retries = ATTEMPTS, onRetry, signal }) {
    this._retries = retries;
    this._onRetry = onRetry;
    this._signal = signal;
    this._attempt = 0;
  }

  /** The operation got on: the next failure counts as the first. */
  reset() {
    this._attempt = 0;
  }

  /**
   * Wait before another attempt.
   *
   * @param {Error} error
   * @param {{ always?: boolean, retries?: number, signal?: AbortSignal }} [options] `always`: even if it is not
   *   a temporary error
   * @throws `error`, if another attempt cannot help or enough were made
   */
  async wait(error, { always = false, retries = this._retries, signal = this._signal } = {}) {
    throwIfAborted(this._signal);
    if (!always && !isTemporary(error)) throw error;
    if (this._attempt >= Math.min(retries, this._retries)) throw error;
    const delaySeconds = this._delay(error);
    this._attempt += 1;
    if (this._onRetry) this._onRetry({ error, attempt: this._attempt, delaySeconds });
    await sleep(delaySeconds, signal);
  }

  /** @param {Error} error */
  _delay(error) {
    const delay = DELAYS_S[Math.min(this._attempt, DELAYS_S.length - 1)];
    // Clients that lost the same service must not come back at the same moment.
    const spread = delay * (0.75 + Math.random() / 2);
    return Math.max(spread, error instanceof ApiError ? error.retryAfterSeconds : 0);
  }
}

/**
 * @param {number} seconds
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export function sleep(seconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new AbortError());
    };
    const timer = setTimeout(() => {
      if (signal) signal.removeEventListener('abort', stop);
      resolve();
    }, seconds * 1000);
    if (signal) {
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop);
    }
  });
}

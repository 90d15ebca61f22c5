/** The service, by its client; the token is asked for when the service wants one. */

import { ApiError, Client } from '../../clients/js/src/audio-tools.js';
import { token } from './storage.js';

/** Where the page was loaded from, also behind a proxy with a path. */
const ADDRESS = new URL('.', location.href).href.replace(/\/$/, '');

let client = new Client({ url: ADDRESS, token: token.value });
/** @type {Promise<void> | null} */
let asking = null;
/** @type {(wrong: boolean) => Promise<string>} */
let ask = async () => '';

/** @param {(wrong: boolean) => Promise<string>} question asks for the token; `wrong`: the last one was refused */
export function askTokenWith(question) {
  ask = question;
}

/** The client, with the token of this tab. */
export function service() {
  return client;
}

/**
 * Call the service; a missing or wrong token is asked for, and the call repeated.
 * @template T @param {(client: Client) => Promise<T>} call @returns {Promise<T>}
 */
export async function call(call) {
  for (;;) {
    const used = client;
    try {
      return await call(used);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      // Another call may have asked meanwhile.
      if (used !== client) continue;
      asking ??= askToken().finally(() => {
        asking = null;
      });
      await asking;
    }
  }
}

async function askToken() {
  token.value = await ask(token.value !== undefined);
  client = new Client({ url: ADDRESS, token: token.value });
}

/** What went wrong and what to do, in one text. @param {unknown} error */
export function explain(error) {
  const { message, hint } = /** @type {{message?: string, hint?: string}} */ (error ?? {});
  return [message ?? String(error), hint].filter(Boolean).join(' ');
}

/** @param {unknown} error */
export function isMissing(error) {
  return error instanceof ApiError && (error.status === 404 || error.status === 410);
}

/** Whether the service would refuse the same file again. @param {unknown} error */
export function isRefusal(error) {
  return error instanceof ApiError && [413, 415, 422].includes(error.status);
}

/** @param {unknown} error */
export function isAborted(error) {
  return error instanceof Error && error.name === 'AbortError';
}

/** What the page keeps in the browser. All of it can be missing: private windows refuse storage. */

/** @template T @param {string} key @param {T} fallback @returns {T} */
export function load(key, fallback) {
  try {
    return JSON.parse(localStorage.getItem(`audio-tools.${key}`) ?? 'null') ?? fallback;
  } catch {
    return fallback;
  }
}

/** @param {string} key @param {unknown} value null or undefined removes it */
export function save(key, value) {
  try {
    if (value === null || value === undefined) localStorage.removeItem(`audio-tools.${key}`);
    else localStorage.setItem(`audio-tools.${key}`, JSON.stringify(value));
  } catch {
    // Full or refused: the page works, it only forgets.
  }
}

/** The token lives as long as the tab and nowhere else. */
export const token = {
  get value() {
    try {
      return sessionStorage.getItem('audio-tools.token') ?? undefined;
    } catch {
      return undefined;
    }
  },
  set value(text) {
    try {
      if (text) sessionStorage.setItem('audio-tools.token', text);
      else sessionStorage.removeItem('audio-tools.token');
    } catch {
      // Then it is asked for again after a reload.
    }
  },
};

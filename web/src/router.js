/** Addresses of views: `#/jobs/ID?t=12.5`. The browser's own history does the rest. */

/**
 * @typedef {object} Place
 * @property {string} view `start`, `jobs`, `job` or `health`
 * @property {string} jobId of the view `job`, else empty
 * @property {number | null} time moment in seconds
 */

/** @param {string} hash @returns {Place} */
export function parsePlace(hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [first, second] = path.split('/');
  const time = Number.parseFloat(new URLSearchParams(query).get('t') ?? '');
  if (first === 'jobs' && second) {
    const jobId = safeDecode(second);
    return { view: 'job', jobId, time: Number.isFinite(time) && time >= 0 ? time : null };
  }
  return { view: ['jobs', 'health'].includes(first) ? first : 'start', jobId: '', time: null };
}

/** @param {string} text */
function safeDecode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @param {string} jobId @param {number} [time] seconds */
export function jobAddress(jobId, time) {
  const query = time === undefined ? '' : `?t=${time.toFixed(2)}`;
  return `#/jobs/${encodeURIComponent(jobId)}${query}`;
}

/** Put the moment into the address without a new entry in the history. @param {string} jobId @param {number} time */
export function rememberTime(jobId, time) {
  history.replaceState(null, '', jobAddress(jobId, time));
}

/** Numbers, times and sizes as people read them. */

import { t } from './texts.js';

/** `1:02:03`, `2:03`, and with digits `2:03.45`. @param {number} seconds @param {number} [digits] */
export function clock(seconds, digits = 0) {
  const unit = 10 ** digits;
  const all = Math.max(0, Math.round(seconds * unit));
  const whole = Math.floor(all / unit);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const fraction = digits ? `.${String(all % unit).padStart(digits, '0')}` : '';
  const tail = `${String(rest).padStart(2, '0')}${fraction}`;
  return hours ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`;
}

/** A length in words: `2.4 s`, `3 min 20 s`, `1 h 05 min`. @param {number} seconds */
export function duration(seconds) {
  if (seconds < 10) return t('unit.s', { n: seconds.toFixed(1) });
  const whole = Math.round(seconds);
  if (whole < 60) return t('unit.s', { n: whole });
  if (whole < 3600) return t('unit.min', { m: Math.floor(whole / 60), s: whole % 60 });
  return t('unit.h', {
    h: Math.floor(whole / 3600),
    m: String(Math.floor(whole / 60) % 60).padStart(2, '0'),
  });
}

/** @param {number} count */
export function bytes(count) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let power = 0;
  let value = count;
  while (value >= 1000 && power < units.length - 1) {
    value /= 1000;
    power += 1;
  }
  return `${power && value < 100 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}

/** @param {number} usd */
export function cost(usd) {
  return `$${usd < 0.1 && usd > 0 ? usd.toFixed(4) : usd.toFixed(2)}`;
}

/** How long ago a moment was. @param {string} iso @param {number} [now] epoch milliseconds */
export function ago(iso, now = Date.now()) {
  const seconds = (now - Date.parse(iso)) / 1000;
  if (seconds < 60) return t('ago.now');
  if (seconds < 3600) return t('ago.min', { n: Math.floor(seconds / 60) });
  if (seconds < 86_400) return t('ago.h', { n: Math.floor(seconds / 3600) });
  return t('ago.d', { n: Math.floor(seconds / 86_400) });
}

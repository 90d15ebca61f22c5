// UXP has neither TextEncoder nor TextDecoder, and not every version has btoa.

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/**
 * UTF-8; lone surrogates become U+FFFD.
 *
 * @param {string} text
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function encodeUtf8(text) {
  const whole = Array.from(text, (char) => (/^[\uD800-\uDFFF]$/.test(char) ? '\uFFFD' : char)).join('');
  /** @type {number[]} */
  const bytes = [];
  for (const piece of encodeURIComponent(whole).match(/%..|[^%]/g) || []) {
    bytes.push(piece.length > 1 ? parseInt(piece.slice(1), 16) : piece.charCodeAt(0));
  }
  return Uint8Array.from(bytes);
}

/**
 * @param {Uint8Array} bytes
 */
export function encodeBase64(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const [first, second, third] = [bytes[at], bytes[at + 1], bytes[at + 2]];
    const group = (first << 16) | ((second || 0) << 8) | (third || 0);
    text += ALPHABET[group >> 18] + ALPHABET[(group >> 12) & 63];
    text += second === undefined ? '=' : ALPHABET[(group >> 6) & 63];
    text += third === undefined ? '=' : ALPHABET[group & 63];
  }
  return text;
}

/** Decodes UTF-8 that arrives in pieces; a character may be cut anywhere. */
export class Utf8Decoder {
  constructor() {
    this._native = typeof TextDecoder === 'function' ? new TextDecoder() : null;
    /** @type {number[]} */
    this._rest = [];
  }

  /**
   * @param {Uint8Array} bytes
   * @param {boolean} [last] whether no piece follows
   * @returns {string}
   */
  decode(bytes, last = false) {
    if (this._native) return this._native.decode(bytes, { stream: !last });
    const all = this._rest.length ? Uint8Array.from([...this._rest, ...bytes]) : bytes;
    const end = last ? all.length : wholeCharacters(all);
    this._rest = Array.from(all.subarray(end));
    return decodeWhole(all.subarray(0, end));
  }
}

/**
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export function decodeUtf8(bytes) {
  return new Utf8Decoder().decode(bytes, true);
}

/**
 * The length of `bytes` without an unfinished character at its end.
 *
 * @param {Uint8Array} bytes
 */
function wholeCharacters(bytes) {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if (byte < 0x80) break;
    if (byte >= 0xc0) return lengthOf(byte) > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** @param {number} first the first byte of a character */
function lengthOf(first) {
  if (first >= 0xf0) return 4;
  return first >= 0xe0 ? 3 : 2;
}

/** @param {Uint8Array} bytes */
function decodeWhole(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at];
    const length = first < 0x80 ? 1 : lengthOf(first);
    let point = length === 1 ? first : first & (0xff >> (length + 1));
    for (let next = 1; next < length; next++) point = (point << 6) | (bytes[at + next] & 0x3f);
    text += point <= 0x10ffff ? String.fromCodePoint(point) : '\uFFFD';
    at += length;
  }
  return text;
}

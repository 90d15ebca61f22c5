import { UploadError } from './errors.js';

/**
 * The bytes to send: a `Blob` or `File`; an `ArrayBuffer` or a view of one; or an object that reads a file piece
 * by piece, with `size` and `slice(start, end)`, which gives the bytes or a promise of them.
 *
 * @typedef {Blob | ArrayBuffer | ArrayBufferView | Source} Media
 */

/**
 * @typedef {object} Source
 * @property {number} size bytes in all
 * @property {(start: number, end: number) => Piece | Promise<Piece>} slice
 * @property {string} [name]
 * @property {number} [lastModified] milliseconds since 1970
 */

/** @typedef {Blob | ArrayBuffer | ArrayBufferView} Piece */

/**
 * @param {Media} media
 * @returns {Source}
 */
export function sourceOf(media) {
  if (isBuffer(media)) {
    return { size: media.byteLength, slice: (start, end) => media.slice(start, end) };
  }
  if (ArrayBuffer.isView(media)) return sourceOf(bytesOf(media));
  if (media && typeof media.slice === 'function' && typeof media.size === 'number') return media;
  throw new TypeError('A file must be a Blob, an ArrayBuffer, a view of one, or have `size` and `slice`.');
}

/**
 * @param {Source} source
 * @param {number} start
 * @param {number} end
 * @returns {Promise<Blob | ArrayBuffer>}
 */
export async function readPiece(source, start, end) {
  const piece = await source.slice(start, end);
  const whole = ArrayBuffer.isView(piece) ? bytesOf(piece) : piece;
  const size = isBuffer(whole) ? whole.byteLength : whole.size;
  if (size !== end - start) {
    throw new UploadError(
      `The file has ${size} of ${end - start} bytes at byte ${start}.`,
      'source_changed',
      'Upload the file again.',
    );
  }
  return whole;
}

/**
 * @param {ArrayBufferView} view
 * @returns {ArrayBuffer}
 */
function bytesOf(view) {
  return /** @type {ArrayBuffer} */ (view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

/**
 * Not `instanceof`: the buffers of Node in a CEP panel belong to another realm.
 *
 * @param {unknown} value
 * @returns {value is ArrayBuffer}
 */
export function isBuffer(value) {
  return Object.prototype.toString.call(value) === '[object ArrayBuffer]';
}

import { ConnectionError, UploadError } from './errors.js';
import { send } from './send.js';
import { readPiece } from './source.js';
import { encodeBase64, encodeUtf8 } from './text.js';

/** Bytes of one request. */
const PIECE_BYTES = 16 * 1024 * 1024;

/** A file of at most this size goes along with the request that creates the upload. */
const SMALL_BYTES = 1024 * 1024;

const VERSION = { 'Tus-Resumable': '1.0.0' };
const BODY = { 'Content-Type': 'application/offset+octet-stream' };

/** The requests of tus 1.0 for one file. Each gives the offset: the bytes that the service has. */
export class Tus {
  /**
   * @param {import('./http.js').Http} http
   * @param {import('./source.js').Source} source
   * @param {string} name
   */
  constructor(http, source, name) {
    this._http = http;
    this._source = source;
    this._name = name;
  }

  /**
   * Create an upload; a small file is sent along.
   *
   * @param {(sentBytes: number) => void} onSent
   * @param {AbortSignal} signal
   */
  async create(onSent, signal) {
    const { size } = this._source;
    const body = size > 0 && size <= SMALL_BYTES ? await readPiece(this._source, 0, size) : null;
    /** @type {Record<string, string>} */
    const headers = { ...VERSION, 'Upload-Length': String(size), 'Upload-Metadata': this._metadata() };
    Object.assign(headers, body ? BODY : {});
    const reply = await send(this._http, { method: 'POST', path: '/files', headers, body, onSent, signal });
    return { uploadId: uploadIdOf(reply.header('Location') || ''), offset: offsetIn(reply, body ? size : 0) };
  }

  /**
   * @param {string} uploadId
   * @param {AbortSignal} signal
   * @throws {UploadError} the upload is one of another file
   */
  async ask(uploadId, signal) {
    const request = {
      method: 'HEAD',
      path: pathOf(uploadId),
      headers: VERSION,
      body: null,
      onSent: () => {},
    };
    const reply = await send(this._http, { ...request, signal });
    const { size } = this._source;
    const stored = /(?:^|,)(modified [^,]*)/.exec(reply.header('Upload-Metadata') || '');
    const own = this._modified();
    if (reply.header('Upload-Length') !== String(size) || (stored && own && stored[1] !== own)) {
      throw new UploadError(
        `The upload is not one of ${this._name} with ${size} bytes.`,
        'upload_mismatch',
        'Choose the file that the upload began with, or upload this one anew.',
      );
    }
    return Number(reply.header('Upload-Offset'));
  }

  /**
   * Send the bytes that follow `offset`, at most one piece.
   *
   * @param {string} uploadId
   * @param {number} offset
   * @param {(sentBytes: number) => void} onSent
   * @param {AbortSignal} signal
   */
  async append(uploadId, offset, onSent, signal) {
    const end = Math.min(offset + PIECE_BYTES, this._source.size);
    const body = await readPiece(this._source, offset, end);
    const headers = { ...VERSION, ...BODY, 'Upload-Offset': String(offset) };
    const request = { method: 'PATCH', path: pathOf(uploadId), headers, body, onSent, signal };
    return offsetIn(await send(this._http, request), end);
  }

  /** @param {string} uploadId */
  async remove(uploadId) {
    await this._http.request('DELETE', pathOf(uploadId), { headers: VERSION });
  }

  _metadata() {
    const modified = this._modified();
    return `filename ${encodeBase64(encodeUtf8(this._name))}${modified && `,${modified}`}`;
  }

  /** The entry of the metadata by which a resumed upload recognises its file. */
  _modified() {
    const { lastModified } = this._source;
    return lastModified ? `modified ${encodeBase64(encodeUtf8(String(lastModified)))}` : '';
  }
}

/**
 * Believe only the service's own count of what it has.
 *
 * @param {import('./errors.js').Reply} reply
 * @param {number} expected
 */
function offsetIn(reply, expected) {
  const header = reply.header('Upload-Offset');
  if (header !== String(expected)) {
    throw new ConnectionError(`The service has ${header} bytes of the ${expected} that were sent.`);
  }
  return expected;
}

/** @param {string} uploadId */
function pathOf(uploadId) {
  return `/files/${uploadId}`;
}

/**
 * @param {string} address
 */
export function uploadIdOf(address) {
  const id = address.split(/[?#]/)[0].split('/').pop() || '';
  if (!id) throw new UploadError(`Not the address of an upload: ${address}`, 'upload_mismatch');
  return id;
}

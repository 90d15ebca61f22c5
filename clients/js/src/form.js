import { ProgressMeter } from './progress.js';
import { send } from './send.js';
import { isBuffer, readPiece, sourceOf } from './source.js';
import { encodeUtf8 } from './text.js';

const BLOCK_BYTES = 1024 * 1024;

/**
 * Start a job with one form, as `POST /process-audio` takes it. What a broken connection has sent is lost.
 *
 * @param {import('./http.js').Http} http
 * @param {object} request
 * @param {import('./source.js').Media} request.file
 * @param {string} [request.name]
 * @param {object} request.options
 * @param {Record<string, string>} request.headers
 * @param {(progress: import('./progress.js').UploadProgress) => void} [request.onProgress]
 * @param {AbortSignal} [request.signal]
 * @returns {Promise<any>} the reply of the service
 */
export async function sendForm(http, { file, name, options, headers, onProgress, signal }) {
  const source = sourceOf(file);
  const fileName = name || source.name || 'media';
  const meter = new ProgressMeter(source.size, onProgress);
  const onSent = (/** @type {number} */ sent) => meter.report(Math.min(sent, source.size));
  if (typeof XMLHttpRequest === 'function' && !http.custom) {
    const body = new FormData();
    body.append('options', JSON.stringify(options));
    const whole = await readPiece(source, 0, source.size);
    body.append('audioFile', isBuffer(whole) ? new Blob([whole]) : whole, fileName);
    const reply = await send(http, { method: 'POST', path: '/process-audio', headers, body, onSent, signal });
    meter.report(source.size);
    return JSON.parse(reply.text);
  }
  const boundary = `audio-tools-${Math.random().toString(36).slice(2)}${Date.now().toString(36)}`;
  const type = { 'Content-Type': `multipart/form-data; boundary=${boundary}` };
  const body = streamOf(partsOf(source, fileName, options, boundary, onSent));
  return http.json('POST', '/process-audio', { headers: { ...headers, ...type }, body, signal });
}

/**
 * The body of the form: its options first, so that the service can refuse them before the file.
 *
 * @param {import('./source.js').Source} source
 * @param {string} fileName
 * @param {object} options
 * @param {string} boundary
 * @param {(sentBytes: number) => void} onSent
 */
async function* partsOf(source, fileName, options, boundary, onSent) {
  const disposition = `--${boundary}\r\nContent-Disposition: form-data; name=`;
  const quoted = fileName.replace(/\r/g, '%0D').replace(/\n/g, '%0A').replace(/"/g, '%22');
  yield encodeUtf8(`${disposition}"options"\r\n\r\n${JSON.stringify(options)}\r\n`);
  yield encodeUtf8(
    `${disposition}"audioFile"; filename="${quoted}"\r\nContent-Type: application/octet-stream\r\n\r\n`,
  );
  for (let start = 0; start < source.size; start += BLOCK_BYTES) {
    const end = Math.min(start + BLOCK_BYTES, source.size);
    const piece = await readPiece(source, start, end);
    yield new Uint8Array(isBuffer(piece) ? piece : await piece.arrayBuffer());
    onSent(end);
  }
  yield encodeUtf8(`\r\n--${boundary}--\r\n`);
}

/** @param {AsyncGenerator<Uint8Array>} parts */
function streamOf(parts) {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await parts.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await parts.return(undefined);
    },
  });
}

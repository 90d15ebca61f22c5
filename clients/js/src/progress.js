/**
 * @typedef {object} UploadProgress
 * @property {number} sentBytes
 * @property {number} totalBytes
 * @property {number} bytesPerSecond over the last seconds; 0 while unknown
 * @property {number | null} secondsLeft null while unknown
 */

const WINDOW_MS = 5000;

/** Measures the speed of an upload and reports it. */
export class ProgressMeter {
  /**
   * @param {number} totalBytes
   * @param {(progress: UploadProgress) => void} [onProgress]
   */
  constructor(totalBytes, onProgress) {
    this._total = totalBytes;
    this._onProgress = onProgress;
    /** @type {{ at: number, bytes: number }[]} */
    this._marks = [];
  }

  /** Forget the past: after a pause the speed is measured anew. */
  restart() {
    this._marks = [];
  }

  /** @param {number} sentBytes */
  report(sentBytes) {
    if (!this._onProgress) return;
    const at = Date.now();
    this._marks.push({ at, bytes: sentBytes });
    while (this._marks.length > 2 && at - this._marks[0].at > WINDOW_MS) this._marks.shift();
    const [first] = this._marks;
    const bytesPerSecond =
      at > first.at ? Math.max(0, (sentBytes - first.bytes) / (at - first.at)) * 1000 : 0;
    this._onProgress({
      sentBytes,
      totalBytes: this._total,
      bytesPerSecond,
      secondsLeft: bytesPerSecond > 0 ? (this._total - sentBytes) / bytesPerSecond : null,
    });
  }
}

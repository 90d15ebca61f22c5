/** Which part of a recording a strip of pixels shows, and how zooming and scrolling change that. */

const FINEST = 8000;
const LONGEST = 1e7;

export class TimelineView {
  constructor() {
    this.duration = 0;
    this.width = 1;
    this.start = 0;
    /** Pixels of a second. */
    this.scale = 0;
  }

  get coarsest() {
    return this.duration ? this.width / this.duration : 1;
  }

  get end() {
    return this.start + this.width / this.scale;
  }

  /** Whether the whole recording is visible. */
  get whole() {
    return this.scale <= this.coarsest * 1.0001;
  }

  /** Adopt a new width or duration; what was shown in full still is. @param {number} width @param {number} duration */
  resize(width, duration) {
    const whole = !this.scale || this.whole;
    this.width = Math.max(1, width);
    this.duration = Math.min(LONGEST, duration);
    this.set(whole ? 0 : this.start, whole ? this.coarsest : this.scale);
  }

  /** @param {number} start seconds @param {number} scale pixels of a second */
  set(start, scale) {
    this.scale = Math.min(Math.max(scale, this.coarsest), Math.max(FINEST, this.coarsest));
    this.start = Math.max(0, Math.min(start, this.duration - this.width / this.scale));
  }

  /** Zoom so that the moment at a pixel stays there. @param {number} factor @param {number} x */
  zoom(factor, x) {
    const time = this.timeAt(x);
    this.set(0, this.scale * factor);
    this.set(time - x / this.scale, this.scale);
  }

  /** @param {number} pixels */
  scroll(pixels) {
    this.set(this.start + pixels / this.scale, this.scale);
  }

  /** Show a moment, in the middle if it was not visible. @param {number} time @returns {boolean} whether it has moved */
  reveal(time) {
    const margin = 0.04 * (this.end - this.start);
    if (this.whole || (time >= this.start + (this.start > 0 ? margin : 0) && time <= this.end - margin))
      return false;
    const before = this.start;
    // Near the left edge, so that what comes next is visible.
    this.set(time - 0.15 * (this.end - this.start), this.scale);
    return this.start !== before;
  }

  /** @param {number} x */
  timeAt(x) {
    return this.start + x / this.scale;
  }

  /** @param {number} time */
  xAt(time) {
    return (time - this.start) * this.scale;
  }

  /** Distance of the labels of the ruler, seconds. */
  get tick() {
    const steps = [
      0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
    ];
    let step = steps.find((each) => each * this.scale >= 84) ?? steps[steps.length - 1];
    while (step * this.scale < 84) step *= 2;
    return step;
  }
}

/** The waveform as numbers: pairs of a lowest and a highest sample, at several densities. */

const FACTOR = 4;
const HEADER_BYTES = 24;

/**
 * @typedef {object} Level
 * @property {Int8Array} low
 * @property {Int8Array} high
 * @property {number} perSecond pairs in a second
 */

export class Peaks {
  /** @param {Level[]} levels the finest first */
  constructor(levels) {
    this.levels = levels;
    const [finest] = levels;
    this.duration = finest ? finest.low.length / finest.perSecond : 0;
  }

  /** Read audiowaveform's binary form, version 2. Several channels are drawn as one. @param {ArrayBuffer} buffer */
  static fromDat(buffer) {
    const view = new DataView(buffer);
    const [rate, samplesPerPixel] = [view.getInt32(8, true), view.getInt32(12, true)];
    const length = view.getUint32(16, true);
    const channels = Math.max(1, view.getInt32(20, true));
    const data = new Int8Array(buffer, HEADER_BYTES);
    if (data.length !== 2 * length * channels) throw new Error('The waveform is not one of 8 bits.');
    const [low, high] = [new Int8Array(length), new Int8Array(length)];
    for (let index = 0; index < length; index++) {
      let [least, most] = [127, -128];
      for (let channel = 0; channel < channels; channel++) {
        const at = 2 * (index * channels + channel);
        least = Math.min(least, data[at]);
        most = Math.max(most, data[at + 1]);
      }
      low[index] = least;
      high[index] = most;
    }
    return new Peaks(pyramid({ low, high, perSecond: rate / samplesPerPixel }));
  }

  /** The coarsest level that still has a pair for each pixel. @param {number} pixelsPerSecond */
  level(pixelsPerSecond) {
    return this.levels.findLast((level) => level.perSecond >= pixelsPerSecond) ?? this.levels[0];
  }

  /** The loudest sample, of 128. */
  get loudest() {
    const coarsest = this.levels[this.levels.length - 1];
    let most = 1;
    for (let index = 0; index < coarsest.low.length; index++) {
      most = Math.max(most, -coarsest.low[index], coarsest.high[index]);
    }
    return most;
  }
}

/** @param {Level} finest @returns {Level[]} */
function pyramid(finest) {
  const levels = [finest];
  let last = finest;
  while (last.low.length > 512) {
    const length = Math.ceil(last.low.length / FACTOR);
    const [low, high] = [new Int8Array(length), new Int8Array(length)];
    for (let index = 0; index < length; index++) {
      let [least, most] = [127, -128];
      const behind = Math.min(last.low.length, (index + 1) * FACTOR);
      for (let at = index * FACTOR; at < behind; at++) {
        if (last.low[at] < least) least = last.low[at];
        if (last.high[at] > most) most = last.high[at];
      }
      low[index] = least;
      high[index] = most;
    }
    last = { low, high, perSecond: last.perSecond / FACTOR };
    levels.push(last);
  }
  return levels;
}

/** The waveform as numbers: pairs of a lowest and a highest sample, at several densities, for each channel. */

const FACTOR = 4;
const HEADER_BYTES = 24;

/**
 * @typedef {object} Level
 * @property {Int8Array} low
 * @property {Int8Array} high
 * @property {number} perSecond pairs in a second
 */

export class Peaks {
  /** @param {Level[][]} channels the levels of each channel, the finest first */
  constructor(channels) {
    this.channels = channels;
    const [[finest]] = channels;
    this.duration = finest.low.length / finest.perSecond;
  }

  /**
   * Read audiowaveform's binary form, version 2.
   * @param {ArrayBuffer} buffer @param {Peaks | null} [before] what the data continue, of a job that runs
   */
  static fromDat(buffer, before = null) {
    const view = new DataView(buffer);
    const perSecond = view.getInt32(8, true) / view.getInt32(12, true);
    const length = view.getUint32(16, true);
    const count = Math.max(1, view.getInt32(20, true));
    const data = new Int8Array(buffer, HEADER_BYTES);
    if (data.length !== 2 * length * count) throw new Error('The waveform is not one of 8 bits.');
    const channels = Array.from({ length: count }, (_, channel) => {
      const first = before?.channels[channel]?.[0];
      const known = first?.low.length ?? 0;
      const [low, high] = [new Int8Array(known + length), new Int8Array(known + length)];
      if (first) low.set(first.low);
      if (first) high.set(first.high);
      for (let index = 0; index < length; index++) {
        const at = 2 * (index * count + channel);
        low[known + index] = data[at];
        high[known + index] = data[at + 1];
      }
      return pyramid({ low, high, perSecond });
    });
    return new Peaks(channels);
  }

  /** Where the next part begins, seconds: within the first pair that is missing, so that no rounding matters. */
  get next() {
    const [[{ low, perSecond }]] = this.channels;
    return (low.length + 0.5) / perSecond;
  }

  /** The coarsest level of each channel that still has a pair for each pixel. @param {number} pixelsPerSecond */
  levels(pixelsPerSecond) {
    return this.channels.map(
      (levels) => levels.findLast((level) => level.perSecond >= pixelsPerSecond) ?? levels[0],
    );
  }

  /** The loudest sample, of 128. */
  get loudest() {
    let most = 1;
    for (const levels of this.channels) {
      const { low, high } = levels[levels.length - 1];
      for (let index = 0; index < low.length; index++) most = Math.max(most, -low[index], high[index]);
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

/** Ranges of time, sorted by their start, which never overlap. */

/** @typedef {{start: number, end: number}} Range */

/**
 * Index of the first range that ends after a moment; the number of ranges if none does.
 * @param {readonly Range[]} ranges @param {number} time
 */
export function firstAfter(ranges, time) {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle].end > time) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The range that holds a moment. @template {Range} R @param {readonly R[]} ranges @param {number} time */
export function rangeAt(ranges, time) {
  const found = ranges[firstAfter(ranges, time)];
  return found && found.start <= time ? found : undefined;
}

/** Whether two ranges share more than a border. @param {Range} one @param {Range} other */
export function overlap(one, other) {
  return one.start < other.end && other.start < one.end;
}

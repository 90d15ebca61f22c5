/** The cut as the user edits it: options, single decisions, undo. It survives the tab. */

import { overlap } from './ranges.js';
import { load, save } from './storage.js';

const MOST_STEPS = 200;

/**
 * @typedef {object} CutChoices
 * @property {string} preset
 * @property {number | null} minSilence seconds; null: that of the preset
 * @property {number | null} padBefore seconds; null: that of the preset
 * @property {number | null} padAfter seconds; null: that of the preset
 * @property {string} mode what is done with what is cut
 * @property {string} silences
 * @property {string} fillers
 * @property {string} retakes
 * @property {{start: number, end: number}[]} keep ranges that stay in any case
 * @property {{start: number, end: number}[]} cut ranges that were cut by hand
 */

/** @type {CutChoices} */
export const NO_CHOICES = {
  preset: 'balanced',
  minSilence: null,
  padBefore: null,
  padAfter: null,
  mode: 'remove',
  silences: 'remove',
  fillers: 'keep',
  retakes: 'keep',
  keep: [],
  cut: [],
};

/** @type {Record<string, {minSilence: number, padBefore: number, padAfter: number}>} what the presets stand for */
export const PRESETS = {
  tight: { minSilence: 0.3, padBefore: 0.05, padAfter: 0.08 },
  balanced: { minSilence: 0.5, padBefore: 0.1, padAfter: 0.2 },
  loose: { minSilence: 0.8, padBefore: 0.2, padAfter: 0.3 },
};

export class Edit extends EventTarget {
  /** @param {string} jobId */
  constructor(jobId) {
    super();
    this._key = `cut.${jobId}`;
    /** @type {CutChoices} */
    this.choices = { ...NO_CHOICES, ...load(this._key, {}) };
    /** @type {CutChoices[]} */
    this._undone = [];
    /** @type {CutChoices[]} */
    this._done = [];
  }

  get canUndo() {
    return this._done.length > 0;
  }

  get canRedo() {
    return this._undone.length > 0;
  }

  /** The body of a cut plan: what differs from the defaults. */
  get request() {
    const given = Object.entries(this.choices).filter(([, value]) => value !== null);
    return Object.fromEntries(given);
  }

  /** @param {Partial<CutChoices>} change */
  change(change) {
    this._done.push(this.choices);
    if (this._done.length > MOST_STEPS) this._done.shift();
    this._undone = [];
    this._set({ ...this.choices, ...change });
  }

  undo() {
    const before = this._done.pop();
    if (!before) return;
    this._undone.push(this.choices);
    this._set(before);
  }

  redo() {
    const after = this._undone.pop();
    if (!after) return;
    this._done.push(this.choices);
    this._set(after);
  }

  /** Cut a range; what was kept by hand inside it is cut too. @param {{start: number, end: number}} range */
  cutRange(range) {
    this.change({
      cut: [...this.choices.cut.filter((other) => !overlap(other, range)), widened(range, this.choices.cut)],
      keep: this.choices.keep.filter((other) => !overlap(other, range)),
    });
  }

  /** Keep a range; what was cut by hand inside it stays. @param {{start: number, end: number}} range */
  keepRange(range) {
    const byHand = this.choices.cut.filter((other) => overlap(other, range));
    const only =
      byHand.length > 0 &&
      byHand.every((cut) => cut.start >= range.start - 0.05 && cut.end <= range.end + 0.05);
    this.change({
      cut: this.choices.cut.filter((other) => !overlap(other, range)),
      // A manual cut that is taken back needs no range that protects it.
      keep: only ? this.choices.keep : [...this.choices.keep, range],
    });
  }

  /** Cut again what was switched off. @param {{start: number, end: number}} range */
  release(range) {
    this.change({ keep: this.choices.keep.filter((other) => !overlap(other, range)) });
  }

  reset() {
    this.change(NO_CHOICES);
  }

  /** @param {CutChoices} choices */
  _set(choices) {
    this.choices = choices;
    save(this._key, choices);
    this.dispatchEvent(new Event('change'));
  }
}

/** The range and all that overlaps it. @param {{start: number, end: number}} range @param {{start: number, end: number}[]} others */
function widened(range, others) {
  const touched = [range, ...others.filter((other) => overlap(other, range))];
  return {
    start: Math.min(...touched.map((each) => each.start)),
    end: Math.max(...touched.map((each) => each.end)),
  };
}

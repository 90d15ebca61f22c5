/** A transcript prepared for the screen: paragraphs of words and silences, and a text to search. */

import { t } from './texts.js';

const LONGEST_PARAGRAPH = 60;
const PARAGRAPH_PAUSE_S = 1.5;
const UNSURE = 0.5;

/**
 * @typedef {object} Word
 * @property {string} word
 * @property {number} start
 * @property {number} end
 * @property {number} [confidence]
 * @property {string} [timing]
 * @property {string} [speaker]
 * @property {number} [channel] from 0, of channels that were transcribed one by one
 */

/**
 * @typedef {object} Paragraph
 * @property {number} first index of its first word
 * @property {number} behind index behind its last word
 * @property {string} speaker
 * @property {number} characters
 */

export class TranscriptModel {
  /** @param {readonly Word[]} words @param {readonly {start: number, end: number}[]} silences */
  constructor(words, silences = []) {
    this.words = words;
    this.silences = silences;
    this.starts = Float64Array.from(words, (word) => word.start);
    this.paragraphs = paragraphs(words);
    /** @type {Map<number, {start: number, end: number}>} silences by the word that follows them */
    this.silenceBefore = new Map();
    for (const silence of silences) {
      this.silenceBefore.set(firstFrom(this.starts, (silence.start + silence.end) / 2), silence);
    }
    this.speakers = [...new Set(words.map(speakerOf).filter(Boolean))].sort();
    /** @type {string | null} */
    this._text = null;
    /** @type {Uint32Array} */
    this._offsets = new Uint32Array();
  }

  /** Index of the word that is spoken at a moment, or of the last one before it; -1 before the first. @param {number} time */
  wordAt(time) {
    return firstFrom(this.starts, time + 1e-6) - 1;
  }

  /** Index of the paragraph that holds a word. @param {number} word */
  paragraphOf(word) {
    let [low, high] = [0, this.paragraphs.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.paragraphs[middle].first <= word) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Whether an engine was unsure of a word. @param {Word} word */
  static unsure(word) {
    return word.confidence !== undefined && word.confidence < UNSURE;
  }

  /**
   * Find a text across words; upper and lower case are the same.
   * @param {string} wanted @returns {{first: number, last: number}[]} indices of words, the last one included
   */
  search(wanted) {
    const needle = fold(wanted.trim().replace(/\s+/g, ' '));
    if (!needle) return [];
    const text = this._searchable();
    const found = [];
    for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + needle.length)) {
      found.push({ first: this._wordAtOffset(at), last: this._wordAtOffset(at + needle.length - 1) });
    }
    return found;
  }

  _searchable() {
    if (this._text === null) {
      const folded = this.words.map((word) => fold(word.word.trim()));
      this._offsets = new Uint32Array(folded.length);
      let offset = 0;
      folded.forEach((word, index) => {
        this._offsets[index] = offset;
        offset += word.length + 1;
      });
      this._text = folded.join(' ');
    }
    return this._text;
  }

  /** @param {number} offset */
  _wordAtOffset(offset) {
    return firstFrom(this._offsets, offset + 1) - 1;
  }
}

/** Who says a word, as it is shown: a name, or the channel that a speaker has alone. @param {Word} word */
function speakerOf({ speaker, channel }) {
  const lane = channel === undefined ? '' : t('transcript.channel', { n: channel + 1 });
  return [speaker, lane].filter(Boolean).join(', ');
}

/** Lower case without accents, so that `uber` finds `Über`. @param {string} text */
function fold(text) {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}

/** Index of the first number that is not smaller. @param {Float64Array | Uint32Array} sorted @param {number} wanted */
function firstFrom(sorted, wanted) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A paragraph ends where the speaker changes, at a pause, or at the end of a sentence once it is long. @param {readonly Word[]} words */
function paragraphs(words) {
  /** @type {Paragraph[]} */
  const found = [];
  let first = 0;
  let characters = 0;
  words.forEach((word, index) => {
    characters += word.word.length + 1;
    const next = words[index + 1];
    const length = index + 1 - first;
    const ends =
      !next ||
      speakerOf(next) !== speakerOf(word) ||
      next.start - word.end > PARAGRAPH_PAUSE_S ||
      (length >= LONGEST_PARAGRAPH &&
        (/[.!?。！？]["'”’)]*$/.test(word.word) || length >= 2 * LONGEST_PARAGRAPH));
    if (ends) {
      found.push({ first, behind: index + 1, speaker: speakerOf(word), characters });
      first = index + 1;
      characters = 0;
    }
  });
  return found;
}

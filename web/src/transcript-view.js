/** `<at-transcript>`: the words of a recording, of which only the visible paragraphs are in the document. */

import { fill, h } from './dom.js';
import { clock, duration } from './format.js';
import { firstAfter } from './ranges.js';
import { t } from './texts.js';
import { TranscriptModel } from './transcript-model.js';
import { VirtualList } from './virtual-list.js';

const LINE_PX = 28;
const SPEAKER_COLORS = 8;
const HOLD_MS = 450;
const HOLD_PX = 10;

/** @typedef {import('./ranges.js').Range} Range */
/** Sounds between words have no index. @typedef {{firstWord: number | null, lastWord: number | null}} Found */

export class TranscriptView extends HTMLElement {
  constructor() {
    super();
    this.model = new TranscriptModel([]);
    /** @type {readonly Range[]} */
    this.cuts = [];
    /** @type {Set<number>} */
    this._fillers = new Set();
    /** @type {Set<number>} */
    this._retakes = new Set();
    /** @type {{first: number, last: number}[]} */
    this.hits = [];
    this.hit = -1;
    /** @type {{anchor: number, head: number} | null} selected words, the borders included */
    this.selection = null;
    this._current = -1;
    /** @type {HTMLElement | null} */
    this._now = null;
    this.follow = true;
  }

  connectedCallback() {
    if (this._list) return;
    this._content = h('div', { class: 'paragraphs' });
    this._list = new VirtualList(this, this._content, {
      count: () => this.model.paragraphs.length,
      estimate: (index) => this._estimate(index),
      create: (index) => this._paragraph(index),
    });
    this.tabIndex = 0;
    this.setAttribute('role', 'group');
    this.setAttribute('aria-label', t('transcript.label'));
    this.append(this._content);
    this.addEventListener('pointerdown', (event) => this._onPress(event));
    this.addEventListener('pointermove', (event) => this._onMove(event));
    this.addEventListener('pointerup', (event) => this._onRelease(event));
    this.addEventListener('pointercancel', () => clearTimeout(this._hold));
    this.addEventListener('contextmenu', (event) => {
      if (this._held) event.preventDefault();
    });
    // Scrolling by hand stops following the playback.
    for (const name of ['wheel', 'touchmove']) {
      this.addEventListener(name, () => this._setFollow(false), { passive: true });
    }
    this._list.reset();
  }

  /** Show another transcript. @param {TranscriptModel} model @param {boolean} [keep] keep the place */
  show(model, keep = false) {
    this.model = model;
    this._current = -1;
    this._list?.reset(keep);
  }

  /** @param {readonly Range[]} cuts @param {readonly Found[]} fillers @param {readonly Found[]} retakes */
  mark(cuts, fillers, retakes) {
    this.cuts = cuts;
    this._fillers = indices(fillers);
    this._retakes = indices(retakes);
    this._list?.refresh();
    this._highlight();
  }

  /** Highlight the word that is spoken. @param {number} time */
  setTime(time) {
    const index = this.model.wordAt(time);
    if (index === this._current) return;
    this._current = index;
    this._highlight();
    if (this.follow && index >= 0) this._revealWord(index);
  }

  /** @param {string} text @returns {number} number of matches */
  search(text) {
    this.hits = this.model.search(text);
    this.hit = -1;
    this._list?.refresh();
    this._highlight();
    return this.hits.length;
  }

  /** Go to another match. @param {number} step 1 or -1 @returns {number} index of the first word, -1 for none */
  nextMatch(step) {
    const count = this.hits.length;
    if (!count) return -1;
    if (this.hit < 0) {
      const following = this.hits.findIndex((match) => match.first >= this._current);
      this.hit = Math.max(following, 0);
    } else this.hit = (this.hit + step + count) % count;
    this._list?.refresh();
    const { first } = this.hits[this.hit];
    this._revealWord(first);
    this._highlight();
    return first;
  }

  /** @param {{anchor: number, head: number} | null} selection */
  select(selection) {
    const same = selection?.anchor === this.selection?.anchor && selection?.head === this.selection?.head;
    if (same) return;
    this.selection = selection;
    this._paintSelection();
    this.dispatchEvent(new Event('select'));
  }

  /** Extend the selection by words. @param {number} step */
  extend(step) {
    const from = this.selection ?? {
      anchor: Math.max(0, this._current),
      head: Math.max(0, this._current) - step,
    };
    const head = Math.max(0, Math.min(this.model.words.length - 1, from.head + step));
    this.select({ anchor: from.anchor, head });
    this._revealWord(head);
  }

  /** Range of the selected words. @returns {(Range & {first: number, last: number}) | null} */
  get selected() {
    if (!this.selection || !this.model.words.length) return null;
    const [first, last] = [this.selection.anchor, this.selection.head].sort((a, b) => a - b);
    return { first, last, start: this.model.words[first].start, end: this.model.words[last].end };
  }

  /** @param {number} index */
  _revealWord(index) {
    const paragraph = this.model.paragraphOf(index);
    this._list?.reveal(paragraph);
    const word = this._word(index);
    if (!word) return;
    const [own, box] = [word.getBoundingClientRect(), this.getBoundingClientRect()];
    if (own.top < box.top + 8 || own.bottom > box.bottom - 40) {
      this.scrollTop += own.top - box.top - box.height / 3;
    }
    if (!this._word(index)) this._list?.render();
    this._highlight();
  }

  /** @param {boolean} follow */
  _setFollow(follow) {
    if (this.follow === follow) return;
    this.follow = follow;
    this.dispatchEvent(new Event('follow'));
  }

  /** Follow the playback again. */
  followAgain() {
    this._setFollow(true);
    if (this._current >= 0) this._revealWord(this._current);
  }

  /** @param {number} index */
  _estimate(index) {
    const { characters } = this.model.paragraphs[index];
    const columns = Math.max(20, (this._content?.clientWidth ?? 600) / 8.4 - 12);
    return 30 + LINE_PX * Math.max(1, Math.ceil(characters / columns));
  }

  /** @param {number} index */
  _paragraph(index) {
    const { model } = this;
    const { first, behind, speaker } = model.paragraphs[index];
    const start = model.words[first].start;
    const text = h('p', { class: 'words' });
    for (let at = first; at < behind; at++) {
      const silence = model.silenceBefore.get(at);
      if (silence) text.append(this._silence(silence), ' ');
      text.append(this._wordElement(at), ' ');
    }
    const last = behind === model.words.length ? model.silenceBefore.get(behind) : undefined;
    if (last) text.append(this._silence(last));
    const number = model.speakers.indexOf(speaker) % SPEAKER_COLORS;
    return h(
      'section',
      { class: 'paragraph', 'data-speaker': speaker ? String(number) : undefined },
      h(
        'header',
        {},
        h(
          'button',
          {
            type: 'button',
            class: 'moment',
            'data-time': String(start),
            'aria-label': t('transcript.play', { time: clock(start) }),
          },
          clock(start),
        ),
        speaker && h('span', { class: 'speaker' }, speaker),
      ),
      text,
    );
  }

  /** @param {number} index */
  _wordElement(index) {
    const word = this.model.words[index];
    const classes = ['w'];
    const notes = [];
    if (TranscriptModel.unsure(word)) {
      classes.push('unsure');
      notes.push(t('transcript.unsure', { percent: Math.round(100 * (word.confidence ?? 0)) }));
    }
    if (word.timing === 'estimated') {
      classes.push('estimated');
      notes.push(t('transcript.estimated'));
    }
    if (this._fillers.has(index)) {
      classes.push('filler');
      notes.push(t('reason.filler'));
    }
    if (this._retakes.has(index)) {
      classes.push('retake');
      notes.push(t('reason.retake'));
    }
    if (this._isCut((word.start + word.end) / 2)) classes.push('gone');
    const matches = this.hits.length ? this._matchOf(index) : -1;
    if (matches >= 0) classes.push(matches === this.hit ? 'found at' : 'found');
    if (this._isSelected(index)) classes.push('selected');
    return h(
      'span',
      { class: classes.join(' '), 'data-word': String(index), title: notes.join('; ') || undefined },
      word.word.trim(),
    );
  }

  /** @param {Range} silence */
  _silence(silence) {
    const gone = this._isCut((silence.start + silence.end) / 2);
    return h(
      'span',
      {
        class: gone ? 'pause gone' : 'pause',
        'data-time': String(silence.start),
        title: t('transcript.silence'),
      },
      duration(silence.end - silence.start),
    );
  }

  /** @param {number} index */
  _matchOf(index) {
    let [low, high] = [0, this.hits.length - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const { first, last } = this.hits[middle];
      if (index < first) high = middle - 1;
      else if (index > last) low = middle + 1;
      else return middle;
    }
    return -1;
  }

  /** @param {number} time */
  _isCut(time) {
    const cut = this.cuts[firstAfter(this.cuts, time)];
    return cut !== undefined && cut.start <= time;
  }

  /** @param {number} index */
  _isSelected(index) {
    const chosen = this.selection;
    return (
      chosen !== null &&
      index >= Math.min(chosen.anchor, chosen.head) &&
      index <= Math.max(chosen.anchor, chosen.head)
    );
  }

  _paintSelection() {
    for (const element of this.querySelectorAll('.w')) {
      const index = Number(/** @type {HTMLElement} */ (element).dataset.word);
      element.classList.toggle('selected', this._isSelected(index));
    }
  }

  /** @param {number} index @returns {HTMLElement | null} */
  _word(index) {
    return this.querySelector(`[data-word="${index}"]`);
  }

  _highlight() {
    const word = this._current >= 0 ? this._word(this._current) : null;
    if (this._now === word && word?.classList.contains('now')) return;
    this._now?.classList.remove('now');
    word?.classList.add('now');
    this._now = word;
  }

  /** @param {Event} event */
  _wordOf(event) {
    const target = /** @type {Element} */ (event.target).closest?.('[data-word]');
    return target ? Number(/** @type {HTMLElement} */ (target).dataset.word) : -1;
  }

  /** @param {PointerEvent} event */
  _onPress(event) {
    const word = this._wordOf(event);
    if (event.button || word < 0) return;
    if (event.shiftKey) {
      this.select({ anchor: this.selection?.anchor ?? Math.max(0, this._current), head: word });
      event.preventDefault();
    } else {
      this._pressed = word;
      if (event.pointerType === 'touch') this._holdOn(word, event);
    }
  }

  /** A finger that stays on a word selects it. @param {number} word @param {PointerEvent} event */
  _holdOn(word, { clientX, clientY }) {
    this._held = false;
    this._holdAt = { x: clientX, y: clientY };
    clearTimeout(this._hold);
    this._hold = setTimeout(() => {
      this._held = true;
      this.select({ anchor: word, head: word });
    }, HOLD_MS);
  }

  /** @param {PointerEvent} event */
  _onMove(event) {
    if (this._pressed === undefined) return;
    if (event.pointerType === 'touch') {
      const { x, y } = this._holdAt ?? { x: 0, y: 0 };
      if (Math.hypot(event.clientX - x, event.clientY - y) > HOLD_PX) clearTimeout(this._hold);
      return;
    }
    const word = this._wordOf(event);
    if (word < 0 || (word === this._pressed && !this.selection)) return;
    this.select({ anchor: this._pressed, head: word });
  }

  /** @param {PointerEvent} event */
  _onRelease(event) {
    const [pressed, word] = [this._pressed, this._wordOf(event)];
    this._pressed = undefined;
    clearTimeout(this._hold);
    if (event.shiftKey) return;
    if (event.pointerType === 'touch') {
      if (this._held) return;
      // Where words are selected, another tap moves the end.
      if (this.selection && word >= 0) return this.select({ anchor: this.selection.anchor, head: word });
    }
    const moment = /** @type {Element} */ (event.target).closest?.('[data-time]');
    if (moment) this._seek(Number(/** @type {HTMLElement} */ (moment).dataset.time));
    else if (word >= 0 && word === pressed) {
      this.select(null);
      this._seek(this.model.words[word].start);
    }
  }

  /** @param {number} time */
  _seek(time) {
    this._setFollow(true);
    this.dispatchEvent(new CustomEvent('seek', { detail: time }));
  }

  /** A message in place of words. @param {Node | null} note */
  note(note) {
    if (!this._content) return;
    const old = this.querySelector(':scope > .note');
    old?.remove();
    if (note) this.prepend(h('div', { class: 'note' }, note));
    if (note) fill(this._content);
    if (note) this._list?.reset();
  }
}

/** @param {readonly Found[]} found @returns {Set<number>} */
function indices(found) {
  const all = new Set();
  for (const { firstWord, lastWord } of found)
    if (firstWord !== null && lastWord !== null)
      for (let index = firstWord; index <= lastWord; index++) all.add(index);
  return all;
}

customElements.define('at-transcript', TranscriptView);

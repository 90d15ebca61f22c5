/** `<at-waveform>`: the waveform with its ruler, shaded ranges, words and playhead, drawn on a canvas. */

import { h } from './dom.js';
import { clock, duration as inWords } from './format.js';
import { firstAfter } from './ranges.js';
import { t } from './texts.js';
import { TimelineView } from './timeline-view.js';

const RULER = 22;
const WORDS = 22;
const WORDS_FROM = 55;
const OVERVIEW = 44;
const DRAG_FROM = 4;

/** @typedef {import('./ranges.js').Range} Range */
/** @typedef {import('./peaks.js').Peaks} Peaks */
/** @typedef {import('./transcript-model.js').TranscriptModel} TranscriptModel */

/**
 * @typedef {object} Bands
 * @property {readonly Range[]} silences
 * @property {readonly Range[]} cuts
 * @property {readonly Range[]} fillers
 * @property {readonly Range[]} retakes
 * @property {readonly Range[]} gaps
 * @property {readonly Range[]} done parts that are transcribed, while a job runs
 */

/** @type {Bands} */
export const NO_BANDS = { silences: [], cuts: [], fillers: [], retakes: [], gaps: [], done: [] };

export class Waveform extends HTMLElement {
  constructor() {
    super();
    this.view = new TimelineView();
    /** @type {Peaks | null} */
    this.peaks = null;
    /** @type {TranscriptModel | null} */
    this.model = null;
    this.bands = NO_BANDS;
    /** @type {Range | null} */
    this.selection = null;
    this.time = 0;
    this.duration = 0;
    this._colors = /** @type {Record<string, string>} */ ({});
    this._frame = 0;
    this._loudest = 128;
    /** @type {Map<number, number>} x of each pointer that is down */
    this._pointers = new Map();
  }

  connectedCallback() {
    if (this._main) return;
    this._main = h('canvas', {
      class: 'wave-main',
      tabIndex: 0,
      role: 'slider',
      'aria-label': t('wave.label'),
      'aria-valuemin': '0',
      'aria-keyshortcuts': 'ArrowLeft ArrowRight + -',
    });
    this._overview = h('canvas', { class: 'wave-overview', 'aria-hidden': 'true' });
    this.append(this._main, this._overview);
    this._listen(this._main, this._overview);
    this._observer = new ResizeObserver(() => this._resize());
    this._observer.observe(this);
    this._themes = new MutationObserver(() => this._theme());
    this._themes.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this._theme());
    this._theme();
  }

  disconnectedCallback() {
    cancelAnimationFrame(this._frame);
    this._frame = 0;
  }

  /** Take new material; what is left out stays. @param {{peaks?: Peaks | null, model?: TranscriptModel, bands?: Partial<Bands>, duration?: number}} material */
  update({ peaks, model, bands, duration }) {
    if (peaks !== undefined) {
      this.peaks = peaks;
      this._loudest = peaks ? Math.max(12, peaks.loudest) : 128;
    }
    if (model) this.model = model;
    if (bands) this.bands = { ...this.bands, ...bands };
    if (duration !== undefined) this.duration = duration;
    this._base = null;
    this._resize();
  }

  /** Move the playhead. @param {number} time @param {boolean} follow scroll if it is not visible */
  setTime(time, follow) {
    this.time = time;
    if (follow && !this._pointers.size) this.view.reveal(time);
    this._main?.setAttribute('aria-valuenow', time.toFixed(1));
    this._main?.setAttribute(
      'aria-valuetext',
      t('wave.value', { time: clock(time), all: clock(this.duration) }),
    );
    this.redraw();
  }

  /** @param {Range | null} range */
  select(range) {
    this.selection = range;
    this.redraw();
  }

  /** Zoom around the playhead if it is visible, else around the middle. @param {number} factor */
  zoom(factor) {
    const x = this.view.xAt(this.time);
    this.view.zoom(factor, x >= 0 && x <= this.view.width ? x : this.view.width / 2);
    this.redraw();
  }

  fit() {
    this.view.set(0, 0);
    this.redraw();
  }

  redraw() {
    this._frame ||= requestAnimationFrame(() => {
      this._frame = 0;
      this._draw();
    });
  }

  _theme() {
    const style = getComputedStyle(this);
    for (const name of [
      'wave',
      'wave-cut',
      'cut',
      'silence',
      'filler',
      'retake',
      'gap',
      'done',
      'head',
      'line',
      'muted',
      'text',
      'select',
      'panel',
      'canvas',
    ]) {
      this._colors[name] = style.getPropertyValue(`--${name}`).trim();
    }
    this._base = null;
    this.redraw();
  }

  _resize() {
    if (!this._main || !this._overview) return;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    for (const canvas of [this._main, this._overview]) {
      const [width, height] = [
        Math.round(canvas.clientWidth * ratio),
        Math.round(canvas.clientHeight * ratio),
      ];
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    }
    this._main.setAttribute('aria-valuemax', this.duration.toFixed(1));
    this.view.resize(this._main.clientWidth, this.duration);
    this._base = null;
    this.redraw();
  }

  _draw() {
    const main = this._main?.getContext('2d');
    const overview = this._overview?.getContext('2d');
    if (!main || !overview || !this.view.duration || !this._main || !this._overview) return;
    const ratio = this._main.width / Math.max(1, this._main.clientWidth);
    main.setTransform(ratio, 0, 0, ratio, 0, 0);
    this._drawMain(main, this._main.clientWidth, this._main.clientHeight, ratio);
    this._drawOverview(overview, ratio);
    this.dispatchEvent(new Event('drawn'));
  }

  /** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {number} ratio */
  _drawMain(context, width, height, ratio) {
    const labels = this.view.scale >= WORDS_FROM && this.model;
    const bottom = height - (labels ? WORDS : 0);
    context.clearRect(0, 0, width, height);
    this._drawRuler(context, width, bottom);
    this._drawBands(context, this.view, RULER, bottom - RULER);
    this._drawWave(context, this.view, RULER, bottom, ratio);
    this._drawEdges(context, RULER, bottom - RULER);
    if (labels) this._drawWords(context, bottom);
    if (this.selection) {
      const x = this.view.xAt(this.selection.start);
      context.fillStyle = this._colors.select;
      context.fillRect(x, RULER, Math.max(1, this.view.xAt(this.selection.end) - x), bottom - RULER);
    }
    const x = this.view.xAt(this.time);
    context.fillStyle = this._colors.head;
    context.fillRect(x - 0.75, 0, 1.5, height);
    context.beginPath();
    context.moveTo(x - 6, 0);
    context.lineTo(x + 6, 0);
    context.lineTo(x, 8);
    context.fill();
  }

  /** @param {CanvasRenderingContext2D} context @param {number} width @param {number} bottom */
  _drawRuler(context, width, bottom) {
    const { tick } = this.view;
    const digits = tick < 0.1 ? 2 : tick < 1 ? 1 : 0;
    context.font = '11px system-ui, sans-serif';
    context.textBaseline = 'middle';
    for (let step = Math.floor(this.view.start / tick); step * tick <= this.view.end; step++) {
      const x = this.view.xAt(step * tick);
      context.fillStyle = this._colors.line;
      context.fillRect(x, RULER - 6, 1, bottom - RULER + 6);
      for (let part = 1; part < 5; part++)
        context.fillRect(x + (part * tick * this.view.scale) / 5, RULER - 3, 1, 3);
      context.fillStyle = this._colors.muted;
      if (x < width - 4) context.fillText(clock(step * tick, digits), x + 4, RULER / 2 - 1);
    }
  }

  /** @param {CanvasRenderingContext2D} context @param {TimelineView} view @param {number} top @param {number} height */
  _drawBands(context, view, top, height) {
    const { silences, done, gaps } = this.bands;
    this._band(context, view, done, this._colors.done, top, height);
    this._band(context, view, silences, this._colors.silence, top, height);
    this._band(context, view, gaps, this._colors.gap, top, height);
    this._band(context, view, this.bands.cuts, this._colors.cut, top, height);
    this._band(context, view, this.bands.retakes, this._colors.retake, top + height - 5, 5);
    this._band(context, view, this.bands.fillers, this._colors.filler, top + height - 5, 5);
  }

  /** @param {CanvasRenderingContext2D} context @param {TimelineView} view @param {readonly Range[]} ranges @param {string} color @param {number} top @param {number} height */
  _band(context, view, ranges, color, top, height) {
    context.fillStyle = color;
    let behind = -1;
    for (
      let index = firstAfter(ranges, view.start);
      index < ranges.length && ranges[index].start < view.end;
      index++
    ) {
      const right = view.xAt(ranges[index].end);
      const left = Math.max(view.xAt(ranges[index].start), behind);
      // Thousands of ranges of a fraction of a pixel become one bar for each pixel.
      if (right - left < 0.5 && behind > right) continue;
      const width = Math.max(0.75, right - left);
      context.fillRect(left, top, width, height);
      behind = left + width;
    }
  }

  /** Grips at the borders of cuts, once there is room for them. @param {CanvasRenderingContext2D} context @param {number} top @param {number} height */
  _drawEdges(context, top, height) {
    if (this.view.scale < 12) return;
    context.fillStyle = this._colors['wave-cut'];
    const { cuts } = this.bands;
    for (
      let index = firstAfter(cuts, this.view.start);
      index < cuts.length && cuts[index].start < this.view.end;
      index++
    ) {
      for (const time of [cuts[index].start, cuts[index].end])
        context.fillRect(this.view.xAt(time) - 0.5, top, 1, height);
    }
  }

  /** @param {CanvasRenderingContext2D} context @param {TimelineView} view @param {number} top @param {number} bottom @param {number} ratio */
  _drawWave(context, view, top, bottom, ratio) {
    const lanes = this.peaks?.levels(view.scale * ratio) ?? [null];
    const room = (bottom - top) / lanes.length;
    lanes.forEach((level, lane) => {
      const middle = top + (lane + 0.5) * room;
      context.fillStyle = this._colors.line;
      context.fillRect(0, middle - 0.5, view.width, 1);
      const margin = Math.min(6, 0.1 * room);
      if (level) this._drawLane(context, view, middle, (room / 2 - margin) / this._loudest, level, 1 / ratio);
    });
  }

  /** @param {CanvasRenderingContext2D} context @param {TimelineView} view @param {number} middle @param {number} height pixels of a step @param {import('./peaks.js').Level} level @param {number} step pixels */
  _drawLane(context, view, middle, height, { low, high, perSecond }, step) {
    const { cuts } = this.bands;
    // Single rectangles: a path of thousands takes a software canvas a hundred times as long.
    const [kept, gone] = [this._colors.wave, this._colors['wave-cut']];
    let cut = firstAfter(cuts, view.start);
    for (let x = 0; x < view.width; x += step) {
      const [from, to] = [view.timeAt(x), view.timeAt(x + step)];
      const first = Math.floor(from * perSecond);
      const behind = Math.min(Math.max(first + 1, Math.floor(to * perSecond)), low.length);
      if (first >= low.length) break;
      let [least, most] = [0, 0];
      for (let index = first; index < behind; index++) {
        if (low[index] < least) least = low[index];
        if (high[index] > most) most = high[index];
      }
      while (cut < cuts.length && cuts[cut].end <= from) cut++;
      context.fillStyle = cut < cuts.length && cuts[cut].start <= from ? gone : kept;
      context.fillRect(x, middle - most * height - 0.4, step, (most - least) * height + 0.8);
    }
  }

  /** @param {CanvasRenderingContext2D} context @param {number} top */
  _drawWords(context, top) {
    if (!this.model) return;
    const { words } = this.model;
    context.font = '12px system-ui, sans-serif';
    context.textBaseline = 'middle';
    for (let index = Math.max(0, this.model.wordAt(this.view.start)); index < words.length; index++) {
      const { word, start, end } = words[index];
      if (start > this.view.end) break;
      const x = this.view.xAt(start);
      const room = this.view.xAt(end) - x;
      context.fillStyle = this._colors.line;
      context.fillRect(x, top, 1, WORDS);
      context.save();
      context.beginPath();
      const next = words[index + 1] ? this.view.xAt(words[index + 1].start) - x : room + 80;
      context.rect(x, top, Math.max(room, next) - 2, WORDS);
      context.clip();
      context.fillStyle = this._colors.text;
      context.fillText(word, x + 4, top + WORDS / 2);
      context.restore();
    }
  }

  /** The whole recording and the part that is visible. It is drawn anew only when it changes. @param {CanvasRenderingContext2D} context @param {number} ratio */
  _drawOverview(context, ratio) {
    const canvas = context.canvas;
    if (!this._base) {
      this._base = new OffscreenCanvas(Math.max(1, canvas.width), Math.max(1, canvas.height));
      const base = /** @type {any} */ (this._base.getContext('2d'));
      base.setTransform(ratio, 0, 0, ratio, 0, 0);
      const whole = new TimelineView();
      whole.resize(canvas.clientWidth, this.duration);
      this._drawBands(base, whole, 0, OVERVIEW);
      // One lane may fill it; several need their margins.
      const spare = (this.peaks?.channels.length ?? 1) > 1 ? 0 : 4;
      this._drawWave(base, whole, -spare, OVERVIEW + spare, ratio);
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(this._base, 0, 0);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const scale = canvas.clientWidth / this.duration;
    const [left, right] = [this.view.start * scale, this.view.end * scale];
    if (!this.view.whole) {
      context.fillStyle = this._colors.canvas;
      context.globalAlpha = 0.66;
      context.fillRect(0, 0, left, OVERVIEW);
      context.fillRect(right, 0, canvas.clientWidth - right, OVERVIEW);
      context.globalAlpha = 1;
      context.strokeStyle = this._colors.muted;
      context.lineWidth = 1.5;
      context.strokeRect(left + 0.75, 0.75, Math.max(4, right - left - 1.5), OVERVIEW - 1.5);
    }
    context.fillStyle = this._colors.head;
    context.fillRect(this.time * scale - 0.75, 0, 1.5, OVERVIEW);
  }

  /** @param {HTMLCanvasElement} main @param {HTMLCanvasElement} overview */
  _listen(main, overview) {
    main.addEventListener('wheel', (event) => this._onWheel(event), { passive: false });
    main.addEventListener('pointerdown', (event) => this._onPress(main, event));
    main.addEventListener('pointermove', (event) => this._onMove(event));
    for (const end of /** @type {const} */ (['pointerup', 'pointercancel'])) {
      main.addEventListener(end, (event) => this._onRelease(event));
    }
    main.addEventListener('keydown', (event) => {
      if (event.key === '+' || event.key === '=') this.zoom(1.6);
      else if (event.key === '-') this.zoom(1 / 1.6);
      else if (event.key === '0') this.fit();
      else return;
      event.preventDefault();
    });
    const move = (/** @type {PointerEvent} */ event) => {
      if (!overview.hasPointerCapture(event.pointerId)) return;
      const time = (event.offsetX / Math.max(1, overview.clientWidth)) * this.duration;
      if (this.view.whole) this._emit('seek', time);
      else this.view.set(time - (this.view.end - this.view.start) / 2, this.view.scale);
      this.redraw();
    };
    overview.addEventListener('pointerdown', (event) => {
      overview.setPointerCapture(event.pointerId);
      move(event);
    });
    overview.addEventListener('pointermove', move);
  }

  /** The wheel zooms at the pointer; sideways, or with shift, it scrolls. @param {WheelEvent} event */
  _onWheel(event) {
    event.preventDefault();
    const pixels = event.deltaMode ? 16 : 1;
    const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (sideways) this.view.scroll((event.deltaX || event.deltaY) * pixels);
    else this.view.zoom(1.0022 ** (-event.deltaY * pixels), event.offsetX);
    this.redraw();
  }

  /** @param {HTMLElement} target @param {PointerEvent} event */
  _onPress(target, event) {
    if (event.button) return;
    target.setPointerCapture(event.pointerId);
    this._pointers.set(event.pointerId, event.offsetX);
    this._pressedAt = event.offsetX;
    this._dragging = false;
    if (this._pointers.size > 1) this.select(null);
  }

  /** One finger scrolls, two zoom; a mouse selects a range. @param {PointerEvent} event */
  _onMove(event) {
    const before = this._pointers.get(event.pointerId);
    if (before === undefined) return this._hover(event);
    const others = [...this._pointers].filter(([id]) => id !== event.pointerId);
    this._pointers.set(event.pointerId, event.offsetX);
    if (Math.abs(event.offsetX - (this._pressedAt ?? 0)) >= DRAG_FROM) this._dragging = true;
    if (others.length) {
      const [[, other]] = others;
      const factor = Math.abs(event.offsetX - other) / Math.max(1, Math.abs(before - other));
      this.view.zoom(Math.min(2, Math.max(0.5, factor)), (event.offsetX + other) / 2);
    } else if (event.pointerType === 'touch') {
      this.view.scroll(before - event.offsetX);
    } else if (this._dragging) {
      const times = [this._pressedAt ?? 0, event.offsetX]
        .map((x) => this.view.timeAt(x))
        .sort((a, b) => a - b);
      this.selection = { start: Math.max(0, times[0]), end: Math.min(this.duration, times[1]) };
    }
    this.redraw();
  }

  /** @param {PointerEvent} event */
  _hover(event) {
    if (!this._main) return;
    const time = this.view.timeAt(event.offsetX);
    const cuts = this.bands.cuts;
    const cut = cuts[firstAfter(cuts, time)];
    const inside = cut && cut.start <= time;
    const title = inside ? t('wave.cut', { length: inWords(cut.end - cut.start) }) : '';
    if (this._main.title !== title) this._main.title = title;
  }

  /** @param {PointerEvent} event */
  _onRelease(event) {
    const single = this._pointers.size === 1;
    this._pointers.delete(event.pointerId);
    if (event.type === 'pointercancel' || !single) return;
    if (this._dragging) {
      if (event.pointerType !== 'touch') this._emit('range', this.selection);
    } else {
      this.selection = null;
      this._emit('seek', Math.min(this.duration, this.view.timeAt(event.offsetX)));
    }
    this.redraw();
  }

  /** @param {string} name @param {unknown} detail */
  _emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

customElements.define('at-waveform', Waveform);

/** `<at-cut>`: the controls of the cut, what they make of the recording, and the list of cuts. */

import { button, fill, h, icon, say } from './dom.js';
import { PRESETS } from './edit.js';
import { clock, duration } from './format.js';
import { explain } from './service.js';
import { t } from './texts.js';
import { VirtualList } from './virtual-list.js';

const CUT_ROW_PX = 44;
/** @typedef {import('./edit.js').Edit} Edit */

export class CutPanel extends HTMLElement {
  constructor() {
    super();
    /** @type {Edit | null} */
    this._edit = null;
    /** @type {any} */
    this._plan = null;
    /** @type {any[]} cuts of the plan, and those that were switched off */
    this._rows = [];
  }

  /** @param {Edit} edit */
  open(edit) {
    this._edit = edit;
    this._controls = h('div', { class: 'controls' });
    this._before = h('span', {});
    this._after = h('strong', { class: 'after' });
    this._saved = h('span', { class: 'saved', role: 'status' });
    this._undo = button({ icon: 'undo', title: t('cut.undo'), kind: 'quiet', onclick: () => edit.undo() });
    this._redo = button({ icon: 'redo', title: t('cut.redo'), kind: 'quiet', onclick: () => edit.redo() });
    this._problem = h('p', { class: 'error', role: 'alert' });
    this._content = h('div', { class: 'rows', role: 'list', 'aria-label': t('cut.list') });
    this._count = h('span', { class: 'count' });
    const scroller = h(
      'div',
      { class: 'scroller cuts', tabIndex: 0, role: 'group', 'aria-label': t('cut.list') },
      this._content,
    );
    fill(
      this,
      h(
        'div',
        { class: 'row head' },
        h('h2', {}, t('cut.title')),
        h('span', { class: 'spacer' }),
        this._undo,
        this._redo,
      ),
      h(
        'div',
        { class: 'lengths' },
        h('div', {}, h('span', { class: 'label' }, t('cut.before')), this._before),
        icon('skip'),
        h('div', {}, h('span', { class: 'label' }, t('cut.after')), this._after),
        this._saved,
      ),
      this._problem,
      this._controls,
      h('h3', {}, t('cut.list'), ' ', this._count),
      scroller,
    );
    this._list = new VirtualList(scroller, this._content, {
      count: () => this._rows.length,
      estimate: () => CUT_ROW_PX,
      create: (index) => this._row(index),
    });
    this._drawControls();
  }

  /** @param {any} plan */
  show(plan) {
    this._plan = plan;
    const off = this._edit?.choices.keep ?? [];
    this._rows = [
      ...plan.cut.map((/** @type {any} */ cut) => ({ ...cut, on: true })),
      ...off.map((range) => ({ ...range, on: false, reason: 'kept' })),
    ].sort((a, b) => a.start - b.start);
    if (!this._before || !this._after || !this._saved || !this._count || !this._problem) return;
    const { sourceDuration, sequenceDuration } = plan.stats;
    say(this._before, clock(sourceDuration, 1));
    say(this._after, clock(sequenceDuration, 1));
    const share = sourceDuration
      ? Math.round((100 * (sourceDuration - sequenceDuration)) / sourceDuration)
      : 0;
    say(this._saved, share ? `−${share} %` : '');
    say(this._count, String(plan.cut.length));
    say(this._problem, '');
    this._list?.reset(true);
    this.refresh();
  }

  /** @param {unknown} error */
  fail(error) {
    if (this._problem) say(this._problem, explain(error));
  }

  /** Draw the controls as the choices are now. */
  refresh() {
    if (!this._edit || !this._undo || !this._redo) return;
    this._undo.disabled = !this._edit.canUndo;
    this._redo.disabled = !this._edit.canRedo;
    // A control that is being used keeps the focus, so it is not drawn again.
    for (const { update } of this._fields ?? []) update();
  }

  _drawControls() {
    const edit = this._edit;
    if (!edit || !this._controls) return;
    /** @type {{element: HTMLElement, update: () => void}[]} */
    this._fields = [
      this._choice('preset', Object.keys(PRESETS), (preset) => ({
        preset,
        minSilence: null,
        padBefore: null,
        padAfter: null,
      })),
      this._slider('minSilence', 0.1, 3, 0.05),
      this._slider('padBefore', 0, 1, 0.01),
      this._slider('padAfter', 0, 1, 0.01),
      this._choice('mode', ['remove', 'mute', 'speed']),
      this._choice('silences', ['remove', 'mark', 'keep']),
      this._choice('fillers', ['remove', 'mark', 'keep']),
      this._choice('retakes', ['remove', 'mark', 'keep']),
    ];
    fill(
      this._controls,
      this._fields.map(({ element }) => element),
    );
  }

  /** A choice of few, as a row of radio buttons. @param {'preset' | 'mode' | 'silences' | 'fillers' | 'retakes'} name @param {string[]} values @param {(value: string) => object} [change] */
  _choice(name, values, change = (value) => ({ [name]: value })) {
    const edit = /** @type {Edit} */ (this._edit);
    const inputs = values.map((value) =>
      h('input', { type: 'radio', name: `cut-${name}`, value, onchange: () => edit.change(change(value)) }),
    );
    const found = h('span', { class: 'found' });
    const element = h(
      'fieldset',
      { class: 'choice' },
      h('legend', {}, t(`cut.${name}`), ' ', found),
      h(
        'div',
        { class: 'segments' },
        values.map((value, index) =>
          h('label', {}, inputs[index], h('span', {}, t(`cut.${name}.${value}`, {}, t(`cut.${value}`)))),
        ),
      ),
    );
    const update = () => {
      for (const input of inputs) input.checked = input.value === edit.choices[name];
      const count = name === 'fillers' || name === 'retakes' ? this._plan?.[name]?.length : undefined;
      say(found, count === undefined ? '' : t('cut.found', { n: count }));
    };
    update();
    return { element, update };
  }

  /** @param {'minSilence' | 'padBefore' | 'padAfter'} name @param {number} min @param {number} max @param {number} step */
  _slider(name, min, max, step) {
    const edit = /** @type {Edit} */ (this._edit);
    const id = `cut-${name}`;
    const output = h('output', { htmlFor: id });
    const input = h('input', {
      id,
      type: 'range',
      min,
      max,
      step,
      oninput: () => say(output, t('unit.s', { n: Number(input.value).toFixed(2) })),
      onchange: () => edit.change({ [name]: Number(input.value) }),
    });
    const update = () => {
      const value = edit.choices[name] ?? PRESETS[edit.choices.preset]?.[name] ?? PRESETS.balanced[name];
      if (Number(input.value) !== value) input.value = String(value);
      say(output, t('unit.s', { n: value.toFixed(2) }));
    };
    update();
    return {
      element: h('div', { class: 'slider' }, h('label', { htmlFor: id }, t(`cut.${name}`)), output, input),
      update,
    };
  }

  /** @param {number} index */
  _row(index) {
    const row = this._rows[index];
    const edit = /** @type {Edit} */ (this._edit);
    const length = duration(row.end - row.start);
    const checkbox = h('input', {
      type: 'checkbox',
      checked: row.on,
      'aria-label': t('cut.toggle', { time: clock(row.start), length }),
      onchange: () =>
        checkbox.checked ? edit.release(row) : edit.keepRange({ start: row.start, end: row.end }),
    });
    return h(
      'div',
      { class: `cut-row ${row.on ? '' : 'off'}`, role: 'listitem' },
      checkbox,
      h(
        'button',
        { type: 'button', class: 'moment', onclick: () => this._seek(row.start) },
        clock(row.start, 1),
      ),
      h('span', { class: `reason ${row.reason}` }, t(`reason.${row.reason}`)),
      h('span', { class: 'length' }, length),
    );
  }

  /** @param {number} time */
  _seek(time) {
    this.dispatchEvent(new CustomEvent('seek', { detail: time }));
  }
}

customElements.define('at-cut', CutPanel);

/** The view of all jobs: a list of any length, of which the visible part is fetched and kept up to date. */

import { h, say, show } from './dom.js';
import { jobRow } from './job-row.js';
import { JobStore } from './job-store.js';
import { explain } from './service.js';
import { t } from './texts.js';
import { announce } from './ui.js';
import { VirtualList } from './virtual-list.js';

const ROW_PX = 76;
const FILTERS = {
  all: [],
  running: ['waiting', 'active', 'delayed'],
  completed: ['completed'],
  failed: ['failed'],
  cancelled: ['cancelled'],
};

export class JobsView extends HTMLElement {
  constructor() {
    super();
    this._store = new JobStore();
    /** @type {Map<number, string>} what the rows on screen were made from */
    this._made = new Map();
  }

  connectedCallback() {
    if (!this._list) this._build();
    this._store.addEventListener('change', this._onChange);
    this._store.start();
  }

  disconnectedCallback() {
    this._store.stop();
    this._store.removeEventListener('change', this._onChange);
  }

  _build() {
    this._count = h('span', { class: 'count' });
    this._problem = h('p', { class: 'error banner', role: 'alert', hidden: true });
    this._empty = h(
      'p',
      { class: 'empty', hidden: true },
      t('jobs.none'),
      ' ',
      h('a', { href: '#/' }, t('jobs.begin')),
    );
    this._content = h('div', { class: 'rows', role: 'list', 'aria-label': t('jobs.title') });
    const scroller = h(
      'div',
      { class: 'scroller', tabIndex: 0, role: 'group', 'aria-label': t('jobs.title') },
      this._content,
    );
    this.append(
      h('div', { class: 'row head' }, h('h1', {}, t('jobs.title')), this._count, this._filters()),
      this._problem,
      this._empty,
      scroller,
    );
    this._list = new VirtualList(scroller, this._content, {
      count: () => this._store.total,
      estimate: () => ROW_PX,
      create: (index) => this._row(index),
    });
    scroller.addEventListener('scroll', () => this._want(), { passive: true });
  }

  _filters() {
    const select = h(
      'select',
      {
        id: 'filter',
        'aria-label': t('jobs.filter'),
        onchange: () => {
          this._made.clear();
          this._store.filter(FILTERS[/** @type {keyof typeof FILTERS} */ (select.value)]);
        },
      },
      Object.keys(FILTERS).map((name) => h('option', { value: name }, t(`filter.${name}`))),
    );
    return select;
  }

  _want() {
    if (!this._list) return;
    const { first, behind } = this._list.range;
    this._store.want(first, behind);
  }

  _onChange = () => {
    const { problem, total, loaded } = this._store;
    if (!this._list || !this._count || !this._problem || !this._empty) return;
    say(this._problem, problem ? explain(problem) : '');
    show(this._problem, Boolean(problem));
    show(this._empty, loaded && !problem && total === 0);
    if (this._count.textContent !== String(total)) {
      say(this._count, String(total));
      announce(t('jobs.count', { n: total }));
    }
    this._list.resize();
    // Rows that did not change stay, with the focus of the keyboard.
    this._list.refresh((index) => this._made.get(index) !== JSON.stringify(this._store.jobs[index]));
    this._want();
  };

  /** @param {number} index */
  _row(index) {
    const job = this._store.jobs[index];
    this._made.set(index, JSON.stringify(job));
    const row = job ? jobRow(job, () => this._store.refreshNow()) : h('article', { class: 'job loading' });
    return h(
      'div',
      {
        class: 'job-place',
        role: 'listitem',
        'aria-posinset': String(index + 1),
        'aria-setsize': String(this._store.total),
      },
      row,
    );
  }
}

customElements.define('at-jobs', JobsView);

/** The list of jobs, of any length: pages are fetched where the list is looked at, and again while it is visible. */

import { call } from './service.js';

const PAGE = 100;
const REFRESH_MS = 1500;

export class JobStore extends EventTarget {
  constructor() {
    super();
    /** @type {any[]} jobs by their place; a hole where no page was fetched */
    this.jobs = [];
    this.total = 0;
    /** @type {string[]} */
    this.states = [];
    this.loaded = false;
    /** @type {unknown} */
    this.problem = null;
    this._wanted = { first: 0, behind: PAGE };
    this._timer = 0;
    this._round = 0;
  }

  start() {
    void this._refresh();
  }

  stop() {
    clearTimeout(this._timer);
    this._round += 1;
  }

  /** @param {string[]} states only jobs in these; none: all */
  filter(states) {
    this.states = states;
    this.jobs = [];
    this.loaded = false;
    this.refreshNow();
  }

  /** The part of the list that is visible. @param {number} first @param {number} behind */
  want(first, behind) {
    this._wanted = { first, behind };
    for (let index = first; index < behind; index++) {
      if (this.jobs[index]) continue;
      this.refreshNow();
      break;
    }
  }

  refreshNow() {
    clearTimeout(this._timer);
    this._timer = window.setTimeout(() => this._refresh(), 0);
  }

  async _refresh() {
    const round = ++this._round;
    if (document.visibilityState === 'visible' || !this.loaded) await this._fetch(round);
    if (round === this._round) this._timer = window.setTimeout(() => this._refresh(), REFRESH_MS);
  }

  /** @param {number} round */
  async _fetch(round) {
    const { first, behind } = this._wanted;
    const offset = Math.floor(first / PAGE) * PAGE;
    const limit = Math.max(PAGE, Math.ceil((behind - offset) / PAGE) * PAGE);
    try {
      const state = /** @type {any} */ (this.states.length ? this.states : undefined);
      const page = await call((client) => client.jobs.list({ offset, limit, state }));
      if (round !== this._round) return;
      this.problem = null;
      this.total = page.total;
      this.jobs.length = page.total;
      page.jobs.forEach((job, index) => {
        this.jobs[offset + index] = job;
      });
    } catch (error) {
      if (round !== this._round) return;
      this.problem = error;
    }
    this.loaded = true;
    this.dispatchEvent(new Event('change'));
  }
}

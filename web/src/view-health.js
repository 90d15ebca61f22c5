/** The view for the operator: whether the service can work, what is in its queue, and what it accepts. */

import { fill, h, icon } from './dom.js';
import { ago, bytes } from './format.js';
import { call, explain } from './service.js';
import { t } from './texts.js';

const REFRESH_MS = 5000;
const STATES = ['active', 'waiting', 'delayed', 'completed', 'failed', 'cancelled'];

export class HealthView extends HTMLElement {
  connectedCallback() {
    if (!this._content) {
      this._content = h('div', { class: 'health' });
      this.append(
        h(
          'div',
          { class: 'row head' },
          h('h1', {}, t('health.title')),
          h('a', { class: 'button', href: 'docs' }, t('health.docs')),
        ),
        this._content,
      );
    }
    void this._refresh();
  }

  disconnectedCallback() {
    clearTimeout(this._timer);
  }

  async _refresh() {
    clearTimeout(this._timer);
    try {
      const [health, models, limits, ...pages] = await Promise.all([
        call((client) => client.health()),
        call((client) => client.models()),
        call((client) => client.uploads.limits()),
        ...STATES.map((state) =>
          call((client) => client.jobs.list({ state: /** @type {any} */ ([state]), limit: 1 })),
        ),
      ]);
      this._render(health, models, limits, pages);
    } catch (error) {
      if (this._content)
        fill(this._content, h('p', { class: 'error banner', role: 'alert' }, explain(error)));
    }
    if (this.isConnected) this._timer = window.setTimeout(() => this._refresh(), REFRESH_MS);
  }

  /** @param {any} health @param {string[]} models @param {any} limits @param {any[]} pages */
  _render(health, models, limits, pages) {
    if (!this._content) return;
    const ok = health.status === 'ok';
    const checks = Object.entries(health.checks ?? {});
    fill(
      this._content,
      h(
        'section',
        { class: `panel summary ${ok ? 'good' : 'bad'}` },
        icon(ok ? 'ok' : 'warn'),
        h(
          'div',
          {},
          h('h2', {}, t(ok ? 'health.ok' : 'health.bad')),
          h(
            'p',
            { class: 'small' },
            t('health.version', { version: health.version ?? '' }),
            ' · ',
            ago(health.timestamp),
          ),
        ),
      ),
      h(
        'section',
        { class: 'panel', 'aria-labelledby': 'queue-title' },
        h('h2', { id: 'queue-title' }, t('health.queue')),
        h(
          'dl',
          { class: 'figures' },
          STATES.map((state, index) =>
            h('div', {}, h('dt', {}, t(`state.${state}`)), h('dd', {}, pages[index].total)),
          ),
        ),
      ),
      h(
        'section',
        { class: 'panel', 'aria-labelledby': 'checks-title' },
        h('h2', { id: 'checks-title' }, t('health.checks')),
        h(
          'ul',
          { class: 'checks' },
          checks.map(([name, check]) => checkRow(name, check)),
        ),
      ),
      h(
        'section',
        { class: 'panel', 'aria-labelledby': 'models-title' },
        h('h2', { id: 'models-title' }, t('health.models')),
        h(
          'ul',
          { class: 'names' },
          models.map((name) => h('li', {}, name)),
        ),
        h('p', { class: 'note' }, t('health.modelsNote')),
      ),
      h(
        'section',
        { class: 'panel', 'aria-labelledby': 'limits-title' },
        h('h2', { id: 'limits-title' }, t('health.limits')),
        h(
          'ul',
          { class: 'checks' },
          h(
            'li',
            {},
            h('strong', {}, t('health.maxUpload')),
            h('span', {}, limits.maxBytes ? bytes(limits.maxBytes) : t('health.none')),
          ),
        ),
        h('p', { class: 'note' }, t('health.optionsNote'), ' ', h('a', { href: 'docs' }, t('health.docs'))),
      ),
    );
  }
}

/** @param {string} name @param {any} check */
function checkRow(name, check) {
  return h(
    'li',
    { class: check.ok ? 'good' : 'bad' },
    icon(check.ok ? 'ok' : 'warn'),
    h('strong', {}, t(`check.${name}`, {}, name)),
    h('span', {}, check.message, check.hint && h('em', {}, ` ${check.hint}`)),
  );
}

customElements.define('at-health', HealthView);

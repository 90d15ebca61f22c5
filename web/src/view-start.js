/** The view where work begins: drop or choose files, name a path, see uploads and the latest jobs. */

import { button, fill, h, icon, show } from './dom.js';
import { bytes, duration } from './format.js';
import { chooseFiles, hasHandles } from './handles.js';
import { jobRow } from './job-row.js';
import { OptionsForm } from './options-form.js';
import { jobAddress } from './router.js';
import { call, explain } from './service.js';
import { load, save } from './storage.js';
import { t } from './texts.js';
import { announce, toast } from './ui.js';
import { uploads } from './upload-store.js';

const RECENT = 6;
const RECENT_MS = 2000;

export class StartView extends HTMLElement {
  /** @type {Map<string, UploadRow>} */
  _rows = new Map();

  connectedCallback() {
    if (!this._options) this._build();
    uploads.addEventListener('change', this._onUploads);
    uploads.addEventListener('started', this._onStarted);
    this._renderUploads();
    void this._loadOptions();
    void this._loadRecent();
  }

  disconnectedCallback() {
    clearTimeout(this._timer);
    uploads.removeEventListener('change', this._onUploads);
    uploads.removeEventListener('started', this._onStarted);
  }

  _onUploads = () => this._renderUploads();

  _onStarted = (/** @type {any} */ { detail }) => {
    announce(t('start.started', { name: detail.name }));
    void this._loadRecent();
    // With one file there is nothing to wait for here.
    if (uploads.entries.every(({ state }) => state === 'done')) location.hash = jobAddress(detail.jobId);
  };

  _build() {
    this._input = h('input', {
      type: 'file',
      id: 'files',
      class: 'visually-hidden',
      multiple: true,
      accept: 'audio/*,video/*,.mxf,.mkv,.mov,.mts,.wav,.flac',
      onchange: () => this._choose(),
      onclick: (/** @type {Event} */ event) => {
        if (!hasHandles()) return;
        event.preventDefault();
        void this._pick();
      },
    });
    this._drop = h(
      'label',
      { class: 'drop', htmlFor: 'files' },
      h('span', { class: 'drop-icon' }, icon('upload')),
      h('strong', {}, t('start.drop')),
      h('span', { class: 'small' }, t('start.dropNote')),
    );
    for (const name of ['dragenter', 'dragover']) {
      this._drop.addEventListener(name, (event) => {
        event.preventDefault();
        this._drop?.classList.add('over');
      });
    }
    for (const name of ['dragleave', 'drop'])
      this._drop.addEventListener(name, () => this._drop?.classList.remove('over'));
    this._drop.addEventListener('drop', (event) => this._dropped(event));
    this._uploads = h('div', { class: 'uploads', role: 'list', 'aria-label': t('start.uploads') });
    this._recent = h('div', { class: 'job-list' });
    this._options = h('div', {});
    this._path = h('input', {
      type: 'text',
      id: 'path',
      name: 'path',
      placeholder: '/media/interview.mov',
      value: load('path', ''),
      autocomplete: 'off',
      spellcheck: false,
    });
    this.append(
      h('h1', { class: 'visually-hidden' }, t('start.title')),
      h(
        'div',
        { class: 'start-columns' },
        h('div', { class: 'start-main' }, this._input, this._drop, this._uploads, this._pathForm()),
        h(
          'section',
          { class: 'panel', 'aria-labelledby': 'options-title' },
          h('h2', { id: 'options-title' }, t('options.title')),
          this._options,
        ),
      ),
      h(
        'section',
        { class: 'recent', 'aria-labelledby': 'recent-title' },
        h(
          'div',
          { class: 'row' },
          h('h2', { id: 'recent-title' }, t('start.recent')),
          h('a', { href: '#/jobs' }, t('start.all')),
        ),
        this._recent,
      ),
    );
  }

  _pathForm() {
    return h(
      'form',
      {
        class: 'path',
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          void this._startPath();
        },
      },
      h('label', { htmlFor: 'path' }, t('start.path')),
      h('div', { class: 'row' }, this._path, h('button', { type: 'submit', class: 'button' }, t('start.go'))),
      h('p', { class: 'note' }, t('start.pathNote')),
    );
  }

  async _startPath() {
    const path = this._path?.value.trim() ?? '';
    if (!path) return;
    save('path', path);
    try {
      const { jobId } = await call((client) =>
        client.jobs.submit({ path, options: this._form?.value ?? {} }),
      );
      location.hash = jobAddress(jobId);
    } catch (error) {
      toast(explain(error), 'bad');
    }
  }

  async _loadOptions() {
    if (this._form) return;
    try {
      const [document, models] = await Promise.all([
        call((client) => client.openapi()),
        call((client) => client.models()),
      ]);
      this._form = new OptionsForm(document.components.schemas.Options, models);
      if (this._options) fill(this._options, this._form.element);
    } catch (error) {
      if (this._options) fill(this._options, h('p', { class: 'error' }, explain(error)));
    }
  }

  async _loadRecent() {
    clearTimeout(this._timer);
    try {
      const page = await call((client) => client.jobs.list({ limit: RECENT }));
      this._renderRecent(page);
    } catch (error) {
      if (this._recent) fill(this._recent, h('p', { class: 'error', role: 'alert' }, explain(error)));
    }
    if (this.isConnected) this._timer = window.setTimeout(() => this._loadRecent(), RECENT_MS);
  }

  /** @param {any} page */
  _renderRecent({ jobs }) {
    if (!this._recent || this._recent.contains(document.activeElement)) return;
    const rows = jobs.map((/** @type {any} */ job) => jobRow(job, () => this._loadRecent()));
    fill(this._recent, rows.length ? rows : h('p', { class: 'empty' }, t('jobs.none')));
  }

  _choose() {
    for (const file of this._input?.files ?? []) uploads.add(file, this._form?.value ?? {});
    if (this._input) this._input.value = '';
  }

  /** Where the browser gives handles, a reload need not ask for the file again. */
  async _pick() {
    const options = this._form?.value ?? {};
    for (const { file, handle } of await chooseFiles()) uploads.add(file, options, handle);
  }

  /** @param {DragEvent} event */
  _dropped(event) {
    event.preventDefault();
    const options = this._form?.value ?? {};
    // All are asked at once: after this event the list is empty.
    for (const item of event.dataTransfer?.items ?? []) {
      const file = item.getAsFile();
      const asked = file && /** @type {any} */ (item).getAsFileSystemHandle?.();
      if (file) void Promise.resolve(asked).then((handle) => uploads.add(file, options, handle ?? undefined));
    }
  }

  _renderUploads() {
    if (!this._uploads) return;
    const entries = uploads.entries.filter(({ state }) => state !== 'done' || uploads.entries.length > 1);
    show(this._uploads, entries.length > 0);
    const rows = entries.map((entry) => this._rows.get(entry.key) ?? new UploadRow(entry));
    this._rows = new Map(rows.map((row) => [row.entry.key, row]));
    const elements = rows.map((row) => row.update());
    // Buttons keep the focus while progress is shown.
    if (
      elements.some((element, index) => this._uploads?.children[index] !== element) ||
      this._uploads.childElementCount !== elements.length
    ) {
      fill(this._uploads, elements);
    }
  }
}

/** An upload in the list; its elements stay, so that the keyboard keeps its place. */
class UploadRow {
  /** @param {import('./upload-store.js').Entry} entry */
  constructor(entry) {
    this.entry = entry;
    const { name } = entry;
    this._bar = h('progress', { max: 1, value: 0, 'aria-label': t('upload.progress', { name }) });
    this._facts = h('span', { class: 'facts' });
    this._problem = h('span', { class: 'error' });
    this._pause = button({
      icon: 'pause',
      title: t('upload.pause', { name }),
      kind: 'quiet',
      onclick: () => uploads.pause(entry),
    });
    this._resume = button({
      icon: 'play',
      title: t('upload.resume', { name }),
      kind: 'quiet',
      onclick: () => uploads.resume(entry),
    });
    this._open = h('a', { class: 'button', href: '#/' }, t('upload.open'));
    const input = h('input', { type: 'file', class: 'visually-hidden', onchange: () => this._again(input) });
    this._choose = h('label', { class: 'button primary' }, input, t('upload.choose'));
    this._continue = button({
      text: t('upload.continue'),
      kind: 'primary',
      onclick: () => void this._reopen(),
    });
    this._element = h(
      'div',
      { class: 'upload', role: 'listitem' },
      h('div', { class: 'what' }, h('span', { class: 'name' }, name), this._facts, this._problem),
      this._bar,
      h(
        'div',
        { class: 'actions' },
        this._continue,
        this._choose,
        this._pause,
        this._resume,
        this._open,
        button({
          icon: 'close',
          title: t('upload.remove', { name }),
          kind: 'quiet',
          onclick: () => void uploads.remove(entry),
        }),
      ),
    );
  }

  update() {
    const { state, sent, size, problem, refused, jobId } = this.entry;
    this._bar.value = size ? sent / size : 0;
    fill(this._facts, this._describe());
    fill(this._problem, problem);
    show(this._bar, state !== 'done');
    show(this._pause, state === 'uploading');
    // The service refuses an empty file each time.
    show(this._resume, state === 'paused' || (state === 'failed' && size > 0 && !refused));
    show(this._continue, state === 'interrupted' && Boolean(this.entry.handle));
    show(this._choose, state === 'interrupted' && !this.entry.handle);
    show(this._open, Boolean(jobId));
    if (jobId) this._open.href = jobAddress(jobId);
    this._element.dataset.state = state;
    return this._element;
  }

  _describe() {
    const { state, sent, size, speed, left } = this.entry;
    const step = state === 'interrupted' && !this.entry.handle ? 'interruptedFile' : state;
    const parts = [t(`upload.${step}`), t('upload.of', { sent: bytes(sent), size: bytes(size) })];
    if (state === 'uploading' && speed) parts.push(t('upload.speed', { speed: bytes(speed) }));
    if (state === 'uploading' && left !== null) parts.push(t('jobs.left', { time: duration(left) }));
    return parts.join(' · ');
  }

  /** A file that has changed, or is gone, is not continued: then another one may be chosen. */
  async _reopen() {
    try {
      if (await uploads.reopen(this.entry)) return;
    } catch {
      // The file is gone.
    }
    this.entry.handle = undefined;
    this.update();
  }

  /** @param {HTMLInputElement} input */
  _again(input) {
    const file = input.files?.[0];
    input.value = '';
    if (file && !uploads.attach(this.entry, file)) toast(t('upload.other', { name: this.entry.name }), 'bad');
  }
}

customElements.define('at-start', StartView);

/** The page: its frame, and the view that the address names. */

import './view-health.js';
import './view-job.js';
import './view-jobs.js';
import './view-start.js';
import { button, fill, h } from './dom.js';
import { parsePlace } from './router.js';
import { askTokenWith, explain } from './service.js';
import { load, save } from './storage.js';
import { t } from './texts.js';
import { askToken, clearToasts, toast } from './ui.js';
import { uploads } from './upload-store.js';

const TAGS = { start: 'at-start', jobs: 'at-jobs', job: 'at-job', health: 'at-health' };

const main = h('main', { id: 'main', tabIndex: -1 });
const links = new Map(
  ['start', 'jobs', 'health'].map((view) => [
    view,
    h('a', { href: view === 'start' ? '#/' : `#/${view}` }, t(`nav.${view}`)),
  ]),
);
const working = h('a', { class: 'working', href: '#/', hidden: true });

/** @type {{view: string, jobId: string, element: any} | null} */
let shown = null;

function frame() {
  document.title = t('app');
  fill(
    document.body,
    h(
      'a',
      {
        class: 'skip',
        href: '#main',
        onclick: (/** @type {Event} */ event) => {
          event.preventDefault();
          main.focus();
        },
      },
      t('skip'),
    ),
    h(
      'header',
      { class: 'top' },
      h(
        'a',
        { class: 'brand', href: '#/', 'aria-label': t('app') },
        h('span', { class: 'mark', 'aria-hidden': 'true' }),
        h('span', { class: 'brand-name' }, t('app')),
      ),
      h('nav', { 'aria-label': t('nav.label') }, ...links.values(), h('a', { href: 'docs' }, t('nav.docs'))),
      h('span', { class: 'spacer' }),
      working,
      button({ icon: 'sun', title: t('theme'), kind: 'quiet', onclick: toggleTheme }),
    ),
    main,
    h('div', { id: 'toasts', role: 'status' }),
    h('div', { id: 'live', class: 'visually-hidden', role: 'status' }),
  );
}

function go() {
  const place = parsePlace(location.hash);
  for (const [view, link] of links) {
    if (view === place.view || (view === 'jobs' && place.view === 'job'))
      link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  if (shown?.view === place.view && shown.jobId === place.jobId) {
    if (place.time !== null) shown.element.goTo(place.time);
    return;
  }
  document.title = place.view === 'start' ? t('app') : `${t(`nav.${place.view}`)} – ${t('app')}`;
  const element = /** @type {any} */ (
    document.createElement(TAGS[/** @type {keyof typeof TAGS} */ (place.view)])
  );
  shown = { ...place, element };
  main.dataset.view = place.view;
  clearToasts();
  fill(main, element);
  if (place.view === 'job') element.open(place.jobId, place.time);
}

function toggleTheme() {
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const now = document.documentElement.dataset.theme ?? (dark ? 'dark' : 'light');
  document.documentElement.dataset.theme = now === 'dark' ? 'light' : 'dark';
  save('theme', document.documentElement.dataset.theme);
}

function showWorking() {
  const running = uploads.entries.filter(({ state }) => state === 'uploading');
  working.hidden = !running.length;
  const [sent, size] = [sum(running.map((entry) => entry.sent)), sum(running.map((entry) => entry.size))];
  working.textContent = t('upload.working', { percent: size ? Math.floor((100 * sent) / size) : 0 });
}

/** @param {number[]} numbers */
function sum(numbers) {
  return numbers.reduce((all, each) => all + each, 0);
}

const theme = load('theme', '');
if (theme) document.documentElement.dataset.theme = theme;
askTokenWith(askToken);
frame();
addEventListener('hashchange', go);
addEventListener('unhandledrejection', ({ reason }) => toast(explain(reason), 'bad'));
// A file that is dropped beside the field must not replace the page.
for (const name of ['dragover', 'drop']) addEventListener(name, (event) => event.preventDefault());
addEventListener('beforeunload', (event) => {
  if (uploads.busy) event.preventDefault();
});
uploads.addEventListener('change', showWorking);
go();

/** The downloads of a finished job, by what they are for. */

import { button, h } from './dom.js';
import { call, explain } from './service.js';
import { t } from './texts.js';
import { toast } from './ui.js';

/** Formats by what they are for; those that the service adds later come under `other`. */
const GROUPS = {
  edit: ['xmeml', 'fcpxml', 'otio', 'edl', 'edl-markers', 'auto-editor'],
  captions: ['srt', 'vtt', 'ass', 'ttml', 'caption-report'],
  text: ['premiere', 'txt', 'csv', 'json', 'cut-plan'],
};
/** Formats in which the user chooses between the time of the recording and that of the cut. */
const EITHER_TIME = ['srt', 'vtt', 'ass', 'ttml', 'caption-report', 'txt'];
/** Formats that describe the recording itself. */
const RECORDING_TIME = ['premiere', 'json'];

/**
 * A button that opens the list of formats.
 * @param {string} jobId @param {string[]} formats that the service offers
 * @param {() => object} cut the cut as it is now
 */
export function downloadMenu(jobId, formats, cut) {
  const menu = h('div', {
    class: 'downloads',
    id: 'downloads',
    popover: 'auto',
    role: 'group',
    'aria-label': t('download.title'),
  });
  const withCut = h('input', { type: 'checkbox', checked: true, id: 'download-cut' });
  const download = async (/** @type {string} */ format) => {
    const planned = EITHER_TIME.includes(format) ? withCut.checked : !RECORDING_TIME.includes(format);
    const options = planned ? { cutPlan: /** @type {any} */ (cut()) } : {};
    try {
      save(await call((client) => client.jobs.exportFile(jobId, /** @type {any} */ (format), options)));
    } catch (error) {
      toast(explain(error), 'bad');
    }
  };
  menu.append(
    ...groups(formats, download),
    h('label', { class: 'check' }, withCut, h('span', {}, t('download.withCut'))),
  );
  return h(
    'div',
    { class: 'download-place' },
    h(
      'button',
      {
        type: 'button',
        class: 'button primary',
        id: 'download',
        popoverTargetElement: menu,
        'aria-haspopup': 'true',
      },
      t('download.title'),
    ),
    menu,
  );
}

/** @param {string[]} formats @param {(format: string) => Promise<void>} download */
function groups(formats, download) {
  const known = Object.values(GROUPS).flat();
  const all = { ...GROUPS, other: formats.filter((format) => !known.includes(format)) };
  return Object.entries(all).flatMap(([group, names]) => {
    const offered = names.filter((name) => formats.includes(name));
    if (!offered.length) return [];
    const chips = offered.map((format) =>
      button({
        text: t(`format.${format}`, {}, format),
        title: t(`format.${format}.note`, {}, format),
        kind: 'chip',
        'data-format': format,
        onclick: () => void download(format),
      }),
    );
    return h(
      'div',
      { class: 'download-group' },
      h('h2', {}, t(`download.${group}`)),
      h('div', { class: 'chips' }, chips),
    );
  });
}

/** @param {import('../../clients/js/src/audio-tools.js').ExportedFile} file */
function save(file) {
  const address = URL.createObjectURL(file.blob());
  h('a', { href: address, download: file.name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  toast(t('download.done', { name: file.name }));
}

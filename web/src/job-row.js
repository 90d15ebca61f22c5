/** A job in a list: its state, how far it is, what it cost, why it failed, and what can be done with it. */

import { button, h, icon } from './dom.js';
import { ago, bytes, cost, duration } from './format.js';
import { jobAddress } from './router.js';
import { call, explain } from './service.js';
import { t } from './texts.js';
import { confirmed, toast } from './ui.js';

const ENDED = new Set(['completed', 'failed', 'cancelled']);

/** @param {any} job @param {() => void} changed called after an action */
export function jobRow(job, changed) {
  const name = job.data?.fileName ?? job.jobId;
  const ended = ENDED.has(job.state);
  return h(
    'article',
    { class: `job ${job.state}`, 'data-job': job.jobId },
    h('span', { class: 'state', title: t(`state.${job.state}`) }, stateIcon(job.state)),
    h(
      'div',
      { class: 'what' },
      h('a', { class: 'name', href: jobAddress(job.jobId) }, name),
      h('span', { class: 'facts' }, facts(job)),
      job.error && h('span', { class: 'error' }, [job.error, job.hint].filter(Boolean).join(' ')),
    ),
    h(
      'div',
      { class: 'progress-cell' },
      !ended && h('progress', { max: 100, value: job.progress, 'aria-label': t('jobs.progress', { name }) }),
      h('span', { class: 'small' }, ended ? t(`state.${job.state}`) : leftOf(job)),
    ),
    h(
      'div',
      { class: 'actions' },
      job.state === 'failed' &&
        job.restartable !== false &&
        button({
          icon: 'retry',
          title: t('jobs.restart', { name }),
          kind: 'quiet',
          onclick: () => act('restart', job, changed),
        }),
      !ended &&
        button({
          icon: 'close',
          title: t('jobs.cancel', { name }),
          kind: 'quiet',
          onclick: () => act('cancel', job, changed),
        }),
      ended &&
        button({
          icon: 'trash',
          title: t('jobs.delete', { name }),
          kind: 'quiet',
          onclick: () => remove(job, changed),
        }),
    ),
  );
}

/** @param {string} state */
function stateIcon(state) {
  if (state === 'completed') return icon('ok');
  if (state === 'failed') return icon('warn');
  if (state === 'cancelled') return icon('close');
  return h('span', { class: 'pulse' });
}

/** @param {any} job */
function facts(job) {
  const { result } = job;
  return [
    `#${job.id}`,
    ago(job.createdAt),
    job.data?.fileSize ? bytes(job.data.fileSize) : '',
    result?.totalDuration ? duration(result.totalDuration) : '',
    result?.words ? t('jobs.words', { n: result.words }) : '',
    result?.estimatedCostUsd ? cost(result.estimatedCostUsd) : '',
  ]
    .filter(Boolean)
    .join(' · ');
}

/** @param {any} job */
function leftOf(job) {
  if (job.state !== 'active') return t(`state.${job.state}`);
  const left = job.etaSeconds ? ` · ${t('jobs.left', { time: duration(job.etaSeconds) })}` : '';
  return `${Math.round(job.progress)} %${left}`;
}

/** @param {'restart' | 'cancel'} what @param {any} job @param {() => void} changed */
async function act(what, job, changed) {
  try {
    await call(async (client) => {
      await (what === 'restart' ? client.jobs.restart(job.jobId) : client.jobs.cancel(job.jobId));
    });
    toast(t(what === 'restart' ? 'jobs.restarted' : 'jobs.cancelled'));
  } catch (error) {
    toast(explain(error), 'bad');
  }
  changed();
}

/** @param {any} job @param {() => void} changed */
async function remove(job, changed) {
  const name = job.data?.fileName ?? job.jobId;
  if (!(await confirmed(t('jobs.confirmDelete', { name }), t('jobs.deleteIt')))) return;
  try {
    await call((client) => client.jobs.delete(job.jobId));
    toast(t('jobs.deleted'));
  } catch (error) {
    toast(explain(error), 'bad');
  }
  changed();
}

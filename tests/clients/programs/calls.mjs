// Makes calls that the other programs do not:  node calls.mjs URL FILE
// Prints `started` for a form, `early` with the errors of results that do not exist yet, and `cancelled`.
import { openAsBlob } from 'node:fs';
import { Client } from '../../../clients/js/src/audio-tools.js';
import { print, run } from './common.mjs';

const [url, file] = process.argv.slice(2);
const client = new Client({ url });
const codeOf = (promise) => promise.then(() => '', (error) => error.code);

await run(async () => {
  const sent = [];
  const submission = {
    file: await openAsBlob(file),
    name: 'täke "1".flac',
    via: 'form',
    options: { unheardOf: 1 },
    idempotencyKey: 'form',
    onProgress: ({ sentBytes, totalBytes }) => sent.push([sentBytes, totalBytes]),
  };
  const { jobId, warnings } = await client.jobs.submit(submission);
  const again = await client.jobs.submit({ ...submission, onProgress: undefined });
  const { data } = await client.jobs.status(jobId);
  print('started', { jobId, again: again.jobId, warnings, sent, fileName: data.fileName, fileSize: data.fileSize });
  const early = [
    await client.jobs.transcript(jobId),
    await codeOf(client.jobs.cutPlan(jobId)),
    await codeOf(client.jobs.exportFile(jobId, 'srt')),
    await client.jobs.peaks(jobId),
    await client.jobs.peaksFile(jobId),
    await client.jobs.webhookDeliveries(jobId),
    await codeOf(client.jobs.restart('unknown')),
    await codeOf(client.jobs.submit({ path: '/no/such/file', options: { chunkSize: 3 } })),
  ];
  print('early', { codes: early });
  const { jobs, total } = await client.jobs.list({ state: ['active', 'waiting'], limit: 1 });
  const [yes, twice] = [await client.jobs.cancel(jobId), await client.jobs.cancel(jobId)];
  print('cancelled', { listed: jobs.length, total, yes, again: twice });
});

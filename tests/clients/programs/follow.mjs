// Follows a job to its end:  node follow.mjs URL JOB_ID [TRANSPORT,…]
// Prints each event by its type, and the words of the transcript as `done`.
import { Client } from '../../../clients/js/src/audio-tools.js';
import { print, run } from './common.mjs';

const [url, jobId, transports] = process.argv.slice(2);
const client = new Client({ url, token: process.env.TOKEN });

await run(async () => {
  const transcript = await client.jobs.wait(jobId, {
    transports: transports?.split(','),
    onEvent: (event) => print(event.type, { event }),
    onRetry: ({ error, attempt }) => print('retry', { message: error.message, attempt }),
  });
  print('done', { words: transcript.words.map(({ word }) => word) });
});

// Pauses and resumes one upload, cancels another, and stops a third by a signal:  node pause.mjs URL FILE
import { openAsBlob } from 'node:fs';
import { Client } from '../../../clients/js/src/audio-tools.js';
import { print, run } from './common.mjs';

const [url, file] = process.argv.slice(2);
const client = new Client({ url });
const blob = await openAsBlob(file);
const reasonOf = (promise) => promise.then(() => '', (error) => error.code);

/** An upload that calls `act` once it has sent something. */
function uploadThat(act) {
  let acted = false;
  const upload = client.uploads.create(blob, {
    onProgress({ sentBytes }) {
      if (sentBytes === 0 || acted) return;
      acted = true;
      act(upload);
    },
  });
  return upload;
}

await run(async () => {
  let pausing = () => {};
  const hasPaused = new Promise((resolve) => {
    pausing = resolve;
  });
  const paused = uploadThat((upload) => pausing(upload.pause()));
  const finished = paused.start();
  await hasPaused;
  const early = await Promise.race([finished, new Promise((resolve) => setTimeout(resolve, 200, 'paused'))]);
  const states = [early, paused.state];
  paused.resume();
  states.push(await finished === paused.uploadId, paused.state);

  let removed;
  const cancelled = uploadThat((upload) => {
    removed = upload.cancel();
  });
  states.push(await reasonOf(cancelled.start()), cancelled.state);
  const address = cancelled.url;
  await removed;
  states.push(cancelled.url);

  const controller = new AbortController();
  const stopped = uploadThat(() => controller.abort());
  states.push(await reasonOf(stopped.start({ signal: controller.signal })), stopped.state);
  await stopped.start();
  states.push(stopped.state);
  print('done', { states, cancelled: address.split('/').pop(), finished: [paused.uploadId, stopped.uploadId] });
});

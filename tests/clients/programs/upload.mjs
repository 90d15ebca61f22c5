// Uploads a file and starts a job:  node upload.mjs URL FILE [UPLOAD_URL]
// Prints `url`, `half` (and waits), `sent` for all news of progress, `retry`, and `started`.
import { openAsBlob } from 'node:fs';
import { Client } from '../../../clients/js/src/audio-tools.js';
import { permission, print, run } from './common.mjs';

const [url, file, uploadUrl] = process.argv.slice(2);
const client = new Client({ url });
const blob = await openAsBlob(file);
let waited = Boolean(uploadUrl);
const source = {
  size: blob.size,
  name: 'talk.mp4',
  lastModified: 1700000000123,
  async slice(start, end) {
    if (start >= blob.size / 3 && !waited) {
      waited = true;
      print('half', { start });
      await permission();
    }
    return blob.slice(start, end);
  },
};
const options = {
  onUrl: (address) => print('url', { address }),
  onProgress: (progress) => print('sent', progress),
  onRetry: ({ error, attempt }) => print('retry', { code: error.code, attempt }),
};

await run(async () => {
  const upload = uploadUrl ? client.uploads.resume(source, uploadUrl, options) : client.uploads.create(source, options);
  const uploadId = await upload.start();
  const { jobId } = await client.jobs.submit({ uploadId });
  print('started', { jobId, uploadId });
});

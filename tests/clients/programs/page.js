// Uploads a film that it makes and follows its job; a reload goes on with the upload. The page defines MEDIA,
// PADDING_BYTES, SERVICE and Client; `news` holds what has happened, and `permit()` lets the upload go on.
const name = `upload at ${SERVICE}`;
globalThis.news = [];
const report = (kind, facts) => news.push({ kind, ...facts });
const halts = [1 / 4, 3 / 4].filter((part) => part > (localStorage.getItem(name) ? 1 / 2 : 0));
let permitted = Promise.resolve();

const media = Uint8Array.from(atob(MEDIA), (character) => character.charCodeAt(0));
const padding = new Uint8Array(PADDING_BYTES);
new DataView(padding.buffer).setUint32(0, padding.length);
padding.set([102, 114, 101, 101], 4); // "free"
const file = new File([media, padding], 'film.mp4', { lastModified: 1700000000123 });

// A file whose bytes come when the test wants them.
const source = {
  size: file.size,
  lastModified: file.lastModified,
  async slice(start, end) {
    if (start >= halts[0] * file.size) {
      halts.shift();
      permitted = new Promise((resolve) => {
        globalThis.permit = resolve;
      });
      report('halt', { start });
    }
    await permitted;
    return file.slice(start, end);
  },
};

async function work() {
  const client = new Client({ url: SERVICE });
  const options = {
    name: file.name,
    onUrl: (url) => localStorage.setItem(name, url),
    onProgress: ({ sentBytes }) => report('sent', { sentBytes }),
    onRetry: ({ error }) => report('retry', { code: error.code }),
  };
  const before = localStorage.getItem(name);
  const upload = before ? client.uploads.resume(source, before, options) : client.uploads.create(source, options);
  const uploadId = await upload.start();
  const { jobId } = await client.jobs.submit({ uploadId, options: { maxConcurrent: 1 } });
  report('started', { jobId, uploadId });
  const transcript = await client.jobs.wait(jobId, {
    onEvent: (event) => report(event.type, { event }),
    onRetry: ({ error }) => report('retry', { code: error.code }),
  });
  const srt = await client.jobs.exportFile(jobId, 'srt');
  report('done', { words: transcript.words.map(({ word }) => word), srt: srt.name });
}

work().catch((error) => report('error', { code: error.code, message: error.message, hint: error.hint }));

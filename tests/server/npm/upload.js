// Uploads a file as the official client does, and goes on with what an earlier process began:
//   node upload.js ENDPOINT FILE STATE_FILE
// Prints a line for each piece of news: `resumed`, `at BYTES`, `done URL`, `failed REASON`.
import { createReadStream, statSync } from "node:fs";
import tus from "tus-js-client";

const [endpoint, file, state] = process.argv.slice(2);

const upload = new tus.Upload(createReadStream(file), {
  endpoint,
  uploadSize: statSync(file).size,
  metadata: { filename: "interview.mov" },
  urlStorage: new tus.FileUrlStorage(state),
  fingerprint: () => Promise.resolve("interview"),
  retryDelays: [0, 100, 500],
  onProgress: (bytes) => console.log(`at ${bytes}`),
  onSuccess: () => console.log(`done ${upload.url}`),
  onError: (error) => console.log(`failed ${error}`),
});

const [previous] = await upload.findPreviousUploads();
if (previous) {
  console.log("resumed");
  upload.resumeFromPreviousUpload(previous);
}
upload.start();

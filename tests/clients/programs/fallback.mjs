// Follows a job where a proxy breaks WebSockets, and replies come only as a whole:  node fallback.mjs URL JOB_ID
// Prints the paths that were asked for events, the types of events and how often each id came.
import { Client } from '../../../clients/js/src/audio-tools.js';
import { print, run } from './common.mjs';

const [url, jobId] = process.argv.slice(2);
const asked = [];
class BrokenSocket {
  constructor() {
    asked.push('websocket');
    setTimeout(() => this.onerror({}));
  }
  close() {}
}
async function fetchWhole(address, init) {
  if (address.includes('/events')) asked.push('sse');
  if (address.includes('wait=')) asked.push('polling');
  const response = await fetch(address, init);
  return new Proxy(response, {
    get(target, name) {
      const value = target[name];
      return name === 'body' ? null : typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

await run(async () => {
  const client = new Client({ url, WebSocket: BrokenSocket, fetch: fetchWhole });
  const events = [];
  for await (const event of client.jobs.events(jobId)) events.push(event);
  const ids = events.map(({ id }) => id).filter(Boolean);
  const types = events.map(({ type }) => type);
  print('done', { asked, types, ids, words: types.filter((type) => type === 'words').length });
});

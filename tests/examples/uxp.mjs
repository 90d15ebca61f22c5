// Runs the UXP panel with the globals that UXP has, and none besides:  node uxp.mjs FOLDER FACTS_FILE ACTION…
// Each action is a button that is pressed once the message matches: `transcript:words`. Prints what was done.
import { readFileSync } from 'node:fs';
import { createContext, runInContext } from 'node:vm';

const [folder, facts, ...actions] = process.argv.slice(2);
const elements = {};
function element(id) {
  elements[id] ??= {
    value: '',
    textContent: '',
    addEventListener: (kind, listener) => {
      elements[id][kind] = listener;
    },
  };
  return elements[id];
}

// No URL, TextDecoder, TextEncoder, EventSource and btoa: UXP lacks them. `fetch` replies have no stream.
const context = createContext({
  ...{ console, setTimeout, clearTimeout, WebSocket, AbortController, Blob, FormData, ArrayBuffer, Uint8Array },
  atob,
  document: { getElementById: element },
  async fetch(address, init) {
    const response = await fetch(address, init);
    return new Proxy(response, {
      get(target, name) {
        if (name === 'body') return null;
        const value = target[name];
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  },
});
runInContext(`const FACTS = ${readFileSync(facts, 'utf8')};`, context);
for (const file of [new URL('premiere.js', import.meta.url), `${folder}/main.js`]) {
  runInContext(readFileSync(file, 'utf8'), context);
}

setTimeout(() => {
  console.error(`The message is: ${element('message').textContent}`);
  process.exit(1);
}, 30_000);
for (const action of actions) {
  const [, id, message] = /^(\w+):(.*)$/.exec(action);
  element(id).click();
  while (!new RegExp(message).test(element('message').textContent)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
process.stdout.write(JSON.stringify(context.premiere));
process.exit();

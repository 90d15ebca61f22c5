// Checks the client's own UTF-8 and Base64 against Node's, for random text that is cut anywhere.
import { decodeUtf8, encodeBase64, encodeUtf8, Utf8Decoder } from '../../../clients/js/src/text.js';
import { print } from './common.mjs';

const { TextDecoder } = globalThis;
const alphabet = ['a', 'é', '\n', '€', '語', '😀', '\uD800', '\0', '%', '\u{10FFFF}'];
const random = (below) => Math.floor(Math.random() * below);
const wrong = [];
for (let round = 0; round < 500; round++) {
  const text = Array.from({ length: random(12) }, () => alphabet[random(alphabet.length)]).join('');
  const bytes = new Uint8Array(Buffer.from(text));
  const whole = new TextDecoder().decode(bytes);
  globalThis.TextDecoder = undefined;
  const decoder = new Utf8Decoder();
  let pieces = '';
  for (let at = 0; at < bytes.length; ) {
    const next = at + 1 + random(3);
    pieces += decoder.decode(bytes.subarray(at, next));
    at = next;
  }
  pieces += decoder.decode(new Uint8Array(), true);
  const own = decodeUtf8(bytes);
  globalThis.TextDecoder = TextDecoder;
  const encoded = Buffer.from(encodeUtf8(text)).equals(Buffer.from(bytes));
  const base64 = encodeBase64(bytes) === Buffer.from(bytes).toString('base64');
  if (pieces !== whole || own !== whole || !encoded || !base64) wrong.push(text);
}
print('done', { wrong });
process.exit();

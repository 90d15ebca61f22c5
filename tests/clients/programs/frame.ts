// What the generated clients get, and what they print: each reply as the type that they gave it.
import { openAsBlob } from 'node:fs';

export const [url, token, path] = process.argv.slice(2);
export const recording = await openAsBlob(path);

export function end<Replies>(replies: Replies): Replies {
  process.stdout.write(JSON.stringify(replies));
  return replies;
}

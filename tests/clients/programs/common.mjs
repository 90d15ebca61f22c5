// What the programs share: a JSON value a line on the standard output, and lines from the standard input.
import { createInterface } from 'node:readline';
import { AudioToolsError } from '../../../clients/js/src/audio-tools.js';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export function print(kind, facts = {}) {
  process.stdout.write(`${JSON.stringify({ kind, ...facts })}\n`);
}

/** Wait until the test sends a line. */
export async function permission() {
  await lines.next();
}

/** Print the error and end. */
export async function run(program) {
  try {
    await program();
  } catch (error) {
    const { name, code, message, hint, status, facts } = error;
    print('error', { name, code, message, hint, status, facts, ours: error instanceof AudioToolsError });
  }
  process.exit();
}

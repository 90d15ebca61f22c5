// Writes what the package holds besides src/.
//   node build.mjs [openapi.json]     all of it; without a document, the Python of the checkout writes it ($PYTHON)
//   node build.mjs --bundles FOLDER   only the bundles
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');

function writeBundles(folder) {
  // CEP 11 (Premiere 2022 to 2024) has Chromium 88; ES2020 is what it knows of the language.
  const shared = {
    entryPoints: [join(here, 'src/audio-tools.js')],
    bundle: true,
    target: 'es2020',
    charset: 'utf8',
  };
  buildSync({ ...shared, format: 'esm', outfile: join(folder, 'audio-tools.js') });
  buildSync({ ...shared, format: 'cjs', outfile: join(folder, 'audio-tools.cjs') });
  const script = { ...shared, format: 'iife', globalName: 'AudioTools' };
  buildSync({ ...script, outfile: join(folder, 'audio-tools.global.js') });
}

function openapiDocument(file) {
  if (file) return readFileSync(file, 'utf8');
  const own = ['.venv/bin/python', '.venv/Scripts/python.exe']
    .map((path) => join(root, path))
    .find(existsSync);
  const python = process.env.PYTHON || own || 'python3';
  return execFileSync(python, ['-m', 'tools.openapi_document'], { cwd: root, encoding: 'utf8' });
}

async function writeTypes(document) {
  const { default: openapiTS, astToString } = await import('openapi-typescript');
  const nodes = await openapiTS(JSON.parse(document), { silent: true, defaultNonNullable: false });
  const types = `// Generated from the OpenAPI document by build.mjs.\n${astToString(nodes)}`;
  writeFileSync(join(here, 'src/api.d.ts'), types);
  const tsc = join(here, 'node_modules/typescript/bin/tsc');
  const declarations = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--outDir', 'types'];
  execFileSync(process.execPath, [tsc, ...declarations], { cwd: here, stdio: 'inherit' });
  copyFileSync(join(here, 'src/api.d.ts'), join(here, 'types/api.d.ts'));
}

if (process.argv[2] === '--bundles') {
  writeBundles(process.argv[3]);
} else {
  await writeTypes(openapiDocument(process.argv[2]));
  writeBundles(join(here, 'dist'));
  copyFileSync(join(root, 'LICENSE'), join(here, 'LICENSE'));
}

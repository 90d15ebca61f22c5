// Writes what the package holds besides src/: the types of the API, the bundles and the declarations.
//   node build.mjs [openapi.json]      without a document, the checkout's own Python writes it ($PYTHON)
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import openapiTS, { astToString } from 'openapi-typescript';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');

function openapiDocument() {
  if (process.argv[2]) return readFileSync(process.argv[2], 'utf8');
  const own = ['.venv/bin/python', '.venv/Scripts/python.exe']
    .map((path) => join(root, path))
    .find(existsSync);
  const python = process.env.PYTHON || own || 'python3';
  return execFileSync(python, ['-m', 'tools.openapi_document'], { cwd: root, encoding: 'utf8' });
}

const nodes = await openapiTS(JSON.parse(openapiDocument()), { silent: true });
writeFileSync(
  join(here, 'src/api.d.ts'),
  `// Generated from the OpenAPI document by build.mjs.\n${astToString(nodes)}`,
);

// CEP 11 (Premiere 2022 to 2024) has Chromium 88; ES2020 is what it knows of the language.
const shared = {
  entryPoints: [join(here, 'src/audio-tools.js')],
  bundle: true,
  target: 'es2020',
  charset: 'utf8',
};
const dist = (name) => join(here, 'dist', name);
await build({ ...shared, format: 'esm', outfile: dist('audio-tools.js') });
await build({ ...shared, format: 'cjs', outfile: dist('audio-tools.cjs') });
await build({ ...shared, format: 'iife', globalName: 'AudioTools', outfile: dist('audio-tools.global.js') });

const tsc = join(here, 'node_modules/typescript/bin/tsc');
const declarations = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--outDir', 'types'];
execFileSync(process.execPath, [tsc, ...declarations], { cwd: here, stdio: 'inherit' });
mkdirSync(join(here, 'types'), { recursive: true });
copyFileSync(join(here, 'src/api.d.ts'), join(here, 'types/api.d.ts'));
copyFileSync(join(root, 'LICENSE'), join(here, 'LICENSE'));

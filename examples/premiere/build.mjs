// Makes two folders that Premiere can load, `uxp` and `cep`:  node examples/premiere/build.mjs FOLDER
import { cpSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
// The tools of the client serve here too: npm ci --prefix clients/js
const { buildSync } = createRequire(join(here, '../../clients/js/'))('esbuild');
const files = { uxp: ['manifest.json'], cep: ['CSXS', 'host.jsx'] };

for (const [kind, own] of Object.entries(files)) {
  const folder = join(process.argv[2], kind);
  mkdirSync(folder, { recursive: true });
  cpSync(join(here, 'index.html'), join(folder, 'index.html'));
  for (const name of own) cpSync(join(here, kind, name), join(folder, name), { recursive: true });
  buildSync({
    entryPoints: [join(here, kind, 'main.js')],
    outfile: join(folder, 'main.js'),
    bundle: true,
    format: 'iife',
    target: 'es2020',
    charset: 'utf8',
    external: ['premierepro', 'uxp', 'fs'],
  });
}

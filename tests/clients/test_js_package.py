"""The JavaScript client as a package: types, style, syntax, contents, and use from the tarball."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

import pytest
from tools.openapi_document import openapi_document

pytestmark = pytest.mark.slow

CONTENTS = {
    "LICENSE",
    "README.md",
    "dist/audio-tools.cjs",
    "dist/audio-tools.global.js",
    "dist/audio-tools.js",
    "package.json",
}
EXPORTS = [
    "AbortError",
    "ApiError",
    "AudioToolsError",
    "Client",
    "ConnectionError",
    "ExportedFile",
    "Upload",
    "UploadError",
]


def npm(*arguments: str, cwd: Path) -> None:
    """Run npm."""
    ended = subprocess.run(["npm", *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def run(*arguments: str, cwd: Path) -> None:
    """Run a program of Node: npm would take half a second more to start it."""
    ended = subprocess.run(["node", *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def node(program: str, cwd: Path) -> str:
    """What an inline program prints."""
    command = ["node", "--input-type=module", "-e", program]
    ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def tarball(client_js: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, with the types of the present OpenAPI document."""
    folder = tmp_path_factory.mktemp("pack")
    (folder / "openapi.json").write_text(json.dumps(openapi_document()))
    run("build.mjs", str(folder / "openapi.json"), cwd=client_js)
    npm("pack", "--ignore-scripts", "--pack-destination", str(folder), cwd=client_js)
    (packed,) = folder.glob("*.tgz")
    return packed


def test_the_source_is_formatted(client_js: Path) -> None:
    """Biome finds nothing; the types were checked when the package was built."""
    run("node_modules/@biomejs/biome/bin/biome", "check", cwd=client_js)


def test_the_source_is_understood_by_old_panels(client_js: Path) -> None:
    """Nothing in it is newer than ES2020: CEP 11 has Chromium 88."""
    program = """\
import { readdirSync, readFileSync } from 'node:fs';
import { transformSync } from 'esbuild';
for (const name of readdirSync('src').filter((name) => name.endsWith('.js'))) {
  const text = readFileSync(`src/${name}`, 'utf8');
  const [old, present] = ['es2020', 'esnext'].map((target) => transformSync(text, { target }).code);
  if (old !== present) console.log(name);
}
"""
    assert node(program, client_js) == ""


def test_the_package_has_what_it_needs(client_js: Path, tarball: Path) -> None:
    """Source, bundles, declarations, licence and README; no tests, no tools, no dependencies."""
    with tarfile.open(tarball) as archive:
        names = {name.removeprefix("package/") for name in archive.getnames()}
    sources = {f"src/{path.name}" for path in (client_js / "src").iterdir()}
    declarations = {
        f"types/{name.removeprefix('src/').removesuffix('.js').removesuffix('.d.ts')}.d.ts"
        for name in sources
    }

    assert names == CONTENTS | sources | declarations
    assert "dependencies" not in json.loads((client_js / "package.json").read_text())


def test_the_package_can_be_used(client_js: Path, tarball: Path, tmp_path: Path) -> None:
    """It is imported, required and loaded as a script, and its types are those of a TypeScript program."""
    (tmp_path / "package.json").write_text('{"private": true, "type": "module"}')
    npm("install", "--offline", "--no-audit", "--no-fund", str(tarball), cwd=tmp_path)
    (tmp_path / "program.ts").write_text(
        """\
import { Client, ApiError } from 'audio-tools-client';
const client = new Client({ url: 'http://127.0.0.1:3001', token: 't' });
const transcript = await client.jobs.wait('id', { onProgress: ({ progress }) => progress.toFixed(1) });
const words: string[] = transcript.words.map(({ word }) => word);
const plan = await client.jobs.cutPlan('id', { preset: 'tight', minSilence: 0.5 });
const file = await client.jobs.exportFile('id', 'xmeml', { cutPlan: plan, mediaPath: '/media/a.mov' });
// @ts-expect-error: no such format
await client.jobs.exportFile('id', 'docx');
// @ts-expect-error: a number is needed
await client.jobs.submit({ path: '/media/a.mov', options: { silenceThreshold: 'long' } });
for await (const event of client.jobs.events('id')) {
  if (event.type === 'words') words.push(event.words[0].word);
}
export { ApiError, file };
"""
    )
    options = ["--strict", "--noEmit", "--target", "es2022", "--module", "nodenext"]
    tsc = client_js / "node_modules" / "typescript" / "bin" / "tsc"
    checked = subprocess.run(
        ["node", str(tsc), *options, "program.ts"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    names = "console.log(JSON.stringify(Object.keys(client).sort()))"
    imported = node(f"import * as client from 'audio-tools-client'; {names}", tmp_path)
    required = node(
        "import { createRequire } from 'node:module';"
        f"const client = createRequire('{tmp_path.as_posix()}/')('audio-tools-client'); {names}",
        tmp_path,
    )
    loaded = node(
        "import { readFileSync } from 'node:fs'; import { runInNewContext } from 'node:vm';"
        "const script = readFileSync('node_modules/audio-tools-client/dist/audio-tools.global.js', 'utf8');"
        f"const client = runInNewContext(`${{script}}; AudioTools`); {names}",
        tmp_path,
    )

    assert checked.stdout == ""
    for found in (imported, required, loaded):
        assert json.loads(found) == EXPORTS

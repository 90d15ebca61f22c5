"""Clients that are generated from the OpenAPI document upload a file, authenticate and read every field."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audio_tools.json_value import Json
from tests.acceptance.service import Engine, ServiceProcess
from tests.clients.conftest import CLIENT, PROGRAMS
from tests.simulator import Script

pytestmark = pytest.mark.slow

NPM = Path(__file__).parent / "npm"
TOKEN = "a-token-that-is-long-enough"
GENERATORS = {
    # Else the tool requires every option that has a default.
    "generated_fetch.ts": [
        *("openapi-typescript", "openapi.json", "-o", "api.d.ts", "--default-non-nullable", "false")
    ],
    "generated_sdk.ts": ["openapi-ts", "-i", "openapi.json", "-o", "sdk", "-c", "@hey-api/client-fetch"],
}
TSCONFIG = {
    "compilerOptions": {
        **{"strict": True, "noEmit": True, "skipLibCheck": True, "types": []},
        **{"target": "es2022", "module": "esnext", "moduleResolution": "bundler"},
        "lib": ["es2022", "dom", "dom.iterable", "dom.asynciterable"],
    },
    "include": ["*.ts"],
}
# Of Node the programs need no more than this.
NODE_TYPES = """\
declare const process: { argv: string[]; stdout: { write(text: string): void } };
declare module 'node:fs' { export function openAsBlob(path: string): Promise<Blob>; }
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[ServiceProcess]:
    """A service with a token."""
    folder = tmp_path_factory.mktemp("guarded")
    with ServiceProcess(folder, engine.base_url, API_TOKEN=TOKEN) as running:
        running.http.headers["Authorization"] = f"Bearer {TOKEN}"
        yield running


@pytest.fixture
def workshop(tmp_path: Path, client_js: Path, guarded: ServiceProcess) -> Path:
    """A folder with the document of the service and the tools that generate, check and bundle."""
    if not (NPM / "node_modules" / "@hey-api").is_dir():
        pytest.skip("the generators are not installed: npm ci --prefix tests/clients/npm")
    (tmp_path / "node_modules").symlink_to(NPM / "node_modules", target_is_directory=True)
    (tmp_path / "openapi.json").write_text(guarded.http.get("/openapi.json").text)
    (tmp_path / "tsconfig.json").write_text(json.dumps(TSCONFIG))
    (tmp_path / "node.d.ts").write_text(NODE_TYPES)
    return tmp_path


def run(folder: Path, *command: str) -> str:
    """What a command prints."""
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def reads(value: Any, place: str) -> Iterator[str]:
    """Expressions that read each field of a reply."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from reads(item, f"{place}?.{name}")
    elif isinstance(value, list) and value:
        yield from reads(value[0], f"{place}?.[0]")
    else:
        yield f"{place};"


def answers_of(program: str, folder: Path, *arguments: str) -> Json:
    """Generate the client of a program, and run the program; its file then reads every field of them."""
    tool, *options = GENERATORS[program]
    run(folder, str(NPM / "node_modules" / ".bin" / tool), *options)
    shutil.copy(PROGRAMS / program, folder / program)
    esbuild = CLIENT / "node_modules" / ".bin" / "esbuild"
    bundle = ["--bundle", "--platform=node", "--format=esm", "--target=node20", "--outfile=bundle.mjs"]
    run(folder, str(esbuild), program, *bundle)
    answers: Json = json.loads(run(folder, "node", "bundle.mjs", *arguments))
    text = (folder / program).read_text().replace("\nend(", "\nconst all = end(")
    (folder / program).write_text("\n".join([text, *reads(answers, "all")]))
    return answers


def test_generated_clients_work(
    workshop: Path, guarded: ServiceProcess, recording: Path, script: Script
) -> None:
    """They send a form with a token, and their types have each field of each reply."""
    shutil.copy(PROGRAMS / "frame.ts", workshop / "frame.ts")
    for program in GENERATORS:
        replies = answers_of(program, workshop, guarded.url, TOKEN, str(recording))
        result = guarded.http.get(f"/job/{replies['started']['jobId']}/result").json()["result"]

        assert replies["result"] == result
        assert [word["word"] for word in result["words"]] == [word.text for word in script.words]
        assert result["silenceSegments"]
        assert replies["status"]["data"]["fileName"] == "talk.flac"
        assert replies["status"]["data"]["options"]["silenceThreshold"] == 1
        assert replies["plan"]["keep"]
        assert replies["error"]["error"] == "job_not_found"
    run(workshop, str(NPM / "node_modules" / ".bin" / "tsc"), "-p", ".")

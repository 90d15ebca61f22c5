"""The sources of the page: types, style, and texts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tools.openapi_document import openapi_document

ROOT = Path(__file__).parent.parent
WEB = ROOT / "web"
SOURCES = sorted((WEB / "src").glob("*.js"))


@pytest.mark.slow
def test_the_page_is_typed_and_formatted() -> None:
    """Biome and `tsc --checkJs` find nothing, with the types of the present OpenAPI document."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    tools, client = WEB / "node_modules", ROOT / "clients" / "js"
    if not (tools / "typescript").is_dir() or not (client / "node_modules" / "esbuild").is_dir():
        pytest.skip(
            "the tools of the page are not installed: npm ci --prefix web; npm ci --prefix clients/js"
        )
    # Building takes seconds, so it is done only after a change of the document.
    document, built = json.dumps(openapi_document()), client / "node_modules" / ".cache" / "openapi.json"
    if not built.is_file() or built.read_text() != document:
        built.parent.mkdir(exist_ok=True)
        built.write_text(document)
        run(node, "build.mjs", str(built), folder=client)
    run(node, str(tools / "@biomejs" / "biome" / "bin" / "biome"), "ci", ".", folder=WEB)
    run(node, str(tools / "typescript" / "bin" / "tsc"), "--project", ".", folder=WEB)


def run(*command: str, folder: Path) -> None:
    """Run a program, which must succeed."""
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_text_never_becomes_html() -> None:
    """No module has a way to parse HTML or to run text."""
    ways = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function|srcdoc"
    )

    assert len(SOURCES) > 10
    assert [path.name for path in SOURCES if ways.search(path.read_text())] == []


def test_all_texts_are_in_one_file() -> None:
    """Every key that a module asks for has a text, and no text is left over."""
    keys = set(re.findall(r"^  '?([\w.-]+)'?:\s+['\"]", (WEB / "src" / "texts.js").read_text(), re.MULTILINE))
    code = "\n".join(path.read_text() for path in SOURCES if path.name != "texts.js")
    asked = set(re.findall(r"\bt\(\s*'([\w.-]+)'", code))
    asked |= set(re.findall(r"'((?:health|jobs?|player)\.\w+)'", code))
    prefixes = set(re.findall(r"\bt\(\s*`([\w.-]+\.)", code))

    assert asked - keys == set()
    assert [key for key in keys - asked if not key.startswith(tuple(prefixes))] == []

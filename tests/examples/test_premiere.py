"""The panels for Premiere, with a stand-in for Premiere itself: manifests, types, and a run in each host."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import engine
from tests.acceptance.service import Engine, ServiceProcess
from tests.chromium import chromium
from tests.clients.conftest import FLAGS, client_js
from tests.simulator import Script, render, talk

__all__ = ["client_js", "engine"]

EXAMPLES = Path(__file__).parents[2] / "examples" / "premiere"
HERE = Path(__file__).parent
CLIP = "/footage/Take 1.flac"
SEQUENCE = "/projects/interview/Audio Tools/Take 1.xml"
WAIT_FOR_MESSAGE = """\
const [pattern, done] = arguments;
(function look() {
  const message = document.getElementById('message').textContent;
  if (new RegExp(pattern).test(message)) done(message);
  else setTimeout(look, 20);
})();
"""


@pytest.fixture(scope="module")
def script() -> Script:
    return talk(40.0, seed=33)


@pytest.fixture(scope="module")
def recording(script: Script, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(script, tmp_path_factory.mktemp("recording") / "Take 1.flac")


@pytest.fixture(scope="module")
def service(
    recording: Path, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """A service that reads the folder of the recording, but not that of the clip."""
    folder = tmp_path_factory.mktemp("service")
    environment = {"MEDIA_ROOTS": str(recording.parent), "ALLOWED_ORIGINS": "null"}
    with ServiceProcess(folder, engine.base_url, **environment) as running:
        yield running


@pytest.fixture(scope="module")
def panels(client_js: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders that Premiere would load."""
    folder = tmp_path_factory.mktemp("panels")
    subprocess.run(["node", "build.mjs", str(folder)], cwd=EXAMPLES, check=True)
    return folder


def facts(service: ServiceProcess, recording: Path, **more: Any) -> str:
    """What the stand-in for Premiere needs to know, as JSON."""
    return json.dumps(
        {
            "port": service.port,
            "files": {CLIP: base64.b64encode(recording.read_bytes()).decode()},
            "selected": None,
            "picked": None,
            "jsx": (EXAMPLES / "cep" / "host.jsx").read_text(),
            **more,
        }
    )


def run_in_uxp(panels: Path, folder: Path, record: str, *actions: str) -> Any:
    """Press the buttons of the UXP panel, in Node with the globals of UXP."""
    (folder / "facts.json").write_text(record)
    program = [str(HERE / "uxp.mjs"), str(panels / "uxp"), str(folder / "facts.json")]
    ended = subprocess.run(
        ["node", *FLAGS, *program, *actions], capture_output=True, text=True, check=False, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def assert_imported(imported: list[Any], script: Script) -> None:
    """Captions, and a cut sequence with captions of its own."""
    captions, sequence, cut_captions = imported
    words = script.words

    assert [item["path"] for item in imported] == [
        "/projects/interview/Audio Tools/Take 1.srt",
        SEQUENCE,
        "/projects/interview/Audio Tools/Take 1 cut.srt",
    ]
    for item in (captions, cut_captions):
        assert words[0].text in item["text"]
        assert words[-1].text in item["text"]
    clips = ET.fromstring(sequence["text"]).findall(".//clipitem")
    assert len(clips) > 2
    assert {path.text for path in ET.fromstring(sequence["text"]).iter("pathurl")} == {
        "file://localhost/footage/Take%201.flac"
    }


@pytest.mark.slow
def test_the_uxp_panel_transcribes_the_selected_clip(
    panels: Path, service: ServiceProcess, recording: Path, script: Script, tmp_path: Path
) -> None:
    """It sends a clip that the service cannot read; the project gets transcript, captions and sequence."""
    project = run_in_uxp(
        panels,
        tmp_path,
        facts(service, recording, selected=CLIP),
        f"transcribe:Take 1.flac: {len(script.words)} words",
        "transcript:has its transcript",
        r"captions:Imported Take 1\.srt",
        r"sequence:Imported Take 1 cut\.srt",
    )
    transcript = project["transcripts"][CLIP]
    words = [word["text"] for segment in transcript["segments"] for word in segment["words"]]

    assert words == [word.text for word in script.words]
    assert_imported(project["imported"], script)
    assert service.jobs()[0]["data"]["fileName"] == "Take 1.flac"


@pytest.mark.slow
def test_the_uxp_panel_transcribes_a_file_by_its_path(
    panels: Path, service: ServiceProcess, recording: Path, tmp_path: Path
) -> None:
    """Nothing is sent of a file that the service can read; without a clip the captions are imported."""
    record = facts(service, recording, picked=str(recording))
    project = run_in_uxp(panels, tmp_path, record, r"transcribe:flac: \d+ words", "transcript:Imported")
    data = service.jobs()[0]["data"]

    assert data["fileName"] == recording.name
    assert "uploadId" not in data
    assert [item["path"] for item in project["imported"]] == ["/projects/interview/Audio Tools/Take 1.srt"]


@pytest.mark.slow
def test_the_uxp_panel_cancels(
    panels: Path, service: ServiceProcess, recording: Path, engine: Engine, tmp_path: Path
) -> None:
    """The job does not run on."""
    with engine.never_answering():
        run_in_uxp(
            panels,
            tmp_path,
            facts(service, render(talk(20, seed=34), tmp_path / "other.flac"), selected=CLIP),
            "transcribe:chunk",
            "cancel:Cancelled",
        )

    assert service.jobs()[0]["state"] == "cancelled"


@pytest.mark.slow
def test_the_uxp_panel_shows_what_to_do(panels: Path, recording: Path, tmp_path: Path) -> None:
    """Without a service its message names the command that starts one."""

    class Nowhere:
        port = 1

    record = facts(Nowhere(), recording, selected=CLIP)  # type: ignore[arg-type]
    run_in_uxp(panels, tmp_path, record, "transcribe:audio-tools serve")


@pytest.mark.slow
def test_the_cep_panel_transcribes_the_selected_clip(
    panels: Path, service: ServiceProcess, recording: Path, script: Script, tmp_path: Path
) -> None:
    """The same in Chromium, in a page from a file, with `host.jsx`; without a call for transcripts."""
    stand_in = (
        f"const FACTS = {facts(service, recording, selected=CLIP)};\n" + (HERE / "premiere.js").read_text()
    )
    with chromium(tmp_path / "profile") as browser:
        browser.set_script_timeout(60)
        browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": stand_in})
        browser.get((panels / "cep" / "index.html").as_uri())
        for button, message in [
            ("transcribe", f"{len(script.words)} words"),
            ("transcript", r"Imported Take 1\.srt"),
            ("sequence", r"Imported Take 1 cut\.srt"),
        ]:
            browser.find_element("id", button).click()
            browser.execute_async_script(WAIT_FOR_MESSAGE, message)
        project = browser.execute_script("return premiere")

    assert_imported(project["imported"], script)


def test_the_uxp_manifest_follows_the_rules() -> None:
    """Required keys, versions, a panel, and the permissions that it needs, by Adobe's page on manifests."""
    manifest = json.loads((EXAMPLES / "uxp" / "manifest.json").read_text())
    version = re.compile(r"\d+\.\d+\.\d+")

    assert {"manifestVersion", "id", "name", "version", "host", "entrypoints"} <= set(manifest)
    assert manifest["manifestVersion"] == 5
    assert version.fullmatch(manifest["version"])
    # Arrays of hosts are for development only; transcripts came with 25.6.
    assert manifest["host"] == {"app": "premierepro", "minVersion": "25.6.0"}
    assert (EXAMPLES / manifest["main"]).is_file()
    (panel,) = manifest["entrypoints"]
    assert (panel["type"], panel["label"]["default"]) == ("panel", "Audio Tools")
    assert panel["minimumSize"]["width"] <= panel["preferredDockedSize"]["width"]
    # Whole addresses: bare hosts, and "all" within the list, fail without a word.
    assert manifest["requiredPermissions"] == {
        "localFileSystem": "fullAccess",
        "network": {"domains": ["http://127.0.0.1:3001", "ws://127.0.0.1:3001"]},
    }


def test_the_cep_manifest_follows_the_rules() -> None:
    """Ids agree, versions have the forms of Adobe's schema, its order is kept, and the files exist."""
    root = ET.parse(EXAMPLES / "cep" / "CSXS" / "manifest.xml").getroot()
    environment = root.find("ExecutionEnvironment")
    resources = root.find("DispatchInfoList/Extension/DispatchInfo/Resources")
    geometry = root.find("DispatchInfoList/Extension/DispatchInfo/UI/Geometry")
    assert environment is not None
    assert resources is not None
    assert geometry is not None
    host = environment.find("HostList/Host")
    runtime = environment.find("RequiredRuntimeList/RequiredRuntime")
    assert host is not None
    assert runtime is not None

    assert [child.tag for child in root] == ["ExtensionList", "ExecutionEnvironment", "DispatchInfoList"]
    assert len({extension.get("Id") for extension in root.iter("Extension")}) == 1
    assert (host.get("Name"), runtime.attrib) == ("PPRO", {"Name": "CSXS", "Version": "11.0"})
    assert re.fullmatch(r"\[\d+\.\d+,\d+\.\d+\]", host.get("Version", ""))
    assert [child.tag for child in resources] == ["MainPath", "ScriptPath", "CEFCommandLine"]
    assert [child.tag for child in geometry] == ["Size", "MaxSize", "MinSize"]
    assert (EXAMPLES / "index.html").is_file(), resources.findtext("MainPath")
    assert (EXAMPLES / "cep" / (resources.findtext("ScriptPath") or "")).is_file()


@pytest.mark.slow
def test_the_panels_keep_to_the_types_of_adobe(client_js: Path) -> None:
    """Every call of Premiere's UXP API and of ExtendScript exists, with these arguments."""
    if not (EXAMPLES / "node_modules" / "types-for-adobe").is_dir():
        pytest.skip("Adobe's types are not installed: npm ci --prefix examples/premiere")
    if not (client_js / "src" / "api.d.ts").is_file():
        pytest.skip("the types of the client are not built: npm run build --prefix clients/js")
    tsc = EXAMPLES / "node_modules" / "typescript" / "bin" / "tsc"
    for project in ("tsconfig.json", "tsconfig.jsx.json"):
        command = [shutil.which("node") or "node", str(tsc), "-p", str(EXAMPLES / project)]
        checked = subprocess.run(command, capture_output=True, text=True, check=False)
        assert checked.stdout == "", project

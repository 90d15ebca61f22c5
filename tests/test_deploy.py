"""What deploys the service fits it: image, compose file, systemd unit. No container engine is needed."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from redis import Redis

from audio_tools.cli import app
from audio_tools.settings import Settings
from tests.acceptance.service import ServiceProcess
from tests.jobs.redis_server import RedisServer

# Among the locked packages, but untyped: `importorskip` returns it as Any.
yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parent.parent
VARIABLES = {name.upper() for name in Settings.model_fields}
OTHERS = {"PATH", "HF_HOME"}
"""Variables that are not ours: the shell's, and where the Hugging Face library keeps weights."""
UNIT = ROOT / "deploy" / "audio-tools.service"


class Instruction(NamedTuple):
    """A line of a Dockerfile; `stage` counts from 0."""

    stage: int
    name: str
    text: str


def dockerfile() -> Iterator[Instruction]:
    """The instructions of the Dockerfile; each stands on one line."""
    stage = -1
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, text = line.partition(" ")
            stage += name == "FROM"
            yield Instruction(stage, name, text)


def of_image(name: str) -> list[str]:
    """The arguments of these instructions in the last stage, the one that is shipped."""
    last = max(instruction.stage for instruction in dockerfile())
    return [text for stage, found, text in dockerfile() if (stage, found) == (last, name)]


def image_environment() -> dict[str, str]:
    """The variables that the image sets."""
    return dict(pair.split("=", 1) for text in of_image("ENV") for pair in shlex.split(text))


def healthcheck() -> list[str]:
    """The command that asks for the image's health, with this Python."""
    (text,) = of_image("HEALTHCHECK")
    python, *arguments = json.loads(text.partition("CMD ")[2])
    assert python == "python"
    return [sys.executable, *arguments]


def compose() -> dict[str, dict[str, Any]]:
    """The services of compose.yaml by name, and its `volumes`."""
    record = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return {**record["services"], "volumes": record["volumes"]}


def unit() -> dict[str, list[str]]:
    """All values of each key of the systemd unit."""
    values: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            values.setdefault(key, []).append(value)
    return values


def test_the_image_is_made_of_files_that_are_there() -> None:
    """Every COPY names what exists and what .dockerignore lets through; secrets and media it does not."""
    let_through = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"]
    copied = [
        source
        for instruction in dockerfile()
        if instruction.name == "COPY" and not instruction.text.startswith("--from")
        for source in instruction.text.split()[:-1]
    ]

    assert sorted(copied) == sorted(let_through)
    assert [source for source in copied if not (ROOT / source).exists()] == []
    assert not any(".env".startswith(source) or source in {"data", "out"} for source in let_through)


def test_the_image_installs_only_what_is_locked() -> None:
    """Each `pip install` checks hashes, or takes nothing but the project itself."""
    installs = [text for _, name, text in dockerfile() if name == "RUN" and "pip install" in text]

    assert len(installs) == 2
    assert "--require-hashes" in installs[0]
    assert "--no-deps --no-build-isolation ." in installs[1]


def test_the_image_runs_as_nobody_in_particular() -> None:
    """A numeric user, so that an orchestrator can see that it is not root; the data folder is its own."""
    (user,) = of_image("USER")
    uid, gid = user.split(":")

    assert int(uid) > 0
    assert any(f"-o {uid} -g {gid} {image_environment()['DATA_DIR']}" in text for text in of_image("RUN"))


def test_the_image_starts_the_service_on_the_ports_that_it_exposes() -> None:
    """Its command exists, its variables are settings, its ports are the defaults."""
    (entrypoint,), (command,) = of_image("ENTRYPOINT"), of_image("CMD")
    program, *arguments = json.loads(entrypoint) + json.loads(command)

    assert (program, arguments) == ("audio-tools", ["serve"])
    assert CliRunner().invoke(app, [*arguments, "--help"]).exit_code == 0
    assert set(image_environment()) <= VARIABLES | OTHERS
    ports = [Settings.model_fields[name].default for name in ("port", "ws_port")]
    assert of_image("EXPOSE") == [" ".join(map(str, ports))]
    assert of_image("VOLUME") == [image_environment()["DATA_DIR"]]


def test_the_image_does_not_start_without_a_token(tmp_path: Path) -> None:
    """It listens on every address, and says what to set."""
    environment = image_environment() | {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", "audio_tools", "serve", "--port", "0", "--ws-port", "0"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 2
    assert "API_TOKEN" in ended.stderr


def test_the_health_check_tells_a_well_service_from_an_ill_and_an_absent_one(tmp_path: Path) -> None:
    """It finds the port by PORT, needs no token, and fails on 503 as on nothing at all."""
    image = image_environment() | {"DATA_DIR": str(tmp_path / "data"), "API_TOKEN": "a-token-for-this-test"}
    del image["PATH"]
    with ServiceProcess(tmp_path, "http://127.0.0.1:9/v1", **image) as service:
        well = ask_health(service.port)
    absent = ask_health(service.port)
    with ServiceProcess(tmp_path, "http://127.0.0.1:9/v1", **image, MIN_FREE_BYTES=str(1 << 60)) as service:
        ill = ask_health(service.port)

    assert (well, absent, ill) == (0, 1, 1)


def ask_health(port: int) -> int:
    """The exit code of the health check of a service at this port."""
    environment = {"PATH": os.environ["PATH"], "PORT": str(port), "http_proxy": "http://127.0.0.1:9"}
    return subprocess.run(
        healthcheck(), env=environment, capture_output=True, timeout=60, check=False
    ).returncode


@pytest.mark.parametrize("name", ["web", "worker"])
def test_compose_runs_what_the_image_says(name: str) -> None:
    """A command that exists, one folder for all, variables that are settings, and time to stop."""
    service, image = compose()[name], image_environment()
    environment = service["environment"]

    assert CliRunner().invoke(app, [*service["command"], "--help"]).exit_code == 0
    assert set(environment) <= VARIABLES
    assert {name: environment[name] for name in ("HOST", "DATA_DIR")} == {
        name: image[name] for name in ("HOST", "DATA_DIR")
    }
    (volume,) = service["volumes"]
    assert volume.split(":")[1] == image["DATA_DIR"]
    assert volume.split(":")[0] in compose()["volumes"]
    assert int(service["stop_grace_period"].removesuffix("s")) > grace_s()


def test_compose_opens_the_ports_of_the_web_process_to_this_machine() -> None:
    """And no others: workers and Redis talk to the containers alone, so that workers can be many."""
    services = compose()
    environment = services["web"]["environment"]
    exposed = of_image("EXPOSE")[0].split()

    assert [environment["PORT"], environment["WS_PORT"]] == [int(port) for port in exposed]
    assert services["web"]["ports"] == [f"127.0.0.1:{port}:{port}" for port in exposed]
    assert not [name for name in ("worker", "redis") if "ports" in services[name]]
    assert "container_name" not in services["worker"]
    assert services["worker"]["healthcheck"] == {"disable": True}


def test_compose_starts_a_redis_that_keeps_jobs(tmp_path: Path) -> None:
    """Under the name that the processes look for; its arguments are taken, and persist and never evict."""
    services = compose()
    program, *arguments = services["redis"]["command"]
    mounts = [volume.split(":") for volume in services["redis"]["volumes"]]
    settings = Settings.load(redis_host=services["web"]["environment"]["REDIS_HOST"])

    assert settings.redis_host in services
    assert [(name in services["volumes"], target) for name, target in mounts] == [(True, "/data")]
    assert program == "redis-server"
    with RedisServer(tmp_path, *arguments, defaults=()) as server:
        server.start()
        with Redis(port=server.port, decode_responses=True) as client:
            assert client.config_get("appendonly") == {"appendonly": "yes"}
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def grace_s() -> float:
    """How long the service itself takes to stop, at the most; in seconds."""
    default = Settings.model_fields["shutdown_grace"].default
    assert isinstance(default, float)
    return default + 10


def test_the_unit_starts_and_stops_the_service_as_it_wants() -> None:
    """Its command exists, its variables are settings, it is told to stop alone, and has the time."""
    values = unit()
    program, *arguments = shlex.split(values["ExecStart"][0])
    variables = dict(pair.split("=", 1) for pair in shlex.split(values["Environment"][0]))

    assert Path(program).name == "audio-tools"
    assert CliRunner().invoke(app, [*arguments, "--help"]).exit_code == 0
    assert set(variables) <= VARIABLES | OTHERS
    assert variables["DATA_DIR"] == values["WorkingDirectory"][0] == f"/var/lib/{values['StateDirectory'][0]}"
    assert values["KillMode"] == ["mixed"]
    assert int(values["TimeoutStopSec"][0]) > grace_s()


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """No misspelt key, no value that it does not know."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed")
    program = shlex.split(unit()["ExecStart"][0])[0]
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(program, sys.executable))
    verified = subprocess.run([analyze, "verify", str(copy)], capture_output=True, text=True, check=False)

    assert (verified.returncode, verified.stderr) == (0, "")


def test_nginx_speaks_to_the_default_port() -> None:
    """`tests/acceptance/test_nginx.py` runs it, where nginx is installed."""
    text = (ROOT / "deploy" / "nginx.conf").read_text()

    assert re.findall(r"proxy_pass http://127\.0\.0\.1:(\d+);", text) == [
        str(Settings.model_fields["port"].default)
    ]


def test_the_rehearsal_knows_every_instruction() -> None:
    """What the Dockerfile may say, deploy/rehearse.sh can run without a container engine."""
    script = (ROOT / "deploy" / "rehearse.sh").read_text()
    known = set(re.findall(r"^    ([A-Z |]+)\)", script, re.MULTILINE))

    assert {instruction.name for instruction in dockerfile()} <= {
        name for names in known for name in names.split(" | ")
    }
    checked = subprocess.run(
        ["bash", "-n", ROOT / "deploy" / "rehearse.sh"], capture_output=True, check=False
    )
    assert checked.returncode == 0


def test_the_page_names_only_what_there_is() -> None:
    """Variables of docs/deploy.md are settings, its files exist."""
    page = (ROOT / "docs" / "deploy.md").read_text()
    variables = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", page))
    files = set(re.findall(r"\b(?:deploy/[\w.-]+\w|requirements/[\w.]+\w)", page)) | {
        "compose.yaml",
        "env.example",
    }

    assert variables <= VARIABLES | OTHERS
    assert len(files) > 4
    assert [name for name in files if not (ROOT / name).exists()] == []

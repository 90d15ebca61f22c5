"""The benchmarks run: on next to nothing, so that their figures mean nothing."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from benchmarks.__main__ import main, names
from benchmarks.bench_extensions import bench as bench_extensions
from benchmarks.bench_kills import bench as bench_kills
from benchmarks.bench_pass import bench as bench_pass
from benchmarks.bench_queue import bench as bench_queue
from benchmarks.bench_rate import PROVIDERS, best
from benchmarks.bench_rate import bench as bench_rate
from benchmarks.bench_schedule import bench as bench_schedule
from benchmarks.bench_schedule import in_batches, in_order
from benchmarks.bench_sockets import bench as bench_sockets
from benchmarks.bench_timeline import bench as bench_timeline
from benchmarks.bench_upload import bench as bench_upload
from benchmarks.measure import python, quantile, run
from benchmarks.report import read, write

from audio_tools.exports.registry import FORMATS


@pytest.mark.parametrize("name", names())
def test_every_benchmark_can_be_run_by_name(name: str) -> None:
    """Each module has a `bench`."""
    assert callable(importlib.import_module(f"benchmarks.bench_{name}").bench)


def test_an_unknown_benchmark_is_refused() -> None:
    """A wrong name ends the command with the names that there are."""
    with pytest.raises(SystemExit, match="pass, schedule"):
        main(["speed"])


def test_pass(tmp_path: Path) -> None:
    """Decoding alone and the pass each get a row, and so does each length."""
    lines = bench_pass(tmp_path, minutes=0.07, rounds=1, hours=[0.001])

    assert sum(line.startswith("| ") for line in lines) >= 2 + 2 + 1


def test_schedule(tmp_path: Path) -> None:
    """Both rate limit delays get a row."""
    assert sum(line.startswith("| ") for line in bench_schedule(tmp_path, [21.0], speed=100.0)) == 1 + 2


def test_timeline(tmp_path: Path) -> None:
    """Both plans and each format get a row."""
    lines = bench_timeline(tmp_path, n_words=140, n_cuts=5, runs=1)

    assert sum(line.startswith("| ") for line in lines) == 1 + 2 + len(FORMATS)


def test_rate(tmp_path: Path) -> None:
    """Each provider gets a row with both schedules."""
    lines = bench_rate(tmp_path, requests=6, speed=100.0, providers=PROVIDERS[-2:])
    rows = [line for line in lines if line.startswith("| ")]

    assert {row.count("|") for row in rows} == {10}
    assert len(rows) == 1 + 2


def test_the_best_that_a_provider_allows() -> None:
    """Two lanes, three requests, one more every second from the third on, by hand."""
    assert best([2.0, 2.0, 1.0], 2, lambda _, moment: moment) == 3.0
    assert best([2.0, 2.0, 1.0], 2, lambda number, moment: max(moment, 2.0 * number)) == 5.0


def test_upload(tmp_path: Path) -> None:
    """The service takes an upload in every way, and transcribes one."""
    text = "\n".join(bench_upload(tmp_path, 1 << 20, rounds=1, talk_s=3.0))

    assert text.count("| ours, ") == 3
    assert "First words" in text


def test_sockets(tmp_path: Path) -> None:
    """Every client gets the end."""
    assert bench_sockets(tmp_path, clients=[3], talk_s=20.0)[-1].startswith("| 3 | **3** |")


@pytest.mark.slow
def test_extensions(tmp_path: Path) -> None:
    """A row with the extension and one without."""
    lines = bench_extensions(tmp_path, size_bytes=8 << 20, rounds=1)

    assert [line.split("|")[1].strip() for line in lines if "socket_body" in line] == [
        "with `socket_body`",
        "without `socket_body`",
    ]


def test_queue(tmp_path: Path) -> None:
    """Both queues, what can be timed of the service, and each number of workers get a row."""
    lines = bench_queue(tmp_path, jobs=8, rounds=1, lock_s=1.0, workers=[1], talk_s=20.0, engine_s=0.1)

    assert sum(line.startswith("| ") for line in lines) == 1 + 2 + 1 + 4 + 3 + 1 + 1


def test_a_free_lane_takes_the_next_chunk_and_a_batch_waits_for_its_slowest() -> None:
    """The two models of a schedule, by hand."""
    assert in_order([3.0, 1.0, 1.0, 1.0], lanes=2) == 3.0
    assert in_batches([3.0, 1.0, 1.0, 1.0, 2.0], size=2, pause_s=0.5) == 3.0 + 0.5 + 1.0 + 0.5 + 2.0


def test_a_quantile_is_one_of_the_values() -> None:
    """The share asked for is not exceeded."""
    assert [quantile([4.0, 1.0, 3.0, 2.0], share) for share in (0.0, 0.5, 0.99, 1.0)] == [1.0, 3.0, 4.0, 4.0]


def test_a_section_is_replaced_and_the_others_stay() -> None:
    """What was written is read back, whatever the order."""
    sections = {"queue": "## Queue\n\n1\n", "pass": "## Pass\n\n<!-- a comment -->\n2\n"}

    text = write(sections)

    assert read(text) == sections
    assert text.index("## Pass") < text.index("## Queue")


def test_a_command_that_fails_says_why() -> None:
    """What it wrote on standard error is in the error."""
    with pytest.raises(RuntimeError, match=r"No module named benchmarks\.nothing"):
        run(python("benchmarks.nothing"))


@pytest.mark.slow
def test_kills(tmp_path: Path) -> None:
    """No job is lost or doubled, and all are done."""
    assert bench_kills(tmp_path, kills=2)[-1].endswith("| 0 | 0 | 0 | 0 |")

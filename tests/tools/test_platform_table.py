"""The table of what passed where."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools.platform_table import HEAD, PAGE, Row, Suite, as_table, read_rows, with_table

from tools import platform_table

REPORT = """<?xml version="1.0"?><testsuites><testsuite name="pytest" errors="1" failures="2" skipped="3"
tests="100" time="90.5"></testsuite></testsuites>"""


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of results."""
    monkeypatch.setattr(platform_table, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


def test_a_report_is_counted(tmp_path: Path) -> None:
    """Errors of fixtures are failures; what is neither failed nor skipped has passed."""
    (tmp_path / "report.xml").write_text(REPORT)

    assert Suite.read(tmp_path / "report.xml") == Suite(passed=94, skipped=3, failed=3, seconds=90.5)


def test_rows_are_sorted_by_version() -> None:
    """Python 3.9 comes before 3.13, whatever was run first."""
    for version in ("3.13.0", "3.9.2", "3.11.7"):
        Row(version, "PATH", "whole", "passed", Suite(1, 0, 0, 60.0)).save(version)

    assert [row.python for row in read_rows()] == ["3.9.2", "3.11.7", "3.13.0"]
    assert read_rows()[0].suite == Suite(1, 0, 0, 60.0)


def test_an_environment_that_could_not_be_made_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """A row without a report says so and fails the whole."""
    Row("3.11.2", "PATH", "whole", "passed", Suite(1, 0, 0, 1.0)).save("a")
    Row("3.12.1", "PATH", "whole").save("b")

    assert platform_table.main([]) == 1
    assert "| 3.12.1 | PATH | not run | whole | - | - | NOT SET UP | - |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("demo", "failed", "code"), [("passed", 0, 0), ("FAILED", 0, 1), ("passed", 1, 1), ("not run", 0, 0)]
)
def test_every_cell_must_pass(demo: str, failed: int, code: int) -> None:
    """A failed demo counts like a failed test."""
    Row("3.11.2", "PATH", "whole", "passed", Suite(9, 0, 0, 1.0)).save("a")
    Row("3.12.1", "bundled", "whole", demo, Suite(9, 0, failed, 1.0)).save("b")

    assert platform_table.main([]) == code


def test_one_python_is_too_few() -> None:
    """A machine with a single Python proves nothing about the others."""
    Row("3.11.2", "PATH", "whole", "passed", Suite(9, 0, 0, 1.0)).save("a")
    Row("3.11.2", "bundled", "whole", "passed", Suite(9, 0, 0, 1.0)).save("b")

    assert platform_table.main([]) == 1


def test_the_page_takes_the_table() -> None:
    """The documentation has one table of this form, and it is replaced whole."""
    rows = [Row("3.14.0", "PATH", "whole", "passed", Suite(9, 0, 0, 60.0))]
    page = with_table(PAGE.read_text(), rows)

    assert page.count(HEAD) == 1
    assert as_table(rows) in page
    assert with_table(page, rows) == page

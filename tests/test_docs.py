"""Documentation is true: what it names exists, what it lists is complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tools.http_api_page import PAGE as HTTP_API
from tools.http_api_page import with_tables
from tools.settings_page import env_example, settings_page

ROOT = Path(__file__).parent.parent


def test_the_settings_page_is_that_of_the_settings() -> None:
    """`python -m tools.settings_page` writes it."""
    assert (ROOT / "docs" / "settings.md").read_text() == settings_page()
    assert (ROOT / "env.example").read_text() == env_example()


def test_the_tables_of_the_http_page_are_those_of_the_schemas() -> None:
    """`python -m tools.http_api_page` writes them."""
    assert HTTP_API.read_text() == with_tables(HTTP_API.read_text())


@pytest.mark.parametrize(
    "page", sorted(str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md"))
)
def test_every_file_that_a_page_names_exists(page: str) -> None:
    """A page that names a file that has moved misleads."""
    text = (ROOT / "docs" / page).read_text()
    named = set(re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.(?:py|md))(?:\s[^`]*)?`", text))
    roots = [ROOT, ROOT / "src" / "audio_tools", ROOT / "docs", ROOT / "src" / "audio_tools" / "server"]

    assert [name for name in named if not any((root / name).exists() for root in roots)] == []


def test_every_link_between_pages_leads_somewhere() -> None:
    """Links to files of the project, and to decisions named in the code."""
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
    for path in (ROOT / "src").rglob("*.py"):
        for name in re.findall(r"docs/decisions/[\w-]+\.md", path.read_text()):
            assert (ROOT / name).exists(), f"{path.name} refers to {name}"

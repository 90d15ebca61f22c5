"""Write `docs/settings.md` and `env.example` from `settings.Settings`; held true by a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from audio_tools.settings import SECRETS, Settings

ROOT = Path(__file__).resolve().parent.parent
INTRODUCTION = """# Settings

Every setting is an environment variable, read from `.env` too; the environment wins. An empty variable counts
as unset. A wrong one stops the start with a sentence that names it. `~` at the beginning of a path is the
home folder. This page is made by `tools/settings_page.py` from `src/audio_tools/settings.py`.

| variable | default | allowed | meaning |
|---|---|---|---|
"""


def settings_page() -> str:
    """The page: one row for each setting."""
    rows = [
        f"| `{name.upper()}` | {_default(name)} | {_allowed(name)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return INTRODUCTION + "\n".join(rows) + "\n"


def env_example() -> str:
    """Every variable with its meaning and default, all commented out."""
    lines = ["# Copy to .env and set what you need. docs/settings.md has the ranges.", ""]
    for name, field in Settings.model_fields.items():
        default = _default(name).strip("`")
        value = "" if default in {"unset", "per-user data folder"} else default
        lines += [f"# {field.description}", f"# {name.upper()}={value}", ""]
    return "\n".join(lines)


def _default(name: str) -> str:
    field = Settings.model_fields[name]
    if field.default_factory is not None:
        return "per-user data folder"
    if field.default in (None, ()):
        return "unset"
    return f"`{field.default}`"


def _allowed(name: str) -> str:
    schema: dict[str, Any] = Settings.model_json_schema()["properties"][name]
    rule = next((kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"), schema)
    if "enum" in rule:
        return ", ".join(f"`{value}`" for value in rule["enum"])
    if "minimum" in rule:
        top = f" to {rule['maximum']:.10g}" if "maximum" in rule else " and more"
        return f"{rule['minimum']:.10g}{top}"
    if "pattern" in rule:
        return f"like `{rule['pattern']}`"
    if name in SECRETS:
        return f"at least {rule['minLength']} characters" if "minLength" in rule else "a secret"
    return {"array": "a comma-separated list", "string": "a text"}.get(rule.get("type", ""), "")


if __name__ == "__main__":
    (ROOT / "docs" / "settings.md").write_text(settings_page())
    (ROOT / "env.example").write_text(env_example())

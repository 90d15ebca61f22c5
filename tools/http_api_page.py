"""Write the tables of `docs/http-api.md` from the schemas of the OpenAPI document; held true by a test."""

from __future__ import annotations

import json
import re
from pathlib import Path

from audio_tools.json_value import Json
from audio_tools.server.openapi.schemas import event_schemas, schemas

PAGE = Path(__file__).resolve().parent.parent / "docs" / "http-api.md"
REGION = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
ENVELOPE = {"type", "jobId", "timestamp", "id"}


def with_tables(page: str) -> str:
    """The page with the table between each `<!-- table: NAME -->` and `<!-- end -->` written anew."""
    return REGION.sub(lambda found: f"{found[1]}\n{table(found[2])}\n{found[3]}", page)


def table(name: str) -> str:
    """The fields of a schema, with options and `Events` in forms of their own."""
    if name.endswith("Options"):
        return options_table(name)
    if name == "Events":
        return events_table()
    required = schemas()[name].get("required", ())
    rows = [
        f"| `{field}` | {kind(schema)}{'' if field in required else ', optional'} | {meaning(schema)} |"
        for field, schema in schemas()[name]["properties"].items()
    ]
    return "| field | type | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def options_table(name: str) -> str:
    """One row for each option, with its default and its allowed values."""
    rows = [
        f"| `{option}` | {default(schema)} | {kind(schema)} | {meaning(schema)} |"
        for option, schema in schemas()[name]["properties"].items()
    ]
    return "| option | default | allowed | meaning |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


def events_table() -> str:
    """One row for each event, with its own fields."""
    rows = []
    for event in event_schemas().values():
        own = [name for name in event["properties"] if name not in ENVELOPE]
        title = event["properties"]["type"]["const"]
        fields = "the fields of the status" if title == "snapshot" else ", ".join(f"`{name}`" for name in own)
        rows.append(f"| `{title}` | {fields} | {meaning(event)} |")
    return "| `type` | fields | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def kind(schema: Json) -> str:
    """The type and the range of a value, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return (
            f"[{name}](#{name.lower()})" if f"table: {name} -->" in PAGE.read_text(encoding="utf-8") else name
        )
    if "anyOf" in schema:
        return " or ".join(kind(inner) for inner in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return ", ".join(
            f"`{json.dumps(value).strip(chr(34))}`" for value in schema.get("enum", [schema.get("const")])
        )
    if schema.get("type") == "array":
        return f"list of {kind(schema['items'])}"
    types = schema.get("type", "any")
    words = " or ".join([types] if isinstance(types, str) else types)
    if "minimum" in schema and "maximum" in schema:
        return f"{words}, {schema['minimum']:.10g} to {schema['maximum']:.10g}"
    if "maxLength" in schema:
        return f"{words}, at most {schema['maxLength']} characters"
    return words


def default(schema: Json) -> str:
    """The default of an option; none where the service or the engine decides."""
    return f"`{json.dumps(schema['default']).strip(chr(34))}`" if "default" in schema else "–"


def meaning(schema: Json) -> str:
    """The description in one line."""
    return " ".join(str(schema.get("description", "")).split())


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

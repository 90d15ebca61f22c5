"""Small helpers for JSON Schema 2020-12, as OpenAPI 3.1 uses it."""

from __future__ import annotations

from audio_tools.json_value import Json


def ref(name: str, description: str = "") -> Json:
    """A reference to a schema under `components`."""
    return {"$ref": f"#/components/schemas/{name}"} | ({"description": description} if description else {})


def content(name: str) -> Json:
    """A JSON body with a schema under `components`, for `requestBody` and `responses`."""
    return {"application/json": {"schema": ref(name)}}


def plain(schema: Json) -> Json:
    """The schema of an optional field without its title, its null and a default of null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key not in {"title", "anyOf"}}
    if rest.get("default", ...) is None:
        del rest["default"]
    return rest | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {})

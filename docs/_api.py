"""docs/reference/api.md: every resource, parameter and type of the API, from its OpenAPI description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docs._markdown import code, inline, page, table

INTRODUCTION = """\
This page lists every resource and type of the HTTP API, which the [web console](../operate/console.md#http-api) serves
under `/api/v1`. `/api/v1/openapi.json` is the same description for programs (OpenAPI 3.1). Errors have the type
`Problem` (RFC 9457). Times are RFC 3339 in UTC.
"""
Schema = dict[str, Any]


def api() -> str:
    """The page."""
    return page("API", _lines())


def _lines() -> Iterator[str]:
    from sensor.console.api.openapi import openapi

    described = openapi()
    yield from (INTRODUCTION, "## Resources", "")
    for path, methods in described["paths"].items():
        for method, one in methods.items():
            yield from (f"### {method.upper()} `{path}`", "", f"{inline(one['summary'])}.", "")
            yield from table(
                ("parameter", "in", "type", "meaning"), [_parameter(parameter) for parameter in one["parameters"]]
            )
    yield from ("## Types", "")
    for name, schema in sorted(described["components"]["schemas"].items()):
        yield from (f"### {name}", "", inline(schema.get("description", "")), "")
        yield from table(
            ("field", "type", "always"), [_field(key, one, schema) for key, one in schema.get("properties", {}).items()]
        )


def _parameter(one: Schema) -> tuple[str, ...]:
    return code(one["name"]), one["in"], _kind(one["schema"]), inline(one["description"])


def _field(name: str, one: Schema, schema: Schema) -> tuple[str, ...]:
    return code(name), _kind(one), "yes" if name in schema.get("required", ()) else "no"


def _kind(schema: Schema) -> str:
    """The name of a type."""
    if "$ref" in schema:
        return schema["$ref"].rsplit("/", 1)[-1]
    if "enum" in schema:
        return " or ".join(map(code, schema["enum"]))
    if "items" in schema:
        return f"list of {_kind(schema['items'])}" if schema["items"] else "list"
    return str(schema.get("format") or schema.get("type") or "any")

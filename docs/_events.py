"""docs/reference/events.md: every key of an event, from the JSON Schema that all events are checked against."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from docs._markdown import code, inline, link, page, table
from docs._schema import Key, Schema

HEADS = ("key", "value", "required", "meaning")
INTRODUCTION = """\
This page lists every field of an event. The event log has one JSON object per line, in UTF-8. The package contains the
schema (`sensor/eventlog/schema.json`); tests check every emitted line against it. Unknown values are absent, never
null. Text from the network is sanitized: valid UTF-8, no control characters, bounded length. Events contain no secrets.

- `id` is derived from packet time, sensor and content: replaying a capture twice gives the same ids, and receivers can
  drop duplicates by this id.
- `sensor.seq` numbers the records of a sensor without a gap, so a receiver can detect lost records.
- Devices, alerts, incidents and recommendations have ids of 14 characters after the kind (`dev-5k2m8q0a7c1xw4`): 70
  bits, distinct across sites. The first six characters are the short id that tables show and earlier versions used.
  Commands accept any unambiguous prefix of at least four characters. Objects with an id of an earlier version keep it.
- Within schema 1.x keys are only added. Readers should ignore unknown keys.
- A line has at most 64 KiB; `cut` lists the parts that were truncated.
"""


# Records as a sensor writes them; tests of the formats use them, too.
RECORDS = Path(__file__).parents[1] / "tests" / "outputs" / "golden" / "native.json"
EXAMPLES = {
    "device_identified": "A device",
    "alert_open": "An alert",
    "incident_open": "An incident",
    "recommendation_open": "A recommendation",
    "sensor_health": "A health event",
}


def schema() -> dict[str, Any]:
    """The schema in the package."""
    reported: dict[str, Any] = json.loads(files("sensor.eventlog").joinpath("schema.json").read_text(encoding="utf-8"))
    return reported


def events() -> str:
    """The page."""
    return page("Events", _lines())


def _lines() -> Iterator[str]:
    whole = schema()
    objects = [name for name, node in whole["$defs"].items() if "properties" in node or "items" in node]
    basic = [name for name in whole["$defs"] if name not in objects]
    made = Schema(whole, {name: link(name) for name in objects} | {name: f"[{name}](#basic-types)" for name in basic})
    yield INTRODUCTION
    yield from ("## Record", "", *_table(list(made.keys(whole))))
    yield from _kinds(whole)
    for name in objects:
        node = whole["$defs"][name]
        yield from (f"## {name}", "")
        yield from (f"{inline(node['description'])}", "") if "description" in node else ()
        yield from _table(list(made.keys(node.get("items", node))))
    yield from _examples()
    yield from (
        "## Basic types",
        "",
        *table(("type", "value"), [(code(name), made.kind(whole["$defs"][name])) for name in basic]),
    )


def _examples() -> Iterator[str]:
    """One example of each kind; each is a single line in the log."""
    records = json.loads(RECORDS.read_text(encoding="utf-8"))
    yield from ("## Examples", "", "In the log each is a single line.", "")
    for name, heading in EXAMPLES.items():
        yield from (f"### {heading}", "", "```json", json.dumps(records[name], indent=2, ensure_ascii=False), "```", "")


def _table(keys: list[Key]) -> Iterator[str]:
    yield from table(
        HEADS, [(code(key.path), key.kind, "yes" if key.required else "", inline(key.about)) for key in keys]
    )


def _kinds(whole: dict[str, Any]) -> Iterator[str]:
    """The required and optional keys of each kind of event."""
    always = whole["required"]
    yield from ("## Kinds", "", f"All kinds have {', '.join(map(code, always))}. In addition:", "")
    kinds = [_kind(whole, each) for each in whole["allOf"] if list(each["if"]["properties"]) == ["kind"]]
    yield from table(("kind", "actions", "required keys", "optional keys"), kinds)
    yield ""


def _kind(whole: dict[str, Any], each: dict[str, Any]) -> tuple[str, str, str, str]:
    then = each["then"]
    never = {key for key, value in then["properties"].items() if value is False}
    must = then.get("required", [])
    may = [key for key in whole["properties"] if key not in never and key not in must and key not in whole["required"]]
    actions, kind = then["properties"]["action"]["enum"], each["if"]["properties"]["kind"]["const"]
    return code(kind), _codes(actions), _codes(must), _codes(may)


def _codes(keys: list[str]) -> str:
    return ", ".join(map(code, keys))

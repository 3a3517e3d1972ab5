"""docs/reference: everything that the code defines, and nothing else."""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path

import jsonschema
import pytest

from docs import generate
from docs._commands import all_commands, exit_codes
from docs._configuration import ELSEWHERE, common, outputs, sections, whole
from docs._detections import options
from docs._events import schema
from docs._markdown import MADE, blocks, inline, page, table
from docs._schema import Schema
from sensor.cli.main import names
from sensor.config import detector_units
from sensor.delivery.catalogue import types
from sensor.doctor import card_checks, machine_checks, traffic_checks
from tests.docs.pages import shown
from tests.forked import run
from tests.golden import Golden

ROOT = Path(__file__).parents[2]


def text_of(name: str) -> str:
    return (generate.FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_page_is_up_to_date(name: str) -> None:
    """`python -m docs.generate` was run after the code changed."""
    assert text_of(name) == generate.PAGES[name](), (
        f"docs/reference/{name} is not what the code says: run python -m docs.generate"
    )


def test_check_names_pages_that_are_old_missing_or_from_nowhere(tmp_path: Path) -> None:
    for name in generate.PAGES:
        (tmp_path / name).write_text(text_of(name), encoding="utf-8")
    assert generate.stale(tmp_path) == []
    (tmp_path / "events.md").write_text("# Events of last year\n", encoding="utf-8")
    (tmp_path / "commands.md").unlink()
    (tmp_path / "rumours.md").write_text("# Rumours\n", encoding="utf-8")
    assert generate.stale(tmp_path) == ["commands.md", "events.md", "rumours.md"]


def test_check_as_it_is_called() -> None:
    """The check runs as in `make lint`."""
    reported = run([sys.executable, "-m", "docs.generate", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert (reported.returncode, reported.stderr) == (0, "")


def test_every_key_of_the_configuration_has_its_meaning() -> None:
    """A key without a description cannot be used. Descriptions are those of the section's docstring."""
    silent = [f"{name}.{key.path}" for name, _, keys in sections() for key in keys if not key.about]
    silent += [
        f"outputs {kind}.{key.path}"
        for kind, keys in outputs().items()
        for key in keys
        if not key.about and key.kind not in ELSEWHERE.values()
    ]
    silent += [f"detectors {name}.{key.path}" for name in detector_units() for key in options(name) if not key.about]
    silent += [
        f"{name}.{key.path}"
        for name in ("Tls", "Filter")
        for key in whole().keys({"$ref": f"#/$defs/{name}"})
        if not key.about
    ]
    assert silent == []


def test_every_key_of_an_event_has_its_meaning() -> None:
    """Authors of rules and dashboards read these descriptions, here and in an editor with the schema."""
    whole_schema = schema()
    made = Schema(whole_schema)
    nodes = {"": whole_schema, **{name: node.get("items", node) for name, node in whole_schema["$defs"].items()}}
    assert [
        f"{name}: {key.path}"
        for name, node in nodes.items()
        for key in made.keys(node)
        if not key.about and "properties" in node
    ] == []


def test_examples_of_events_follow_the_schema() -> None:
    """Examples have the form of a sensor's records."""
    examples = [json.loads(block) for block in shown(generate.FOLDER / "events.md", "json")]
    assert [example["kind"] for example in examples] == ["device", "alert", "incident", "recommendation", "sensor"]
    for example in examples:
        jsonschema.validate(example, schema())


def test_nothing_is_left_out() -> None:
    """Every section, output, detection, command and event key has an entry."""
    configuration, detections, commands, events = (
        text_of(f"{name}.md") for name in ("configuration", "detections", "commands", "events")
    )
    assert [name for name in whole().root["properties"] if f"\n## {name}\n" not in configuration] == []
    assert [kind for kind in types() if f"\n### {kind}\n" not in configuration] == []
    assert [name for name in detector_units() if f"\n### {name}\n" not in detections] == []
    assert [name for name in names() if f"\n## sensor {name}\n" not in commands] == []
    assert [key for key in schema()["properties"] if f"| `{key}` |" not in events] == []


def test_every_check_of_the_doctor_is_reported() -> None:
    """The checks of all three files are listed, and which of them a running sensor performs too."""
    modules = (card_checks, machine_checks, traffic_checks)
    checks = [
        one.__name__
        for module in modules
        for _, one in inspect.getmembers(module, inspect.isfunction)
        if one.__module__ == module.__name__
    ]
    page_of_health = text_of("health.md")
    assert [name for name in checks if f"| `{name}` |" not in page_of_health] == []
    assert "| `sensor.offloads` |" in page_of_health
    assert "`sensor.permission`" not in page_of_health


def test_keys_that_all_outputs_have_are_reported_once() -> None:
    """A type with another default lists the key again."""
    shared = common(list(outputs().values()))
    assert {"enabled", "format", "filter", "redact", "batch_events", "alerts_first"} <= {key.path for key in shared}
    own = {key.path for key in outputs()["webhook"] if key not in shared}
    assert {"receiver", "url", "batch_events"} <= own
    assert "timeout_s" not in own


def test_a_command_with_all_its_arguments(golden: Golden) -> None:
    """Options have their values, defaults are as in the help, optional arguments are marked."""
    found = {one.name: one for one in all_commands()}
    tail = found["tail"]
    assert tail.usage == "sensor tail [OPTION…] [FILE]"
    assert next(one for one in tail.options if "-n" in one.names)[:2] == (("-n", "--lines"), "N")
    assert found["replay"].usage == "sensor replay [OPTION…] PATH…"
    assert "30" in next(one.about for one in found["doctor"].options if "--seconds" in one.names)
    golden(found["doctor"].exits[-1])
    assert (found["tail"].exits, exit_codes()[0]) == ((), ("0", "done"))


def test_what_a_value_must_be(golden: Golden) -> None:
    """Bounds, allowed words, lists, mappings and references are readable."""
    made = Schema(
        {
            "$defs": {
                "share": {"type": "number", "minimum": 0, "maximum": 1},
                "end": {"type": "object", "properties": {"ip": {"type": "string"}}},
            },
            "properties": {
                "size": {"type": "integer", "exclusiveMinimum": 0, "default": 8, "description": "how much"},
                "share": {"anyOf": [{"$ref": "#/$defs/share"}, {"type": "null"}]},
                "kind": {"enum": ["a", "off"]},
                "ends": {"type": "array", "items": {"$ref": "#/$defs/end"}, "minItems": 1, "maxItems": 4},
                "far": {"$ref": "#/$defs/end"},
                "names": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 9}},
                "value": {"type": ["number", "boolean"]},
            },
            "required": ["kind"],
        }
    )
    golden([key[:4] for key in made.keys(made.root)])


def test_no_sign_of_a_text_becomes_markup() -> None:
    """Asterisks, angle brackets and bars are shown; code stays code; a table cell is one line."""
    assert inline("a * b <tag> `x*|y` ``env:NAME``") == "a \\* b \\<tag> `x*|y` `env:NAME`"
    assert list(table(("key",), [("`a|b`",)])) == ["| key |", "| --- |", "| `a\\|b` |", ""]
    with pytest.raises(ValueError, match="one line"):
        list(table(("key",), [("a\nb",)]))


def test_paragraphs_of_a_docstring() -> None:
    """Lines of prose are joined; a list with its descriptions stays."""
    assert list(blocks("One\n    line.\n\n    actions:\n      go      walk\n")) == [
        (False, "One line."),
        (True, "actions:\n  go      walk"),
    ]


def test_a_page_reports_where_it_comes_from() -> None:
    assert page("Title", ["text", "", "", "", ""]).splitlines()[:3] == ["# Title", "", MADE]


def test_the_schema_of_events_is_the_packaged_one() -> None:
    assert schema() == json.loads((ROOT / "sensor" / "eventlog" / "schema.json").read_text(encoding="utf-8"))

"""docs/reference/configuration.md: every key of sensor.yaml, from the models that read it."""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Iterator, Sequence

from pydantic import BaseModel

from docs._markdown import code, inline, link, page, prose, table
from docs._schema import Key, Node, Schema
from sensor.budget import LEAST, USUAL, Budget
from sensor.cli._config_keys import as_yaml, models_in
from sensor.cli._config_schema import schema
from sensor.config_file import SYSTEM
from sensor.config_schema import model
from sensor.config_values import AT_ONCE
from sensor.delivery.catalogue import output_class, types
from sensor.outputs.transport.secrets import WAYS
from sensor.presets import PRESETS

HEADS = ("key", "value", "default", "meaning")
ELSEWHERE = {"Tls": "[TLS](#tls)", "Filter": "[filter](#filter)"}
GUARANTEES = {
    "exactly_once": "each record once",
    "at_least_once": "each record at least once",
    "best_effort": "none",
}
INTRODUCTION = f"""\
This page lists every key of the configuration. The configuration is a YAML file, by default `{SYSTEM}` (`--config`
selects another file), and the files `conf.d/*.yaml` (or `.yml`) in the same folder, which are merged in alphabetical
order. Later files override earlier ones: mappings are merged key by key, lists are replaced. Every key has a default,
so an empty file is valid. An unknown key, a wrong type or a value out of range is an error with file, line and column,
the found and the expected value.

- `sensor config init` asks a few questions and writes a commented file.
- `sensor config check` lists all faults; `sensor config show --effective` prints every effective value with its source.
- `sensor config schema` prints the JSON Schema, for editors.

Paths are relative to the folder of the file that contains them. Secrets are references, never values:
{", ".join(map(code, WAYS))}.
"""
OUTPUT = '  siem: {type: http, url: "https://siem.example.org/events", token: file:/etc/sensor/siem.token}'
BUDGETS = (LEAST, USUAL, 512, 1024, 4096)
DETECTORS = """\
Options of detectors, by detector id. They override those of the preset. [detections.md](detections.md) lists all
options. A reload applies them; detectors with unchanged options keep their counters."""


@functools.cache
def whole() -> Schema:
    """The schema of the configuration. TLS and filters have separate chapters."""
    return Schema(schema(), ELSEWHERE)


def sections() -> Iterator[tuple[str, str, list[Key]]]:
    """(name, description, keys) of every top-level key except outputs and detectors, which have separate chapters."""
    made = whole()
    for name, field in model().model_fields.items():
        if name not in ("outputs", "detectors"):
            node, below = made.root["properties"][name], models_in(field.annotation)
            yield name, introduction(below[0]) if below else "", list(made.keys(node)) or [_alone(name, node)]


def _alone(name: str, node: Node) -> Key:
    """A top-level key that is not a section."""
    return Key(
        name,
        whole().kind(node),
        False,
        code(as_yaml(node["default"])) if "default" in node else "",
        str(node.get("description", "")),
    )


def taken_up(name: str) -> str:
    """Whether a reload applies a changed section, or a restart is needed."""
    if name in AT_ONCE:
        return "Applied by a reload."
    soon = [code(key.removeprefix(f"{name}.")) for key in AT_ONCE if key.startswith(f"{name}.")]
    return f"A reload applies {' and '.join(soon)}; the rest needs a restart." if soon else "A change needs a restart."


def own(keys: Sequence[Key], shared: Sequence[Key]) -> list[Key]:
    """The keys of a type without the shared ones, but always with its formats."""
    return [key for key in keys if key.path == "format" or (key not in shared and key.path != "type")]


def introduction(section: type[BaseModel]) -> str:
    """The docstring of a section without the sentences about its keys."""
    sentences = re.split(r"(?<=\.)\s+", " ".join(inspect.cleandoc(section.__doc__ or "").split()))
    return re.sub(r" \(see [\w/]+\.py\)", "", " ".join(sentence for sentence in sentences if "``" not in sentence))


def outputs() -> dict[str, list[Key]]:
    """The keys of every type of output."""
    made = whole()
    branches = made.resolved({"$ref": "#/$defs/Output"})["allOf"]
    return {kind: list(made.keys(branch["then"])) for kind, branch in zip(types(), branches, strict=True)}


def common(of: Sequence[list[Key]]) -> list[Key]:
    """The keys that all types have, with their most common definition."""
    shared = set.intersection(*({key.path for key in keys} for keys in of)) - {"type"}
    every = [key for keys in of for key in keys if key.path in shared]
    order = dict.fromkeys(key.path for key in every)
    return [max((key for key in every if key.path == path), key=every.count) for path in order]


def rows(keys: Sequence[Key]) -> Iterator[tuple[str, str, str, str]]:
    """Rows of a table; a key without a default is required."""
    for key in keys:
        yield code(key.path), key.kind, "**required**" if key.required else key.default, inline(key.about)


def configuration() -> str:
    """The page."""
    return page("Configuration", _lines())


def _lines() -> Iterator[str]:
    yield INTRODUCTION
    yield from (f"- {link(name)}" for name, *_ in sections())
    yield from ("- [detectors](#detectors)", "- [outputs](#outputs): " + ", ".join(map(link, types())), "")
    for name, about, keys in sections():
        yield from (f"## {name}", "")
        yield from (f"{inline(about)} {taken_up(name)}".strip(), "")
        yield from table(HEADS, rows(keys))
        yield from _presets() if name == "preset" else _budgets() if name == "memory_mib" else ()
    yield from ("## detectors", "", DETECTORS, "")
    yield from (
        "```yaml",
        "detectors:",
        "  discovery.port_scan: {ports: 40, exempt: [10.1.0.9]}",
        "  device.http_errors: {enabled: true}",
        "```",
        "",
    )
    yield from _outputs()


def _presets() -> Iterator[str]:
    yield from (
        "[detections.md](detections.md) lists what each preset changes, with the options of each detection.",
        "",
    )
    rows = [(code(name), code(one.least), f"{len(one.options)}") for name, one in PRESETS.items()]
    yield from table(("preset", "least severity reported", "detectors changed"), rows)


def _budgets() -> Iterator[str]:
    yield from (
        (
            f"At least {LEAST}. The table lists the capacity. The ring of each interface (`capture.ring_mib`) and "
            "threat lists need memory in addition:"
        ),
        "",
    )
    found = {mib: Budget.of(mib) for mib in BUDGETS}
    rows = [
        (f"{mib:,}", f"{one.devices:,}", f"{1 << one.flow_bits:,}", f"{one.names:,}", f"{one.alerts:,}")
        for mib, one in found.items()
    ]
    yield from table(("MiB", "devices", "concurrent flows", "names of addresses", "alerts, open or recent"), rows)


def _outputs() -> Iterator[str]:
    found = outputs()
    shared = common(list(found.values()))
    yield from (
        "## outputs",
        "",
        (
            "Each destination has a name (1 to 32 lowercase letters, digits and dashes), a `type`, and the "
            "options of this type."
        ),
        "",
    )
    yield from (taken_up("outputs"), "", "```yaml", "outputs:", OUTPUT, "```", "")
    yield from (
        "`sensor forward` delivers to outputs, `sensor outputs check` tests them. All types have these keys:",
        "",
    )
    yield from table(HEADS, rows([key for key in shared if key.path != "format"]))
    for chapter, name in (("filter", "Filter"), ("TLS", "Tls")):
        yield from (f"### {chapter}", "", *table(HEADS, rows(list(whole().keys({"$ref": f"#/$defs/{name}"})))))
    for kind, keys in found.items():
        unit = output_class(kind)
        yield from (
            f"### {kind}",
            "",
            (
                f"{inline(unit.title)}. Delivery guarantee: {GUARANTEES[unit.guarantee]}. Setup: "
                f"[{kind}](../deliver/{kind}.md)."
            ),
            "",
        )
        yield from prose(sys.modules[unit.__module__].__doc__ or "")
        yield from table(HEADS, rows(own(keys, shared)))

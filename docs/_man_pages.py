"""The man pages: sensor(1), one for each command, and sensor.yaml(5), from the same sources as docs/reference."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import sensor
from docs._commands import Command, all_commands, exit_codes
from docs._configuration import common, outputs, own, sections, taken_up, whole
from docs._detections import options
from docs._man import chapter, kept, marked, prose, roff, section, tagged, title
from docs._schema import Key
from sensor.cli.main import EPILOG
from sensor.config import detector_units
from sensor.config_file import SYSTEM
from sensor.delivery.catalogue import output_class

FILES = (
    (str(SYSTEM), "the configuration; files in conf.d of the same folder override it"),
    (
        "/var/lib/sensor",
        (
            "the state: event log, inventory, alerts, evidence, threat lists, rules; for users other than "
            "that of the service: ~/.local/state/sensor"
        ),
    ),
)
ENVIRONMENT = (("SENSOR_STATE", "the state folder"), ("NO_COLOR", "if set, output has no colors"))
CONFIGURATION = f"""\
The configuration is a YAML file, by default {SYSTEM} (`--config` selects another file), and the files `conf.d/*.yaml`
(or `.yml`) in the same folder, which are merged in alphabetical order. Later files override earlier ones: mappings are
merged key by key, lists are replaced. Every key has a default. Paths are relative to the folder of the file that
contains them.

`sensor config check` lists all faults, `sensor config show --effective` prints the effective values with their source,
`sensor config init` writes a new file.
"""
EXAMPLE = """\
networks: [203.0.113.0/24]
preset: balanced
capture: {interfaces: [eth1]}
roles: {scanner: [10.1.0.9], backup: [10.1.0.11]}
detectors:
  discovery.port_scan: {ports: 40}
outputs:
  siem: {type: http, url: "https://siem.example.org/events", token: file:/etc/sensor/siem.token}
"""


def man_pages() -> dict[str, str]:
    """Text by file name."""
    found = all_commands()
    pages = {"sensor.1": _overview(found), "sensor.yaml.5": _configuration()}
    pages |= {f"sensor-{one.name}.1": _command(one) for one in found}
    return {name: "\n".join(lines) + "\n" for name, lines in pages.items()}


def _overview(found: list[Command]) -> Iterator[str]:
    yield title("sensor", 1)
    yield from chapter("NAME", ["sensor \\- passive network sensor"])
    yield from chapter("SYNOPSIS", [".B sensor", "COMMAND [OPTION\\[u2026]]"])
    yield from chapter("DESCRIPTION", prose(str(sensor.__doc__)))
    yield from chapter("COMMANDS", (line for one in found for line in tagged(one.name, one.summary)))
    yield from chapter(
        "OPTIONS",
        [
            *tagged("--version", "print the version"),
            *tagged("-h, --help", "print the usage; after a command, the usage of this command"),
        ],
    )
    yield from _exit_status(exit_codes())
    yield from chapter("ENVIRONMENT", (line for name, about in ENVIRONMENT for line in tagged(name, about)))
    yield from chapter("FILES", (line for name, about in FILES for line in tagged(name, about)))
    starts = [line.strip() for line in EPILOG.partition("exit codes")[0].splitlines()[1:] if line.strip()]
    yield from chapter("EXAMPLES", kept(starts))
    yield from _see([f"sensor-{one.name}(1)" for one in found] + ["sensor.yaml(5)"])


def _exit_status(codes: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield from chapter("EXIT STATUS", (line for number, meaning in codes for line in tagged(number, meaning)))


def _see(others: list[str]) -> Iterator[str]:
    """The section SEE ALSO, with names as arguments of .BR."""
    yield ".SH SEE ALSO"
    for place, other in enumerate(others):
        name, part = roff(other[:-3]), other[-3:]
        yield f".BR {name} {part}{',' if place < len(others) - 1 else ''}"


def _command(one: Command) -> Iterator[str]:
    yield title(f"sensor-{one.name}", 1)
    yield from chapter("NAME", [f"sensor\\-{roff(one.name)} \\- {roff(one.summary[:1].lower() + one.summary[1:])}"])
    yield from chapter("SYNOPSIS", [f".B sensor {roff(one.name)}", roff(one.usage.partition(f"sensor {one.name} ")[2])])
    yield from chapter("DESCRIPTION", prose(one.about))
    options = [
        (", ".join(each.names) + (f" {each.value}" if each.value else "") if each.names else each.value, each.about)
        for each in one.arguments
    ]
    yield from chapter("OPTIONS", (line for name, about in options if about for line in tagged(name, about)))
    yield from chapter("EXAMPLES", kept(one.examples))
    yield from _exit_status(one.exits or exit_codes())
    yield from _see(["sensor(1)", "sensor.yaml(5)"])


def _configuration() -> Iterator[str]:
    yield title("sensor.yaml", 5)
    yield from chapter("NAME", ["sensor.yaml \\- configuration of the sensor"])
    yield from chapter("DESCRIPTION", prose(CONFIGURATION))
    yield ".SH KEYS"
    for name, words, keys in sections():
        yield from section(name, [marked(f"{words} {taken_up(name)}".strip()), *_keys(keys)])
    yield from chapter("OUTPUTS", _outputs())
    yield from chapter("DETECTORS", _detectors())
    yield from chapter("FILES", (line for name, words in FILES for line in tagged(name, words)))
    yield from chapter("EXAMPLES", kept(EXAMPLE.splitlines()))
    yield from _see(["sensor(1)", "sensor-config(1)", "sensor-outputs(1)"])


def _keys(keys: list[Key]) -> Iterator[str]:
    for key in keys:
        default = "required" if key.required else f"default: {key.default}" if key.default else ""
        yield from tagged(key.path, ". ".join(part for part in (key.about, _unlinked(key.kind), default) if part))


def _unlinked(kind: str) -> str:
    """Replace links with the names that they refer to."""
    return re.sub(r"\[(\w+)\]\(#\w+\)", r"see \1", kind)


def _outputs() -> Iterator[str]:
    found = outputs()
    shared = common(list(found.values()))
    yield "Each destination has a name, a type, and the options of this type."
    yield from section("all types", _keys([key for key in shared if key.path != "format"]))
    for words, name in (("filter", "Filter"), ("TLS", "Tls")):
        yield from section(words, _keys(list(whole().keys({"$ref": f"#/$defs/{name}"}))))
    for kind, keys in found.items():
        yield from section(kind, [roff(output_class(kind).title), *_keys(own(keys, shared))])


def _detectors() -> Iterator[str]:
    yield marked(
        "Options of detectors, by detector id. They override those of the preset. Every detector also has "
        "the option `enabled`."
    )
    for name, unit in detector_units().items():
        reported = "; ".join(f"`{key.path}` ({key.about}; default {key.default})" for key in options(name))
        yield from tagged(name, f"{unit.title}. {reported}" if reported else f"{unit.title}.")

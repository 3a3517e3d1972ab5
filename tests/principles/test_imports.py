"""Principle 1: observation, identification, detection and delivery are separate rooms. The table below lists the
allowed imports; all others are forbidden.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from tests.principles._source import SENSOR, imports, imports_of, kernels, name_of, python_files, room_of, tree_of, walk
from tests.sampling import drawn

# Units that the engine calls.
UNITS = {
    "capture",
    "counting",
    "decode",
    "derived",
    "dissectors",
    "native",
    "fingerprinting",
    "inventory",
    "detectors",
    "intel",
    "posture",
    "rules",
    "eventlog",
}
HELPERS = {"boundary", "documents", "registry"}

# room -> the rooms that it may import from, besides itself
MAY_IMPORT = {
    "sensor": set(),
    "core": set(),
    "registry": set(),
    "config_file": set(),
    "documents": {"core"},
    "damaged": set(),
    "budget": set(),
    "presets": set(),
    "boundary": {"core"},
    "counting": {"core"},
    "decode": {"core"},
    "capture": {"core", "decode"},
    "dissectors": {"core"},
    "native": {"core", "decode", "dissectors"},
    "fingerprinting": {"core", "documents"},
    "inventory": {"core", "counting", "damaged", "fingerprinting"},
    "derived": {"core", "dissectors"},
    "detectors": {"core", "counting", "derived", "dissectors"},
    "https": {"core"},
    "intel": {"core", "documents", "https"},
    "rules": {"core", "counting", "detectors", "dissectors", "documents", "registry"},
    "posture": {"core", "detectors", "dissectors", "documents", "fingerprinting", "https", "inventory"},
    "report": {"core", "inventory", "posture"},
    "eventlog": {"core"},
    "evidence": {"core", "decode"},
    "alerts": {"core", "documents", "eventlog", "evidence"},
    "datasets": {"core", "eventlog", "inventory", "records"},
    "logs": {"core"},
    "outputs": {"core", "documents"},
    "delivery": {"core", "boundary", "documents", "eventlog", "outputs", "logs", "records", "registry"},
    "hub": {"core", "boundary", "central", "console", "datasets", "documents", "inventory", "logs", "outputs"}
    | {"sync", "tables", "upgrades", "views"},
    "central": {"core", "outputs", "records"},
    "sync": {"core", "documents", "logs", "outputs"},
    "upgrades": {"core", "documents", "logs", "outputs", "sync"},
    "lifecycle": {"core", "delivery", "documents", "eventlog", "inventory", "records", "tables"},
    "tables": {"core", "alerts", "documents", "eventlog", "inventory"},
    "views": {"core", "eventlog", "inventory", "posture", "registry", "tables"},
    "records": {"core", "damaged", "decode", "derived", "dissectors", "documents", "eventlog", "native", "registry"},
    "console": {
        "core",
        "alerts",
        "capture",
        "config",
        "config_values",
        "console_section",
        "datasets",
        "delivery",
        "documents",
        "eventlog",
        "evidence",
        "fingerprinting",
        "intel",
        "inventory",
        "posture",
        "records",
        "rules",
        "tables",
        "views",
    },
    "engine": {"core", "alerts", "evidence", "records"} | UNITS | HELPERS,
    "doctor": {"core", "capture", "decode", "engine"},
    "telemetry": {"core", "alerts", "capture", "delivery", "engine", "eventlog", "intel", "logs", "rules"},
    "config": {"config_file", "config_model", "config_schema", "config_sections", "delivery", "documents"},
    "config_model": {
        "core",
        "budget",
        "config_sections",
        "console_section",
        "detectors",
        "documents",
        "logs",
        "presets",
        "registry",
    },
    "console_section": {"core", "documents", "outputs"},
    "config_sections": {"core", "central", "config_file", "documents", "telemetry"},
    "config_schema": {"core", "config_model"},
    "config_values": {"core", "config", "documents", "presets"},
    "runtime": {
        "core",
        "alerts",
        "budget",
        "config",
        "config_values",
        "delivery",
        "doctor",
        "engine",
        "evidence",
        "logs",
        "outputs",
        "records",
        "tables",
        "telemetry",
    }
    | UNITS
    | HELPERS,
    "cli": {
        "core",
        "alerts",
        "central",
        "config",
        "config_file",
        "config_schema",
        "config_values",
        "console",
        "datasets",
        "delivery",
        "doctor",
        "engine",
        "evidence",
        "https",
        "hub",
        "lifecycle",
        "logs",
    }
    | {"outputs", "records", "report", "runtime", "sync", "tables", "telemetry", "upgrades", "views"}
    | UNITS
    | HELPERS,
    "__main__": {"cli"},
}

# libraries that only some rooms may import, and the reason
KEPT_APART = {
    "scapy": (set(), "crafts captures and tests, never reads packets"),
    "dpkt": ({"dissectors"}, "leaks other errors than Malformed, which only dissectors translate"),
    "socket": (
        {"capture", "outputs", "console", "cli", "doctor", "logs", "runtime", "telemetry"},
        "the core has no socket",
    ),
    "sqlite3": (
        {"datasets", "damaged", "inventory", "tables", "views", "posture", "records", "console", "cli"},
        "inventory and vulnerabilities are too large for memory",
    ),
    "pyarrow": ({"records"}, "an extra: the sensor runs without it"),
    "maxminddb": ({"records"}, "an extra: the sensor runs without it"),
    "obstore": ({"central"}, "an extra: the sensor runs without it"),
    "duckdb": ({"records"}, "an extra, and queries of others run in a process that is locked down"),
    "jinja2": ({"console", "report"}, "pages are made where everything is escaped"),
    "starlette": ({"console", "hub"}, "an extra: the sensor runs without it"),
    "authlib": ({"console"}, "an extra: tokens of an OpenID provider are read where users log in"),
    "joserfc": ({"console"}, "comes with authlib"),
    "nats": ({"hub"}, "an extra: outputs speak the protocol themselves"),
    "psycopg": ({"hub", "outputs"}, "an extra: the sensor runs without it"),
    "uvicorn": ({"console"}, "an extra, and no other process answers browsers"),
    "weasyprint": ({"report"}, "paper is made of the page of a report"),
    "rich": ({"cli"}, "what is for people's eyes is made by commands"),
    "yaml": ({"documents"}, "documents are read in one place, which tells all faults with their line"),
    "structlog": ({"logs", "runtime", "cli", "telemetry"}, "the engine reports through events and counters"),
}

FILES = python_files() + kernels()


def _sensor_room(imported: str) -> str | None:
    parts = imported.split(".")
    if parts[0] != "sensor" or len(parts) < 2 or parts[1] == "__version__":
        return None
    return parts[1]


# Model -> the file that validates its values.
LOADED_ON_FIRST_USE = {
    "sensor.core.model": "sensor.core.model_schema",
    "sensor.delivery.section": "sensor.delivery.section_schema",
    "sensor.posture.profiles.installed": "sensor.posture.profiles.installed_file",
}


def test_every_room_has_a_row_in_the_table() -> None:
    assert {room_of(path) for path in FILES} - MAY_IMPORT.keys() == set()


def test_rooms_import_only_what_the_table_allows() -> None:
    """A module imports from its own room and from the rooms that the table lists for it."""
    violations = [
        f"{name_of(path)}:{line} imports {name}"
        for path in FILES
        for line, name in imports(path)
        if _sensor_room(name) not in {None, room_of(path)} | MAY_IMPORT.get(room_of(path), set())
    ]
    assert not violations, "\n".join(violations)


def test_kept_apart_libraries_stay_in_their_rooms() -> None:
    """scapy is imported nowhere, dpkt only in dissectors, sockets and SQL only in the rooms listed."""
    found = [
        (path, line, name, *KEPT_APART[name.split(".")[0]])
        for path in FILES
        for line, name in imports(path)
        if name.split(".")[0] in KEPT_APART
    ]
    assert len(found) > len(KEPT_APART)
    violations = [
        f"{name_of(path)}:{line} imports {name}: {why}"
        for path, line, name, rooms, why in found
        if room_of(path) not in rooms
    ]
    assert not violations, "\n".join(violations)


def test_what_is_private_stays_in_its_room() -> None:
    """A name or a module with a leading underscore is used in its own room only."""
    foreign = [
        f"{name_of(path)}:{line} imports {name}"
        for path in FILES
        for line, name in imports(path)
        if _sensor_room(name) not in {None, room_of(path)} and re.search(r"\._(?!_|shared\b)", name)
    ]
    assert not foreign, "\n".join(foreign)


def test_imports_are_absolute() -> None:
    """Imports have one form, so that a search finds all users of a module."""
    assert [f"{name_of(path)}: {name}" for path in FILES for _, name in imports(path) if name.startswith(".")] == []


def test_detectors_take_only_events_from_dissectors() -> None:
    """A detector imports the event classes of a dissector, not its constants, readers or helpers."""
    found = [
        (f"{name_of(path)}:{line}", name)
        for path in python_files("detectors")
        for line, name in imports(path)
        if name.startswith("sensor.dissectors.")
    ]
    assert found
    assert [one for one in found if not re.fullmatch(r"[A-Z][a-z]\w*", one[1].rsplit(".", 1)[-1])] == []


def test_views_only_read() -> None:
    """A view takes an open dataset and returns rows: it parses no command line, prints nothing, and changes no store.
    ``sensor.tables.ready`` brings tables up to date before.
    """
    foreign = ("argparse", "sys", "sensor.tables.ready", "sensor.tables.tables", "sensor.tables.apply")
    writing = ("sensor.tables.build.catch_up", "sensor.tables.build.rebuild", "sensor.inventory.store.operator_changes")
    for path in python_files("views"):
        assert not [name for _, name in imports(path) if name.startswith((*foreign, *writing))], name_of(path)
        called = {
            node.func.id
            for node in walk(tree_of(path))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not called & {"print", "connect"}, name_of(path)


def test_commands_read_datasets_through_views() -> None:
    """A command parses, calls a view, and renders: it reads no log, inventory or table itself. Exceptions are `sensor
    tail`, which prints lines of a log, and annotations.
    """
    reading = (
        "sensor.eventlog.reader",
        "sensor.eventlog.log_cursor",
        "sensor.inventory.store.reader",
        "sensor.tables.apply",
        "sensor.tables.tables",
        "sensor.tables.position",
    )
    for path in python_files("cli"):
        if path.stem != "tail":
            violations = [name for name in _imports_when_run(path) if name.startswith(reading)]
            assert not violations, f"{name_of(path)}: {violations}: read it through sensor.views"


def test_domains_know_no_command() -> None:
    """The logic of a domain is in its room, not in a module of commands. Only commands and the entry point import
    commands.
    """
    for path in python_files():
        if room_of(path) not in ("cli", "__main__"):
            assert not [name for _, name in imports(path) if name.startswith("sensor.cli")], name_of(path)


def _imports_when_run(path: Path) -> set[str]:
    """Imports of a module outside ``if TYPE_CHECKING``."""
    annotating = {
        node.lineno
        for branch in walk(tree_of(path))
        if isinstance(branch, ast.If) and isinstance(branch.test, ast.Name) and branch.test.id == "TYPE_CHECKING"
        for node in walk(branch)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    return {name for line, name in imports(path) if line not in annotating}


def test_only_commands_fetch() -> None:
    """The capture process opens no connection: modules that fetch lists are imported by commands, and by nothing that a
    run imports.
    """
    fetching = {
        "sensor.https",
        "sensor.intel.fetch",
        "sensor.intel.update",
        "sensor.posture.vulnerabilities.download",
        "sensor.posture.vulnerabilities.take_feed",
    }
    for path in python_files():
        if room_of(path) != "cli" and name_of(path) not in {
            "sensor/intel/fetch.py",
            "sensor/intel/update.py",
            "sensor/posture/vulnerabilities/download.py",
            "sensor/posture/vulnerabilities/take_feed.py",
        }:
            assert not [name for _, name in imports(path) if name.startswith(tuple(fetching))], name_of(path)


def test_table_has_no_cycle_below_the_pipeline() -> None:
    """Rooms can be ordered so that each imports only from those before it."""
    done: set[str] = set()
    left = dict(MAY_IMPORT)
    while ready := [room for room, allowed in left.items() if allowed <= done]:
        done.update(ready)
        for room in ready:
            del left[room]
    assert not left


def test_files_import_each_other_in_one_direction() -> None:
    """No circle of files, except that a model loads the file that validates it, with its library, on first use."""
    modules = {name_of(path).removesuffix(".py").replace("/", "."): path for path in python_files()}
    above: dict[str, set[str]] = {}
    for module, path in modules.items():
        names = {name if name in modules else name.rpartition(".")[0] for _, name in imports(path)}
        above[module] = names & modules.keys() - {module} - {LOADED_ON_FIRST_USE.get(module, "")}
    assert [*TopologicalSorter(above).static_order()]  # raises CycleError, which names them


def test_checks_see_an_import_when_there_is_one() -> None:
    """The scanner finds ordinary, nested and kernel imports."""
    assert "sensor.core.packet.Packet" in {name for _, name in imports(SENSOR / "core" / "event.py")}
    assert "numpy.typing" in {name for _, name in imports(SENSOR / "doctor" / "watch.py")}
    assert "sensor.core.row" in {name for _, name in imports(SENSOR / "core" / "packet.pyx")}


def test_imports_are_found_without_a_syntax_tree() -> None:
    """Those that the syntax tree contains; a text that contains one is none."""
    for path in drawn(FILES, 60, "imports"):
        if path.suffix == ".py":
            assert imports(path) == sorted(_imports_of(tree_of(path))), name_of(path)
    text = (
        'A = """\nimport a\n"""\ndef f():\n    from b import (\n        c,\n        d as e,\n    )\nfrom . import g\n'
    )
    assert [*imports_of(text)] == [(5, "b.c"), (5, "b.d"), (9, "..g")]


def _imports_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)

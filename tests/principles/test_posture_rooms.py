"""Posture has one live adviser and six products for the same site; each room imports only rooms before it."""

from __future__ import annotations

from tests.principles._source import imports, name_of, python_files

# In this order: a room may import the rooms before it that are listed.
MAY_IMPORT = {
    "latest": set[str](),
    "administration": set[str](),
    "device_names": set[str](),
    "lookup": {"latest"},
    "alert_ends": {"latest"},
    "vulnerabilities": {"alert_ends", "latest"},
    "recommendations": {"vulnerabilities"},
    "firewall": {"administration", "alert_ends", "device_names", "latest", "lookup", "recommendations"},
    "weakness": {"recommendations", "vulnerabilities"},
    "site": {"alert_ends", "device_names", "firewall", "vulnerabilities", "weakness"},
    "build": {"alert_ends", "firewall", "site", "vulnerabilities", "weakness"},
    "scores": {"site", "weakness"},
    "paths": {"administration", "alert_ends", "scores", "site", "weakness"},
    "profiles": {"firewall", "site"},
    "tickets": {"device_names", "site", "weakness"},
    "picture": {"alert_ends", "build", "firewall", "latest", "scores", "site", "vulnerabilities"},
}


def _room(name: str) -> str:
    """The room below posture, or the module beside the rooms, in a dotted name or in the path of a file."""
    return name.replace("/", ".").removesuffix(".py").split(".")[2]


def test_rooms_of_posture_import_only_what_the_table_allows() -> None:
    files = [path for path in python_files("posture") if path.parent.name != "posture" or path.stem != "__init__"]
    assert {_room(name_of(path)) for path in files} == set(MAY_IMPORT)
    foreign = [
        f"{name_of(path)}:{line} imports {name}"
        for path in files
        for line, name in imports(path)
        if name.startswith("sensor.posture.")
        and _room(name) not in MAY_IMPORT[_room(name_of(path))] | {_room(name_of(path))}
    ]
    assert not foreign, "\n".join(foreign)


def test_the_table_is_in_an_order() -> None:
    order = list(MAY_IMPORT)
    assert all(order.index(other) < order.index(room) for room, others in MAY_IMPORT.items() for other in others)

"""Mutes: what each field matches, when a mute expires, and faults in the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sensor.alerts.mutes import (
    Finding,
    FindingEndpoint,
    Mute,
    Mutes,
    finding_of,
    finding_of_record,
    load_mutes,
    save_mutes,
)
from sensor.core.addresses import parse, parse_mac
from sensor.core.alert import Severity
from sensor.core.observation import Subject
from sensor.core.record import RecordMaker
from sensor.core.time_units import SECOND
from sensor.documents import DocumentErrors
from tests.alerts.test_incidents import made
from tests.detectors.stories import World, device

# 2023-11-14 22:13:20 UTC
TS = 1_700_000_000 * SECOND
PRINTER = FindingEndpoint(parse("10.20.1.9"), parse_mac("00:17:c8:1a:2b:3c"), "dev-5k2m8q", ("PRN-3F",), "printer")
SERVER, OTHER = FindingEndpoint(parse("10.20.2.5")), FindingEndpoint(parse("10.20.3.5"))
FINDING = Finding(TS, "discovery.port_scan", PRINTER, (SERVER,), 445, 30)


def mute(**more: Any) -> Mute:
    return Mute.model_validate({"id": "m1", "author": "anna", "reason": "our scanner"} | more)


@pytest.mark.parametrize(
    "more",
    [
        {"detector": "discovery.port_scan"}, {"detector": "discovery.*"}, {"src": "10.20.1.9"},
        {"src": "10.20.1.0/24"}, {"src": "00:17:C8:1A:2B:3C"},
        {"src": "dev-5k2m8q"}, {"src": "prn-3f"}, {"src": "PRN-*"}, {"dst": "10.20.2.5"}, {"port": 445},
        {"type": "printer"}, {"vlan": 30},
        {"vlan": 30, "hours": "22:00-23:00"}, {"vlan": 30, "hours": "22:00-06:00"},
        {"vlan": 30, "hours": "21:00-22:30"},
        {"vlan": 30, "hours": "22:13-22:14"}, {"vlan": 30, "hours": "22:13-06:00"},
        {"vlan": 30, "hours": "08:00-08:00"}, {"src": "10.20.1.9/32"},
        {"vlan": 30, "expires": "2023-11-15T00:00:00Z"},
        {"detector": "discovery.*", "src": "10.20.1.9", "dst": "10.20.0.0/16", "port": 445, "type": "printer",
        "vlan": 30},
    ],
)  # fmt: skip
def test_what_fits(more: dict[str, Any]) -> None:
    """Each field alone, and all of them together."""
    assert Mutes([mute(**more)]).match(FINDING)


@pytest.mark.parametrize(
    "more",
    [
        {"detector": "impact.*"}, {"src": "10.20.1.8"}, {"src": "10.20.2.0/24"}, {"src": "00:17:c8:1a:2b:3d"},
        {"src": "dev-other"}, {"dst": "10.20.3.5"},
        {"port": 80}, {"type": "camera"}, {"vlan": 31}, {"vlan": 30, "hours": "01:00-04:00"},
        {"vlan": 30, "hours": "23:00-22:00"}, {"vlan": 30, "hours": "21:00-22:13"},
        {"vlan": 30, "hours": "22:30-23:00"},
        {"vlan": 30, "hours": "23:00-22:13"}, {"src": "10.20.1.8/32"},
        {"vlan": 30, "expires": "2023-11-14T22:13:20Z"}, {"vlan": 30, "expires": "2023-11-14"},
        {"src": "10.20.1.9", "port": 80},
    ],
)  # fmt: skip
def test_what_does_not(more: dict[str, Any]) -> None:
    """One field that does not match is enough."""
    assert Mutes([mute(**more)]).match(FINDING) is None


def test_targets_must_all_be_meant() -> None:
    """An alert with another target beside the muted one is reported, and so is one without a target."""
    quiet = Mutes([mute(dst="10.20.2.5")])
    assert quiet.match(FINDING._replace(targets=(SERVER, OTHER))) is None
    assert quiet.match(FINDING._replace(targets=())) is None


def test_it_counts_what_it_silences() -> None:
    """The first mute that matches is counted."""
    quiet = Mutes([mute(src="10.0.0.9"), mute(id="m2", detector="discovery.*")])
    no_listener = World().device
    assert [
        found.id
        for actor in ("10.0.0.9", "10.0.0.9", "10.0.0.8")
        if (found := quiet.silence(made(1, actor), no_listener))
    ] == ["m1", "m1", "m2"]
    assert quiet.counts == {"m1": 2, "m2": 1}
    assert Mutes(quiet.mutes, quiet.counts).counts == quiet.counts


def test_an_alert_and_its_record_are_the_same_finding() -> None:
    """A dry run over a log gives the same result as the engine."""
    world = World(device("printer", "10.0.0.9", "PRN"), device("server", "10.0.0.5", "FS01"))
    alert = made(TS / SECOND, "10.0.0.9", severity=Severity.low)
    alert.actor, alert.target_port = Subject(0x17C81A2B3C, alert.actor.address, 30), 445
    alert.network = {"vlan": 30}
    record = RecordMaker("s").alert(
        "open", alert, world.device(alert.actor), [world.device(one) for one in alert.targets]
    )
    reported = {name: getattr(record, name) for name in ("ts", "alert", "src", "dst", "targets", "network")}
    assert finding_of_record(reported) == finding_of(alert, world.device)
    assert finding_of_record({"kind": "device"}) is None
    assert finding_of_record(reported | {"src": {"ip": "what"}}) is None


@pytest.mark.parametrize(
    "more",
    [{}, {"network": {}, "dst": {}}, {"network": {"vlan": "30"}, "dst": {"port": "445"}}, {"network": 30, "dst": 445}],
    ids=["none", "empty", "texts", "numbers"],
)
def test_a_record_without_port_and_vlan(more: dict[str, Any]) -> None:
    """Both are 0 then, as in the engine; records of other programs have other types."""
    record = {"ts": "2023-11-14T22:13:20Z", "alert": {"detector": "impact.flood"}, "src": {"ip": "10.20.1.9"}} | more
    found = finding_of_record(record)
    assert found is not None
    assert (found.ts, found.detector, found.source.address, found.port, found.vlan) == (
        TS,
        "impact.flood",
        parse("10.20.1.9"),
        0,
        0,
    )


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"detector": "*"},
        {"detector": "*.*"},
        {"hours": "1-2", "vlan": 3},
        {"expires": "soon", "vlan": 3},
        {"src": "10.0.0.0/99"},
        {"reason": "", "vlan": 3},
    ],
)
def test_what_is_no_mute(more: dict[str, Any]) -> None:
    """An empty mute, invalid hours and times, no reason."""
    with pytest.raises(ValidationError):
        mute(**more)


def test_the_file_keeps_them(tmp_path: Path) -> None:
    """Mutes are read as they were written; no file means no mutes; an empty list is a valid file."""
    path = tmp_path / "state" / "mutes.yaml"
    assert load_mutes(path) == []
    mutes = [
        mute(src='a"b: #', port=80),
        mute(
            id="m2",
            detector="discovery.*",
            hours="22:00-06:00",
            expires="2026-11-24T09:00:00Z",
            created="2026-11-23T09:00:00Z",
        ),
    ]
    save_mutes(path, mutes)
    assert load_mutes(path) == mutes
    save_mutes(path, [])
    assert load_mutes(path) == []


def test_faults_are_reported_with_their_place(tmp_path: Path) -> None:
    """All faults are reported at once, each with the nearest valid key."""
    path = tmp_path / "mutes.yaml"
    path.write_text(
        "mutes:\n  - id: m1\n    author: anna\n    reason: x\n    detektor: a.b\n  - id: m2\n    "
        "author: anna\n    reason: x\n    type: printr\n"
    )
    with pytest.raises(DocumentErrors) as caught:
        load_mutes(path)
    first, second = str(caught.value).splitlines()
    assert first.startswith(f"{path}:5:5: found the key 'detektor'")
    assert "did you mean 'detector'?" in first
    assert second.startswith(f"{path}:9:11: found 'printr'")
    path.write_text("mutes:\n- {id: m1, author: a, reason: r, vlan: 3}\n- {id: m1, author: a, reason: r, vlan: 4}\n")
    with pytest.raises(DocumentErrors, match="twice"):
        load_mutes(path)


def test_a_file_that_cannot_be_examined_is_reported(tmp_path: Path) -> None:
    """Unlike a missing file, it is not taken for one without mutes."""
    assert load_mutes(tmp_path / "missing" / "mutes.yaml") == []
    with pytest.raises(DocumentErrors, match="cannot be read"):
        load_mutes(tmp_path / ("m" * 300))

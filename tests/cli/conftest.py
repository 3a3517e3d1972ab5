"""A small log, and a function that runs a command on it in this process."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sensor.cli._times import use_zone
from sensor.cli.main import main
from tests.offices import copy_of_office

TIMES = {"first": "2026-11-24T09:14:07.318442Z", "last": "2026-11-24T09:20:00.000000Z"}
SEEN = {"first_seen": TIMES["first"], "last_seen": TIMES["last"]}


@pytest.fixture(autouse=True)
def utc() -> Iterator[None]:
    """A command keeps its time zone for the rest of the process, which is that of the next test here."""
    yield
    use_zone(None)


class Result(NamedTuple):
    """Output of a command. ``head``: the line that names the dataset, removed from the output. ``errors``: the codes of
    the messages on standard error, also removed.
    """

    code: int
    out: str
    err: str
    head: str = ""
    errors: tuple[str, ...] = ()

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def suggestions(self) -> list[str]:
        """The nearest valid words that error messages suggest."""
        return re.findall(r"did you mean '?([\w.-]*\w)", self.err)


def record(kind: str, action: str, msg: str, severity: str = "info", **parts: Any) -> dict[str, Any]:
    start = {"ts": TIMES["first"], "kind": kind, "action": action, "severity": severity, "msg": msg}
    return {
        **start,
        "id": "01M86DAZ2P6S6000000000" + f"{len(msg):04d}",
        "schema": "1.0",
        "sensor": {"id": "hq", "version": "0.1.0", "seq": 1},
        **parts,
    }


def claim(attribute: str, value: str, family: str, confidence: float, count: int = 1) -> dict[str, Any]:
    evidence = {
        "observation": f"{family}.field",
        "seen": f"{value} said",
        "fingerprint": f"{family}.{value}",
        "family": family,
    }
    return {"attribute": attribute, "value": value, **evidence, "confidence": confidence, "count": count, **TIMES}


def device(
    number: int, kind: str, action: str = "new", evidence: list[dict[str, Any]] | None = None, **more: Any
) -> dict[str, Any]:
    facts = {
        "id": f"dev-{number}",
        "macs": [f"00:17:c8:00:00:{number:02x}"],
        "ips": [f"10.0.0.{number}"],
        "type": kind,
        **more,
        **SEEN,
    }
    return record("device", action, f"{action} {kind}", device=facts, **({"evidence": evidence} if evidence else {}))


PRINTER = [
    claim("type", "printer", "mdns", 0.8, 3),
    claim("type", "printer", "snmp", 0.5),
    claim("type", "camera", "dhcp", 0.3),
    claim("vendor", "Kyocera", "oui", 0.9),
]
SCAN = {
    "id": "alert-abc123", "detector": "discovery.port_scan", "title": "Port scan",
    "key": "discovery.port_scan|10.0.0.9", "risk": 52,
    "confidence": 0.9, "count": 3, **TIMES,
    "attack": [{"tactic": "discovery", "technique": "T1046", "name": "Network Service Discovery"}],
    "why": ["120 ports of one host were tried"], "numbers": {"ports": 120, "threshold": 60},
    "advice": "Ask who runs it.",
    "false_positives": "A scanner of your own.",
}  # fmt: skip
ENDS = {
    "src": {"ip": "10.0.0.9", "mac": "00:17:c8:00:00:09", "device": "dev-9", "hostname": "evil",
    "type": "workstation"}, "dst": {"ip": "10.0.0.10", "port": 22},
    "targets": [{"ip": "10.0.0.10"}, {"ip": "10.0.0.12"}],
}  # fmt: skip
PROOF = {
    "event": "flow.refused",
    "ts": TIMES["last"],
    "src": {"ip": "10.0.0.9", "port": 40000},
    "dst": {"ip": "10.0.0.10", "port": 22},
    "facts": {"client_packets": 1},
}
LOG = [
    record("sensor", "started", "capturing on eth0"),
    device(
        10,
        "printer",
        vendor="Kyocera",
        hostname="PRN-3F",
        vlan=30,
        evidence=PRINTER,
        confidence=0.88,
        confidences={"type": 0.88, "vendor": 0.5},
        contested=["type"],
    ),
    device(11, "unknown"),
    device(9, "workstation", hostname="evil", os="Windows 11", confidence=0.6),
    device(12, "camera", vendor="Axis", model="P3245", confidence=0.9),
    device(13, "camera", vendor="Hikvision"),
    device(13, "camera", "gone", vendor="Hikvision"),
    record("alert", "open", "evil tried 120 ports of 10.0.0.10", "medium", alert=SCAN, **ENDS, evidence=[PROOF]),
    record(
        "alert",
        "open",
        "listed address",
        "high",
        alert={
            **SCAN,
            "id": "alert-xyz789",
            "key": "bad|1",
            "detector": "command_and_control.malicious_address",
            "count": 1,
        },
    ),
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log of the records above."""
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in LOG), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small office in a state folder: inventory, traffic records, and the log in ``events.jsonl``."""
    return copy_of_office(tmp_path_factory)


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """A folder with the inventory of three devices: a printer in VLAN 30, a camera, and a laptop with a wired and a
    wireless interface.
    """
    from tests.runtime.test_keeper import Run

    folder = tmp_path / "state"
    with Run(folder) as run:
        run.story.sends(
            "00:17:c8:1a:2b:3c",
            "10.0.0.9",
            "dhcp.vendor_class",
            "type=printer@0.8;vendor=Kyocera@0.8;model=X@0.7",
            vlan=30,
        )
        run.story.sends("00:17:c8:1a:2b:3c", "10.0.0.9", "dhcp.hostname", "PRN", vlan=30)
        run.story.sends("00:17:c8:1a:2b:3c", "10.0.0.9", "http.server", "type=camera@0.2", vlan=30)
        run.story.sends("ac:cc:8e:00:00:01", "10.0.0.10", "mdns.txt.ty", "type=camera@0.85;vendor=Axis@0.8")
        run.story.sends("ac:cc:8e:00:00:01", "10.0.0.10", "mdns.hostname", "=cmd|calc")
        run.story.sends("00:1b:21:00:00:02", "10.0.0.5", "http.server", "type=workstation").sends(
            "00:1c:7f:00:00:01", "10.0.0.6", "http.server", "model=Y"
        ).at(8)
    return folder


@pytest.fixture
def run_cli(capsys: pytest.CaptureFixture[str], log: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command on the state folder of the log."""
    monkeypatch.setenv("SENSOR_STATE", str(log.parent))

    def run(*arguments: str) -> Result:
        try:
            code = main(arguments)
        except SystemExit as error:
            code = int(error.code or 0)
        return parted(code, *capsys.readouterr())

    return run


HEAD = re.compile(r"(?:sensor: )?(\S+ · (?:(?:live|replay|log) · )?(?:\d{4}-\d\d-\d\d .* UTC|time span unknown))\n")


ERROR = re.compile(r" \[([a-z]+\.[a-z-]+)\]$", re.MULTILINE)


def parted(code: int, out: str, err: str) -> Result:
    """Splits output into the line that names the dataset, the error codes, and the rest."""
    errors, err = tuple(ERROR.findall(err)), ERROR.sub("", err)
    if found := HEAD.match(out):
        return Result(code, out[found.end() :], err, found[1], errors)
    found = HEAD.search(err)
    return Result(
        code, out, err[: found.start()] + err[found.end() :] if found else err, found[1] if found else "", errors
    )

"""Generated records of a large site as lines of an event log: the same number gives the same record."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sensor.core.record_parts import time_text

DETECTORS = [
    f"{tactic}.{name}"
    for tactic in ("discovery", "lateral_movement", "command_and_control", "credential_access")
    for name in map("case{}".format, range(20))
]
SEVERITIES = ("info", "low", "medium", "high", "critical")
SITES = ("north", "south", "plant")
START, STEP = 1_764_000_000_000_000_000, 700_000_000


def alert(number: int, draw: random.Random) -> bytes:
    """One alert, open or with its close."""
    detector = draw.choice(DETECTORS)
    host, server = draw.randrange(20_000), draw.randrange(60_000)
    source, target = f"10.0.{host >> 8}.{host & 255}", f"10.1.{server >> 8}.{server & 255}"
    ts = START + number * STEP
    severity = draw.choices(SEVERITIES, (10, 30, 40, 15, 5))[0]
    name, last = f"host-{host}", time_text(ts + draw.randrange(3600) * 1_000_000_000)
    record = {
        "ts": last,
        "kind": "alert",
        "action": draw.choice(("open", "open", "close")),
        "severity": severity,
        "msg": (
            f"workstation {name} ({source}) asked {draw.randrange(900)} times for "
            f"site{draw.randrange(20_000)}.example.net at {target}"
        ),
        "id": f"01M{draw.getrandbits(48):013d}{number:010d}",
        "schema": "1.0",
        "sensor": {"id": "s1", "site": draw.choice(SITES), "version": "1", "seq": number},
        "alert": {
            "id": f"alert-{number:013x}", "detector": detector, "title": detector.replace(".", " "),
            "key": f"{detector}|{source}|{number}",
            "risk": draw.randrange(101), "confidence": 0.8, "count": draw.randrange(1, 50), "first": time_text(ts),
            "last": last,
            "attack": [{"tactic": "discovery", "technique": "T1046", "name": "Network Service Discovery"}],
            "why": ["so many names that do not exist within a minute are asked for by programs, not by people"] * 2,
            "numbers": {"names": draw.randrange(900), "seconds": 60}, "advice": (
                "look at the programs of that "
                "host"
            ), "mute": "sensor mute add",
        },
        "src": {"ip": source, "mac": f"00:17:c8:00:{host >> 8:02x}:{host & 255:02x}", "device": f"dev-{host:06x}",
        "hostname": name},
        "dst": {"ip": target, "port": 53},
        "network": {"proto": "udp", "app": "dns", "vlan": 30, "direction": "internal"},
        "evidence": [{"event": "dns.query", "ts": time_text(ts), "facts": {"name": "a.example.net", "type": "A"}}] * 2,
    }  # fmt: skip
    return msgspec.json.encode(record)


def write_log(path: Path, records: int, seed: int = 7) -> None:
    """A plain event log of so many alerts."""
    with path.open("wb") as file:
        for line in lines(records, seed):
            file.write(line + b"\n")


def lines(records: int, seed: int = 7) -> Iterator[bytes]:
    draw = random.Random(seed)
    return (alert(number, draw) for number in range(1, records + 1))

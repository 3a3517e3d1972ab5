"""State folders as runs leave them: real logs, and real inventories of a few devices."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.runtime.test_keeper import Run

DAY = "2026-11-24"


def line(kind: str, action: str, clock: str, **parts: Any) -> str:
    """A record as a line of a log."""
    origin = {"id": "hq", "version": "0.1.0", "seq": 1}
    one = {
        "ts": f"{DAY}T{clock}:00.000000Z",
        "kind": kind,
        "action": action,
        "severity": "info",
        "msg": f"{kind} {action}",
        "sensor": origin,
        **parts,
    }
    return json.dumps(one) + "\n"


def device(number: int, clock: str) -> str:
    seen = {"first_seen": f"{DAY}T{clock}:00.000000Z", "last_seen": f"{DAY}T{clock}:00.000000Z"}
    body = {
        "id": f"dev-{number}",
        "type": "printer",
        "ips": [f"10.0.0.{number}"],
        "macs": [f"00:17:c8:00:00:{number:02x}"],
        **seen,
    }
    return line("device", "new", clock, device=body)


def alert(number: int, clock: str) -> str:
    when = f"{DAY}T{clock}:00.000000Z"
    finding = {
        "key": f"discovery.port_scan|{number}",
        "detector": "discovery.port_scan",
        "title": "Port scan",
        "count": 1,
    }
    body = {"id": f"alert-abc{number:03}", "first": when, "last": when, **finding}
    return line(
        "alert", "open", clock, severity="high", alert=body, src={"ip": "10.0.0.9"}, dst={"ip": "10.0.0.10", "port": 22}
    )


def write_log(path: Path, *, devices: int = 2, alerts: int = 1, begin: str = "08:00", end: str = "08:20") -> Path:
    """The log of a run from ``begin`` to ``end``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (
        line("sensor", "started", begin),
        *(device(number, begin) for number in range(1, devices + 1)),
        *(alert(number, end) for number in range(alerts)),
        line("sensor", "stopped", end),
    )
    path.write_text("".join(_numbered(one, number) for number, one in enumerate(lines, 1)))
    return path


def _numbered(text: str, number: int) -> str:
    """With the number and the id that the log assigns."""
    one = json.loads(text)
    one["sensor"]["seq"] = number
    return json.dumps(one | {"id": f"01M86A72FGEX5J2911G{number:07}", "schema": "1.0"}) + "\n"


def write_inventory(folder: Path, *, devices: int = 3) -> Path:
    """The inventory of a run; without devices, that of a run without traffic."""
    with Run(folder) as run:
        for number in range(devices):
            run.story.sends(f"00:17:c8:1a:2b:{number:02x}", f"10.0.0.{number + 1}", "http.server", "type=camera@0.8")
    return folder / "inventory.db"


def age(folder: Path, seconds: int) -> None:
    """Set the modification time of all files to so long ago."""
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (2_000_000_000 - seconds,) * 2)


@contextmanager
def running(folder: Path) -> Iterator[None]:
    """Hold the lock of the inventory, as a running sensor does."""
    with (folder / "inventory.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield

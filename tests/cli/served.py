"""A sensor's status socket: a fixed status behind the real server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec

from sensor.telemetry.host_facts import HostFacts
from sensor.telemetry.served import Served
from sensor.telemetry.server import Server

Status = dict[str, Any]


def status_now(**other: Any) -> Status:
    """The status of a healthy sensor, with some of its fields replaced."""
    now = time.time()
    return {
        "sensor": {"id": "hq", "site": "HQ", "version": "0.1.0", "python": "3.13"}, "ts": now, "began": now - 7200,
        "uptime_s": 7200.0,
        "interfaces": {"eth0": {"packets": 5000, "dropped": 0, "returns": 0},
        "eth1": {"packets": 60, "dropped": 7, "returns": 2}},
        "traffic": {
            "packets": 5060, "bytes": 1 << 20, "wire_bytes": 3 << 20, "dropped": 7, "shed": 0, "malformed": 1,
            "selected": 90, "backlog": 0.25,
            "ring_bytes": 64 << 20, "damages": [],
        },
        "flows": {"opened": 70, "open": 12},
        "devices": {"devices": 10, "pending": 1, "by_type": {"printer": 3, "unknown": 5, "camera": 2}},
        "alerts": {"open": {"low": 2, "high": 1, "medium": 0}, "incidents": 1, "muted": 4, "below": 0},
        "newest": [{"ts": "2026-11-24T09:14:07.318442Z", "severity": "high", "id": "alert-abc123", "detector": "x.y",
        "msg": "evil scans"}],
        "log": {"path": "/var/lib/sensor/events.jsonl", "bytes": 5 << 20, "segments": 2, "oldest": now - 86_400 * 5,
        "waiting_bytes": 0, "stalled": False},
        "traffic_records": {"dropped": 0}, "evidence": {"dropped": 0},
        "outputs": {"siem": {"state": "idle", "delivered": 1000, "pending": 0, "refused": 2, "written": now},
        "chat": {}},
        "intel": {"entries": 9, "lists": {"a.list": {"entries": 9, "written": now - 7300}}, "left_out": 1,
        "unread": 0, "why": ["a.list:2:1: found x"]},
        "rules": {"used": 2, "faults": 0, "why": []}, "configuration": {"faults": [], "restart": []},
        "health": {"reported": {}, "lasting": {}}, "faults": {},
        "process": {"pid": 4711, "cpu_s": 72.0, "memory_bytes": 100 << 20, "descriptors": 20, "threads": 9},
    } | other  # fmt: skip


class Fixed(HostFacts):
    """A status that grows by one second and a hundred packets with each query."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    def added(self, engine: Status) -> Status:
        if (
            isinstance(engine.get("uptime_s"), float)
            and isinstance(engine.get("traffic"), dict)
            and "packets" in engine["traffic"]
        ):
            engine["uptime_s"] += self.looks
            engine["traffic"]["packets"] += 100 * self.looks
        self.looks += 1
        return engine


def serve(path: Path, status: Any) -> Server:
    result = Served(Fixed())
    result.put(msgspec.json.encode(status))
    return Server(result, path, None)

"""Captures interfaces until SIGINT, and prints what was received. For test_live.py."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from sensor.capture.live import open_live
from sensor.capture.source import CaptureError

FIELDS = ["ts", "source", "link", "caplen", "wirelen", "vlan", "spare"]
CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


def main(names: list[str], options: dict[str, Any], nap: float) -> int:
    """``nap``: seconds for each batch."""
    if options.pop("without_rings", False):
        del socket.AF_PACKET
    try:
        source = open_live(names, **options)
    except CaptureError as error:
        print(json.dumps({"refused": str(error)}), flush=True)
        return 1
    stopped: list[float] = []

    def stop(*_: object) -> None:
        stopped.append(time.monotonic())
        source.stop()

    signal.signal(signal.SIGINT, stop)
    frames, empty, longest, last = list[list[Any]](), 0, 0.0, time.monotonic()
    for batch in source.batches():
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
        if not len(batch):
            empty += 1
            if empty == 1:
                print("ready", flush=True)
            continue
        frames += [[*row, batch.frame(at)[:64].hex()] for at, row in enumerate(batch.rows[FIELDS].tolist())]
        time.sleep(nap)
        batch.release()
    reported = {"frames": frames, "empty": empty, "answered": time.monotonic() - stopped[0], "longest": longest}
    source.close()
    print(json.dumps(reported | of_source(source) | of_process()))
    return 0


def of_source(source: Any) -> dict[str, Any]:
    return {
        "packets": source.tally.packets,
        "dropped": sum(source.tally.dropped.values()),
        "received": [ring.received for ring in source.rings],
        "read": [ring.read for ring in source.rings],
        "returns": [ring.returns for ring in source.rings],
        "damages": [str(damage) for damage in source.damages],
    }


def of_process() -> dict[str, Any]:
    """Its user and capabilities."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    status = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    capabilities = [status[name] for name in CAPABILITIES]
    return {"uid": os.getuid(), "capabilities": capabilities, "no_new": status["NoNewPrivs"]}


if __name__ == "__main__":
    sys.exit(main(*json.loads(sys.argv[1])))

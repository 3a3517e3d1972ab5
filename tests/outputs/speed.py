"""Throughput of outputs over HTTP: ``python -m tests.outputs.speed`` prints events a second of send(), over loopback,
to a receiver in its own process.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.outputs.batches import entries
from tests.outputs.services import SECRET

EVENTS, BATCH = 20_000, 500


def measure(name: str, service: str, **options: Any) -> float:
    """Events a second. ``name``: file and class of the output; ``URL`` in options is the receiver's address."""
    module, _, kind = name.partition(".")
    made = getattr(importlib.import_module(f"sensor.outputs.{module}"), kind)
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "tests.outputs.receiver",
            "--store",
            str(Path(folder) / "store"),
            "--service",
            service,
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as receiver:
            try:
                port = receiver.stdout.readline().split()[1] if receiver.stdout else ""
                output = made(
                    "speed",
                    made.Options.model_validate(
                        {
                            name: f"http://127.0.0.1:{port}/" if value == "URL" else value
                            for name, value in {"url": "URL", **options}.items()
                        }
                    ),
                )
                output.open()
                batches = [
                    entries(BATCH, first=first, format=output.options.format or "native")
                    for first in range(1, EVENTS, BATCH)
                ]
                begin = time.perf_counter()
                for batch in batches:
                    output.send(batch)
                took = time.perf_counter() - begin
                output.close()
            finally:
                receiver.terminate()
    return EVENTS / took


if __name__ == "__main__":
    for packing in ("none", "gzip", "zstd"):
        print(f"http {packing}: {measure('http.Http', 'plain', packing=packing):,.0f} events/s")
    for name in ("native", "ecs"):
        print(f"elasticsearch {name}: {measure('elasticsearch.Elasticsearch', 'bulk', format=name):,.0f} events/s")
    os.environ["SECRET"] = SECRET
    print(f"splunk_hec: {measure('splunk_hec.SplunkHec', 'hec', token='env:SECRET'):,.0f} events/s")
    application = {"rule": "dcr-1", "tenant": "t", "client_id": "c", "client_secret": "env:SECRET", "login": "URL"}
    print(f"sentinel: {measure('sentinel.Sentinel', 'sentinel', **application):,.0f} events/s")

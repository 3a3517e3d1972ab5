"""The cost of the writer of records: from generated connections to files listed in the manifest."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.core.addresses import V4
from sensor.core.time_units import SECOND
from sensor.records.block import CONNECTION, CONTEXT_BLOCK, SECTION, block
from sensor.records.messages import CONNECTIONS
from sensor.records.tail import FOLDER, SUFFIX
from sensor.records.writer import Writer

START, EVERY, BLOCK_ROWS = 1_790_000_000 * SECOND, SECOND // 700, 2_000
CONTEXT = {"version": 1, "run": 1, "kinds": [], "sensor": "s", "site": "", "networks": [], "interfaces": ["eth0"]}
SERVICES, HOSTS = [b"tls", b"dns"], [b"host%d.example.com" % number for number in range(300)]
JA4 = b"t13d1516h2_8daaf6152771_02713d6af862"


class Cost(NamedTuple):
    """CPU microseconds and bytes per row."""

    cpu_us: float
    size: float


def cost(folder: Path, rows: int) -> Cost:
    """The cost of so many connections, rounded up to a block."""
    (folder / FOLDER).mkdir(parents=True)
    random, texts = np.random.default_rng(1), [*SERVICES, *HOSTS, JA4]
    ends = np.cumsum([len(text) for text in texts], dtype=np.uint64)
    sizes = np.array([len(text) for text in texts], np.uint64)
    spans = (ends - sizes) << np.uint64(32) | sizes
    with (folder / FOLDER / f"run-000001{SUFFIX}").open("wb") as file:
        file.write(block(json.dumps(CONTEXT).encode(), 0, CONTEXT_BLOCK))
        for first in range(0, rows, BLOCK_ROWS):
            flows = connections(first, random)
            file.write(block(section(flows, spans, b"".join(texts)), int(flows["ts"].max())))
    writer = Writer(folder, print, durable=False)
    try:
        begun = time.process_time()
        written = writer.write(final=True)
        spent = time.process_time() - begun
        return Cost(spent / written * 1e6, sum(file.size for file in writer.manifest.files()) / written)
    finally:
        writer.close()


def connections(first: int, random: np.random.Generator) -> npt.NDArray[np.void]:
    """Ended flows: 400 clients, few servers that are frequent and many that are rare."""
    made = np.zeros(BLOCK_ROWS, CONNECTION)
    made["flow"], made["kind"] = np.arange(first, first + BLOCK_ROWS), 4
    made["first"] = START + made["flow"].astype(np.int64) * EVERY
    made["last"] = made["ts"] = made["first"] + random.integers(0, 60 * SECOND, BLOCK_ROWS)
    client, server = np.minimum(random.zipf(1.3, BLOCK_ROWS), 400), np.minimum(random.zipf(1.2, BLOCK_ROWS), 200_000)
    made["client_lo"], made["server_lo"] = V4 | 0x0A140000 + client, V4 | 0xC6120000 + server
    made["client_mac"], made["server_mac"] = 0x001122000000 + client, 0x001122FF0001
    made["server_port"] = random.choice([443, 53, 80, 445, 123], BLOCK_ROWS, p=[0.5, 0.3, 0.1, 0.05, 0.05])
    made["client_port"] = random.integers(1024, 65535, BLOCK_ROWS)
    made["proto"] = np.where(np.isin(made["server_port"], [53, 123]), 17, 6)
    made["answered"] = made["traced"] = 1
    made["first_flags"], made["letters"] = 2, np.where(made["proto"] == 6, 0x1234567, 0x44)
    for side in ("client", "server"):
        made[f"{side}_bytes"] = made[f"{side}_data"] = random.lognormal(7, 2, BLOCK_ROWS).astype(np.uint64)
        made[f"{side}_packets"] = random.integers(1, 60, BLOCK_ROWS)
    return made


def section(flows: npt.NDArray[np.void], spans: npt.NDArray[np.uint64], text: bytes) -> bytes:
    """A section as the engine passes it: service, host name and JA4 as spans of the text."""
    words, tls = np.zeros((len(flows), 3), np.uint64), flows["server_port"] == 443
    words[:, 0] = np.where(tls, spans[0], spans[1])
    words[tls, 1] = spans[len(SERVICES) + flows["server_lo"][tls].astype(np.int64) % len(HOSTS)]
    words[tls, 2] = spans[-1]
    head = np.zeros(1, SECTION)
    head[0] = (CONNECTIONS, CONNECTION.itemsize, words.shape[1], 0, len(flows), len(text))
    return head.tobytes() + flows.tobytes() + words.tobytes() + text

"""XMRig connects to a mining pool over TLS, with an inconspicuous port and server name. Needs xmrig and openssl.

Run it as ``python -m pcaps.lab.attacks.mining``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Lab, record

INTERNAL, EXTERNAL, PORT = "10.20.10.66", "203.0.113.77", 8443
DIFFICULTY = 4000  # about one share in ten seconds


def mining_tls(lab: Lab) -> Iterator[None]:
    external, internal = lab.external("far", EXTERNAL), lab.host("desk", INTERNAL)
    pem = str(lab.folder / "pool.pem")
    lab.run(
        external, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=node7.example",
        "-days", "365", "-keyout", pem, "-out", str(lab.folder / "pool.crt"),
    )  # fmt: skip
    with Path(pem).open("a", encoding="ascii") as key:
        key.write((lab.folder / "pool.crt").read_text(encoding="ascii"))
    lab.start(external, sys.executable, "-m", "pcaps.lab._pool", str(PORT), pem, str(DIFFICULTY), port=PORT)
    yield
    lab.start(
        internal, "nice", "-n", "19", "xmrig", "-o", f"{EXTERNAL}:{PORT}", "--tls", "-u", "4" + "A" * 94, "-p", "x",
        "-a", "cn-pico", "-t", "1", "--no-color", "--keepalive", "--donate-level", "1", "--no-huge-pages",
    )  # fmt: skip
    time.sleep(300)


if __name__ == "__main__":
    record(Path(__file__).parent, mining_tls=mining_tls)

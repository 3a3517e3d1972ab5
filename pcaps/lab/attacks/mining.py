"""XMRig mines at a pool over TLS, on a port and under an address that say nothing. Needs xmrig and openssl.

Run it as ``python -m pcaps.lab.attacks.mining``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Lab, record

INSIDE, FAR, PORT = "10.20.10.66", "203.0.113.77", 8443
DIFFICULTY = 4000  # about one share in ten seconds


def mining_tls(lab: Lab) -> Iterator[None]:
    far, inside = lab.outside("far", FAR), lab.host("desk", INSIDE)
    whole = str(lab.folder / "pool.pem")
    lab.run(
        far, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=node7.example",
        "-days", "365", "-keyout", whole, "-out", str(lab.folder / "pool.crt"),
    )  # fmt: skip
    with Path(whole).open("a", encoding="ascii") as key:
        key.write((lab.folder / "pool.crt").read_text(encoding="ascii"))
    lab.start(far, sys.executable, "-m", "pcaps.lab._pool", str(PORT), whole, str(DIFFICULTY), port=PORT)
    yield
    lab.start(
        inside, "nice", "-n", "19", "xmrig", "-o", f"{FAR}:{PORT}", "--tls", "-u", "4" + "A" * 94, "-p", "x",
        "-a", "cn-pico", "-t", "1", "--no-color", "--keepalive", "--donate-level", "1", "--no-huge-pages",
    )  # fmt: skip
    time.sleep(300)


if __name__ == "__main__":
    record(Path(__file__).parent, mining_tls=mining_tls)

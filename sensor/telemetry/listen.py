"""Where the status is served: on a unix socket, and over TCP only on loopback. Access from elsewhere needs a proxy with
authentication.
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path

SOCKET = "sensor.sock"
EXPECTED = "expected a loopback address with a port, such as 127.0.0.1:9469"


def parse_listen(text: str) -> tuple[str, int]:
    """Address and port. Raises ValueError with the expected form."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    host = "127.0.0.1" if host == "localhost" else host
    if not is_loopback(host):
        raise ValueError(f"found {text!r}, {EXPECTED}: the sensor listens on loopback only")
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise ValueError(f"found {text!r}, {EXPECTED}")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether it is a loopback address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def usual_socket(state: Path, runtime: str | None = None) -> Path:
    """The default socket: in the run-time folder of systemd (systemd.exec(5)), otherwise in the state folder."""
    folder = (os.environ.get("RUNTIME_DIRECTORY", "") if runtime is None else runtime).split(":")[0]
    return Path(folder or state) / SOCKET

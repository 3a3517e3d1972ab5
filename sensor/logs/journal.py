"""The systemd journal, in its native protocol: one datagram per message, with fields
(https://systemd.io/JOURNAL_NATIVE_PROTOCOL/).
"""

from __future__ import annotations

import os
import re
import socket
import struct
import sys
from collections.abc import Mapping

SOCKET = "/run/systemd/journal/socket"
IDENTIFIER = "sensor"
# syslog(3).
PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3}
NAME_LIMIT, VALUE_LIMIT = 64, 8192


def is_ours() -> bool:
    """Whether standard error is connected to the journal: $JOURNAL_STREAM then has its device and inode
    (systemd.exec(5)).
    """
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        there = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):  # closed, or absent
        return False
    return (device, inode) == (str(there.st_dev), str(there.st_ino))


class Journal:
    """A connection to the journal. Raises OSError if there is no journal."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        # A slow journal must not block the capture.
        self._socket.setblocking(False)
        try:
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise

    def send(self, message: str, level: str, fields: Mapping[str, str]) -> None:
        """Send one message. Raises OSError if the journal rejects it."""
        head = {"MESSAGE": message, "PRIORITY": str(PRIORITIES.get(level, 6)), "SYSLOG_IDENTIFIER": IDENTIFIER}
        own = {f"SENSOR_{field_name(name)}": value for name, value in fields.items()}
        self._socket.send(b"".join(encoded(name[:NAME_LIMIT], value) for name, value in (head | own).items()))

    def close(self) -> None:
        self._socket.close()


def field_name(name: str) -> str:
    """A valid field name: upper-case letters, digits and underscores."""
    return re.sub(r"[^A-Z0-9_]", "_", name.upper())


def encoded(name: str, value: str) -> bytes:
    """A field; a multi-line value is preceded by its length."""
    data = value.encode("utf-8", "replace")[:VALUE_LIMIT]
    if b"\n" not in data:
        return name.encode() + b"=" + data + b"\n"
    return name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"

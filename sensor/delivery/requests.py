"""Requests to a running forwarder: a file beside the cursor of an output, deleted once it is processed."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sensor.delivery.position import replace_file
from sensor.eventlog.segments import cursors_of


class Request(msgspec.Struct):
    """Go back to ``seq``."""

    seq: int


def request_path(log: Path, name: str) -> Path:
    return cursors_of(log) / f"{name}.replay"


def request_replay(log: Path, name: str, seq: int) -> None:
    """Write a request. Raises OSError if it cannot be written."""
    replace_file(request_path(log, name), msgspec.json.encode(Request(seq)), durable=True)


def requested(log: Path, name: str) -> int | None:
    """The number after which everything is sent again; None without a valid request."""
    try:
        return max(0, msgspec.json.decode(request_path(log, name).read_bytes(), type=Request).seq)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def done_with(log: Path, name: str) -> None:
    request_path(log, name).unlink(missing_ok=True)

"""Status of a log's outputs as they last wrote it, and going back, whether a forwarder runs or not."""

from __future__ import annotations

import contextlib
import errno
import time
from collections.abc import Mapping
from pathlib import Path

from sensor.core.output import Options
from sensor.delivery.forwarder import HEARTBEAT_S, Lock, last_number
from sensor.delivery.position import Position, found_position, save_position
from sensor.delivery.requests import request_replay
from sensor.delivery.section import type_of
from sensor.delivery.status import Status, load_status
from sensor.eventlog.log_end import end_of
from sensor.eventlog.log_lines import LogLines
from sensor.eventlog.log_offsets import place_since, time_in
from sensor.eventlog.segments import cursors_of, number_of


def reported(log: Path, outputs: Mapping[str, Options]) -> list[Status]:
    """The last status of each output with current pending counts. An output that never ran has everything pending.
    Raises OSError if the log or a position cannot be read: the counts are unknown then.
    """
    with contextlib.suppress(FileNotFoundError):
        end_of(log)
    end, found = last_number(log), []
    for name, options in outputs.items():
        place = found_position(cursors_of(log) / f"{name}.json") or Position()
        status = load_status(log, name) or Status(name, type_of(options), "stopped")
        if not running(log, name):
            status.state, status.next_try = "stopped", 0.0
            status.records_stalled_since = 0.0
        status.seq = place.seq
        status.alerts = place.alerts
        status.pending = place.pending(max(end, place.seq, place.alerts))
        status.delivered = place.delivered
        status.filtered = place.filtered
        status.refused = place.refused
        status.missing = place.missing
        status.read = place.done + status.pending
        found.append(status)
    return found


def running(log: Path, name: str) -> bool:
    """Whether a forwarder delivers to an output."""
    if not cursors_of(log).is_dir():
        return False
    try:
        Lock(log, name, 0).close()
    except OSError as error:
        if error.errno == errno.EBUSY:
            return True
        # Without permission to read the log, the last status is used.
        status = load_status(log, name)
        return status is not None and status.state != "stopped" and time.time() - status.written < 3 * HEARTBEAT_S
    return False


def number_before(log: Path, since: str) -> int:
    """The number before the first record since a time (RFC 3339, UTC); the last of the log if there is none since.
    Raises OSError if the log cannot be read.
    """
    place = place_since(log, since)
    if place is None:
        return 0
    lines = LogLines(log, place.segment, place.at, place.line)
    try:
        while some := lines.more():
            for line in some:
                ts = time_in(line)
                if ts is not None and ts >= since.encode() and (number := number_of(line)) is not None:
                    return number - 1
    finally:
        lines.close()
    return last_number(log)


def gone_back(log: Path, name: str, before: int) -> tuple[int, bool]:
    """Move an output back to a number. Returns how many records are sent again, and whether a running forwarder was
    requested to do so. Raises OSError on failure.
    """
    path = cursors_of(log) / f"{name}.json"
    place = found_position(path) or Position()
    again = max(0, place.seq - before) + place.ahead
    try:
        lock = Lock(log, name)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        request_replay(log, name, before)
        return again, True
    try:
        place.back_to(before)
        save_position(path, place, durable=True)
    finally:
        lock.close()
    return again, False

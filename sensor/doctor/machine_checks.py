"""Checks of the machine: privileges, clock, and the folders a sensor writes to."""

from __future__ import annotations

from sensor.capture.packet_ring import no_permission
from sensor.core.reader import clean
from sensor.doctor.finding import CheckResult, error, ok, warning
from sensor.doctor.machine import Clock, Folder

MIB = 1 << 20
LEAST_FREE = 64 * MIB
"""Less free space does not even fit one segment of the log."""

FULL_INODES = 0.95
SLOW_S = 0.2
"""Longest time of a durable write: records reach their receivers with the same delay."""


def permission(allowed: bool) -> CheckResult:
    """The process has permission to capture."""
    if not allowed:
        _, cause, advice = no_permission("").split(": ", 2)
        return error(cause, advice)
    return ok("capture is permitted (CAP_NET_RAW); `sensor run` drops the capability once the interfaces are open")


def clock(state: Clock) -> CheckResult | None:
    """The clock is synchronized."""
    if state.synchronised is None:
        return None
    if not state.synchronised:
        advice = "timedatectl set-ntp true   (systemd-timesyncd), or install chrony"
        return warning(
            "the clock is not synchronized: times of events are not comparable with those of other hosts", advice
        )
    return ok(f"the clock is synchronized, within {state.error_s:.3f} s", error_s=round(state.error_s, 6))


def writable(folder: Folder) -> CheckResult:
    """The folder is writable."""
    path = clean(folder.path)
    if folder.problem:
        return error(
            f"not writable: {folder.problem}",
            f"install -d -o USER {path}, or select another folder in the configuration (events:, state:)",
        )
    made = "" if folder.there == folder.path else f"; it is created in {clean(folder.there)} when needed"
    return ok(f"is writable{made}")


def space(folder: Folder) -> CheckResult | None:
    """The disk has space for the size limits of the log and the packets of alerts."""
    if folder.problem:
        return None
    free = f"{folder.free // MIB:,} MiB free"
    facts = {"free": folder.free, "needed": folder.needed, "inodes": round(folder.inodes, 4)}
    if folder.free < LEAST_FREE:
        return error(f"the disk is full: {free}", f"free space: du -xsh {clean(folder.there)}/*", **facts)
    if folder.inodes > FULL_INODES:
        return warning(
            f"{folder.inodes:.0%} of the disk's inodes are used",
            f"free space: du -x --inodes -d1 {clean(folder.there)}",
            **facts,
        )
    if folder.free < folder.needed:
        found = f"{free}, and the log and the evidence may grow by {folder.needed // MIB:,} MiB"
        return warning(found, "lower retention.size_mib or evidence.mib in the configuration, or free space", **facts)
    return ok(free, **facts)


def disk_speed(folder: Folder) -> CheckResult | None:
    """Writes reach the disk quickly."""
    if folder.problem:
        return None
    if folder.sync_s > SLOW_S:
        found = (
            f"the disk took {folder.sync_s:.2f} s for one small write: events are durable and delivered only after it"
        )
        return warning(
            found,
            "move events: to another disk, or find the load of this one: iostat -x 1",
            sync_s=round(folder.sync_s, 3),
        )
    return ok(f"a small write is on the disk after {folder.sync_s * 1000:.1f} ms", sync_s=round(folder.sync_s, 6))


RIGHTS = (permission,)
CLOCK = (clock,)
FOLDER = (writable, space, disk_speed)

"""Flow: the packets between two endpoints, and the changes of flows that the decode pass reports as columns.

A change is one row of CHANGE: a flow began (NEW), its server answered (ANSWERED) or refused (REFUSED), it ended
(ENDED), or a long flow continues (PROGRESS): each time the bytes of one side pass a power of four, starting at one
mebibyte. ``row`` is the index in the batch of the packet that caused the change (-1: a clock tick), counters are those
at that moment, and ``last`` is the time of the last packet (``ts``: when the change was noticed). Of an answered TCP
connection whose frames a mirror port doubles, counters have each frame once. ICMP flows carry type and code as client
and server port.
"""

from __future__ import annotations

import enum

import msgspec
import numpy as np

CHANGE = np.dtype(
    [
        ("ts", "i8"),
        ("first", "i8"),
        ("flow", "u8"),
        ("client_hi", "u8"),
        ("client_lo", "u8"),
        ("server_hi", "u8"),
        ("server_lo", "u8"),
        ("client_mac", "u8"),
        ("server_mac", "u8"),
        ("client_bytes", "u8"),
        ("server_bytes", "u8"),
        ("client_packets", "u4"),
        ("server_packets", "u4"),
        ("row", "i4"),
        ("slot", "i4"),
        ("client_port", "u2"),
        ("server_port", "u2"),
        ("vlan", "u2"),
        ("source", "u2"),
        ("kind", "u1"),
        ("proto", "u1"),
        ("reason", "u1"),
        ("answered", "u1"),
        ("spare", "u4"),
        ("last", "i8"),
    ]
)


class Change(enum.IntEnum):
    """Values of column ``kind``."""

    NEW = 1
    ANSWERED = 2
    REFUSED = 3
    ENDED = 4
    PROGRESS = 5


class Reason(enum.IntEnum):
    """Why a flow ended: values of column ``reason``."""

    NONE = 0
    FINISHED = 1
    RESET = 2
    IDLE = 3
    EVICTED = 4
    STOPPED = 5


class Flow(msgspec.Struct, frozen=True, gc=False):
    """One change as an object, created only for changes that a detector reads."""

    ts: int
    first: int
    uid: int
    client: int
    server: int
    client_mac: int
    server_mac: int
    client_port: int
    server_port: int
    proto: int
    vlan: int
    source: int
    kind: Change
    reason: Reason
    answered: bool
    client_packets: int
    server_packets: int
    client_bytes: int
    server_bytes: int


def flow_of(change: np.void) -> Flow:
    """The Flow of one row of CHANGE."""
    (
        ts,
        first,
        uid,
        c_hi,
        c_lo,
        s_hi,
        s_lo,
        c_mac,
        s_mac,
        c_bytes,
        s_bytes,
        c_packets,
        s_packets,
        _,
        _,
        c_port,
        s_port,
        *rest,
    ) = change.tolist()
    vlan, source, kind, proto, reason, answered, _, _ = rest
    return Flow(
        ts, first, uid, c_hi << 64 | c_lo, s_hi << 64 | s_lo, c_mac, s_mac, c_port, s_port, proto, vlan, source,
        Change(kind), Reason(reason), bool(answered), c_packets, s_packets, c_bytes, s_bytes,
    )  # fmt: skip

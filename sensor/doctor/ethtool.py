"""Settings of a network card, read from the kernel by ioctl (linux/ethtool.h). Needs no privileges and
changes nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import socket  # noqa: TID251 - an ioctl needs one; nothing is sent
import struct
from collections.abc import Iterator

SIOCETHTOOL = 0x8946
GET_RINGS, GET_STRINGS, GET_SET_INFO, GET_FEATURES = 0x10, 0x1B, 0x37, 0x3A
FEATURES_SET = 4
NAME_SIZE = 32
MOST_FEATURES = 1024
"""Far more than any kernel has (64 to 96)."""


@contextlib.contextmanager
def asking() -> Iterator[socket.socket]:
    """A socket for ioctl requests."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        yield sock


def features(sock: socket.socket, name: str) -> dict[str, bool]:
    """State of each offload, by the kernel's name for it (``rx-gro``, ``rx-lro``, ``rx-gro-hw``, ``rx-vlan-hw-parse``
    …); empty if unknown.
    """
    count = _count(sock, name)
    names = _ask(sock, name, struct.pack("=III", GET_STRINGS, FEATURES_SET, count), 12 + NAME_SIZE * count)
    blocks = (count + 31) // 32
    states = _ask(sock, name, struct.pack("=II", GET_FEATURES, blocks), 8 + 16 * blocks)
    if not count or names is None or states is None:
        return {}
    found = {}
    for number in range(count):
        feature = names[12 + NAME_SIZE * number :][:NAME_SIZE].split(b"\0")[0].decode("ascii", "replace")
        active: int = struct.unpack_from("=I", states, 8 + 16 * (number // 32) + 8)[0]
        if feature:
            found[feature] = bool(active >> number % 32 & 1)
    return found


def receive_ring(sock: socket.socket, name: str) -> tuple[int, int]:
    """Current and maximum size of the card's receive ring in frames; zeroes if unknown."""
    answer = _ask(sock, name, struct.pack("=I", GET_RINGS), 36)
    if answer is None:
        return 0, 0
    most, now = struct.unpack_from("=I", answer, 4)[0], struct.unpack_from("=I", answer, 20)[0]
    return now, most


def _count(sock: socket.socket, name: str) -> int:
    """Number of features in the kernel."""
    answer = _ask(sock, name, struct.pack("=IIQ", GET_SET_INFO, 0, 1 << FEATURES_SET), 20)
    if answer is None or not struct.unpack_from("=Q", answer, 8)[0]:
        return 0
    count: int = struct.unpack_from("=I", answer, 16)[0]
    return count if count <= MOST_FEATURES else 0


def _ask(sock: socket.socket, name: str, head: bytes, size: int) -> bytes | None:
    """The kernel's response to a request of ``size`` bytes; None if the driver does not support it."""
    memory = ctypes.create_string_buffer(head, size)
    try:
        fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("16sP16x", name.encode(), ctypes.addressof(memory)))
    except OSError:
        return None
    return memory.raw

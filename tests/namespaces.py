"""Network namespaces for forked programs (tests/forked.py), in place of ``ip netns exec`` and ``unshare --net``."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

# sched.h, sys/mount.h and linux/if.h.
NEW_MOUNTS, NEW_NETWORK = 0x00020000, 0x40000000
RECURSIVE, SLAVE, DETACH = 0x4000, 0x80000, 2
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 1
NAMED = Path("/run/netns")


def enter(name: str) -> None:
    """Give this process the network of a namespace of ``ip netns``, and the /sys that shows it."""
    _enter(NAMED / name)


def enter_that_of(pid: int) -> None:
    """The same with the namespace of another process."""
    _enter(Path(f"/proc/{pid}/ns/net"))


def leave() -> None:
    """Give this process a network of its own, with only loopback, which is up."""
    _call("unshare", NEW_NETWORK)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, GET_FLAGS, request))[1]
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sH14x", b"lo", flags | UP))


def _enter(path: Path) -> None:
    namespace = os.open(path, os.O_RDONLY)
    _call("setns", namespace, NEW_NETWORK)
    os.close(namespace)
    _call("unshare", NEW_MOUNTS)
    _call("mount", b"none", b"/", None, SLAVE | RECURSIVE, None)
    _call("umount2", b"/sys", DETACH)
    _call("mount", b"sensor", b"/sys", b"sysfs", 0, None)


def _call(name: str, *arguments: object) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments):
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")

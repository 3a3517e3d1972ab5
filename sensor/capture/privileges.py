"""Drops the privileges that capturing needed, permanently, once everything is open.

Linux: capabilities(7), PR_SET_NO_NEW_PRIVS of prctl(2). The kernel keeps capabilities per thread, so privileges must be
dropped before other threads start; ``privileged_threads`` lists the threads that a library has started before.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from sensor.capture.source import CaptureError, NotPermitted

VERSION_3 = 0x20080522
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 24, 38, 47, 4
LAST_CAPABILITY = 63


def drop_privileges(user: str = "") -> None:
    """Change to ``user`` if one is named (needs root), then clear every capability of this thread permanently. Raises
    CaptureError if that fails.
    """
    clear_bounding_set()
    if user:
        become(user)
    if sys.platform == "linux":
        clear_capabilities()


def become(user: str) -> None:
    """Change to the user and its primary group, without supplementary groups."""
    import pwd

    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise CaptureError(f"user {user!r} to run as does not exist: create it, or configure another") from None
    if os.getuid() == entry.pw_uid:
        return
    try:
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    except OSError as error:
        raise NotPermitted(
            f"cannot become user {user!r}: {error.strerror}; start as root, or configure no user"
        ) from None


def clear_bounding_set() -> None:
    """Prevent programs started from now on from gaining capabilities; needs CAP_SETPCAP. Without it there is nothing to
    clear.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in range(LAST_CAPABILITY + 1):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def clear_capabilities() -> None:
    """Clear the effective, permitted, inheritable and ambient sets, and prevent programs started from now on from
    gaining privileges.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if libc.capset(header, nothing):
        raise CaptureError(f"cannot drop privileges: {os.strerror(ctypes.get_errno())}")


def privileged_threads() -> list[int]:
    """Threads of this process that still have capabilities: none if the privileges were dropped before any thread was
    started.
    """
    return [int(task.name) for task in sorted(Path("/proc/self/task").glob("*")) if _permitted(task / "status")]


def _permitted(status: Path) -> int:
    """The permitted capabilities in a status file of /proc, as a bit mask."""
    try:
        lines = status.read_text().splitlines()
    except OSError:  # the thread has ended
        return 0
    return next((int(line.split()[1], 16) for line in lines if line.startswith("CapPrm:")), 0)

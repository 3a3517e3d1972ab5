"""Confinement of child processes that parse untrusted input: drop what an analysis never needs, then execute `sensor`.

    python -m sensor.console.confined ADDRESS-SPACE-BYTES CPU-SECONDS WORD…

Memory, processor time and core dumps are limited (setrlimit). A seccomp filter (seccomp(2), BPF) denies with EPERM the
system calls for sockets, tracing, mounts, namespaces, modules, keys, clocks and io_uring. It is installed on x86-64 and
arm64; on other machines only the limits apply.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import struct
import sys
from typing import NamedTuple

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER = 38, 22, 2
# linux/audit.h, linux/bpf_common.h, linux/seccomp.h
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE = 0, 4
ALLOW, EPERM = 0x7FFF0000, 0x00050001
# System call numbers from here on belong to the x32 ABI.
X32 = 0x40000000
# Numbers that all machines share: newer system calls for mounts, processes and io_uring.
_COMMON = (424, 425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 442)


class Machine(NamedTuple):
    """``token``: AUDIT_ARCH of linux/audit.h; ``refused``: system call numbers by name."""

    token: int
    refused: dict[str, int]


_NAMES = (
    "socket connect ptrace process_vm_readv process_vm_writev kcmp mount umount2 pivot_root chroot setns unshare "
    "init_module finit_module delete_module kexec_load kexec_file_load bpf perf_event_open userfaultfd add_key "
    "request_key keyctl name_to_handle_at open_by_handle_at reboot swapon swapoff acct settimeofday clock_settime "
    "adjtimex sethostname setdomainname quotactl syslog personality"
).split()
_X86_64 = (
    41, 42, 101, 310, 311, 312, 165, 166, 155, 161, 308, 272, 175, 313, 176, 246, 320, 321, 298, 323, 248,
    249, 250, 303, 304, 169, 167, 168, 163, 164, 227, 159, 170, 171, 179, 103, 135,
)  # fmt: skip
_ARM64 = (
    198, 203, 117, 270, 271, 272, 40, 39, 41, 51, 268, 97, 105, 273, 106, 104, 294, 280, 241, 282, 217,
    218, 219, 264, 265, 142, 224, 225, 89, 170, 112, 171, 161, 162, 60, 116, 92,
)  # fmt: skip
MACHINES = {
    "x86_64": Machine(0xC000003E, dict(zip(_NAMES, _X86_64, strict=True))),
    "aarch64": Machine(0xC00000B7, dict(zip(_NAMES, _ARM64, strict=True))),
}


def program(machine: Machine) -> bytes:
    """The filter as classic BPF instructions, eight bytes each."""
    numbers = (*machine.refused.values(), *_COMMON)
    tests = [(_AT_LEAST, X32, len(numbers) + 1, 0)]
    tests += [(_EQUAL, number, len(numbers) - place, 0) for place, number in enumerate(numbers)]
    lines = [
        (_LOAD, _ARCHITECTURE, 0, 0),
        (_EQUAL, machine.token, 0, len(tests) + 2),
        (_LOAD, _NUMBER, 0, 0),
        *tests,
        (_RETURN, ALLOW, 0, 0),
        (_RETURN, EPERM, 0, 0),
    ]
    return b"".join(struct.pack("=HBBI", code, yes, no, value) for code, value, yes, no in lines)


class _Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def refuse() -> bool:
    """Install the filter for this process and its children; False if there is none for this machine. Raises OSError if
    the kernel rejects it.
    """
    machine = MACHINES.get(platform.machine())
    if machine is None:
        return False
    code = program(machine)
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    wanted = _Program(len(code) // 8, code)
    for what in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, FILTER, ctypes.byref(wanted), 0, 0)):
        if prctl(*what):
            raise OSError(ctypes.get_errno(), "seccomp")
    return True


def limit(space: int, seconds: int) -> None:
    """Limit address space (bytes) and processor time (seconds), and set the lowest priority. Lower limits of a unit
    remain.
    """
    os.nice(19)
    for what, most in ((resource.RLIMIT_AS, space), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    limit(int(sys.argv[1]), int(sys.argv[2]))
    refuse()
    os.execv(sys.executable, [sys.executable, "-m", "sensor", *sys.argv[3:]])  # noqa: S606 - it becomes the command

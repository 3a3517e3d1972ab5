"""Operations that a child process analyzing a capture can no longer do, tried by a process that gave up its rights."""

from __future__ import annotations

import errno
import json
import platform
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from sensor.console.child import Limits, run
from sensor.console.confined import ALLOW, EPERM, MACHINES, X32, program

MACHINE = MACHINES.get(platform.machine())
needed = pytest.mark.skipif(MACHINE is None, reason="no filter for this machine")
TRIALS = """
import ctypes, json, os, socket, subprocess, sys, tempfile
from sensor.console.confined import refuse
assert refuse()
libc = ctypes.CDLL(None, use_errno=True)
def number(call):
    try:
        call()
    except OSError as error:
        return error.errno
    return 0
def plain(*words):
    ctypes.set_errno(0)
    return ctypes.get_errno() if libc.syscall(*words) == -1 else 0
print(json.dumps({
    "inet": number(lambda: socket.socket(socket.AF_INET)),
    "unix": number(lambda: socket.socket(socket.AF_UNIX)),
    "chroot": number(lambda: os.chroot("/")),
    "numbers": [plain(one, 0, 0, 0, 0, 0) for one in map(int, sys.argv[1:])],
    "file": number(lambda: tempfile.TemporaryFile().write(b"x")),
    "child": subprocess.run([sys.executable, "-c", "import socket; socket.socket()"], stderr=-3).returncode,
    "pair": number(socket.socketpair),
}))
"""


@needed
def test_sockets_and_the_kernel_are_out_of_reach_of_it_and_its_children() -> None:
    """Sockets and kernel interfaces are blocked; files and pipes still work."""
    assert MACHINE is not None
    refused = [str(number) for name, number in MACHINE.refused.items() if name != "reboot"]
    done = subprocess.run([sys.executable, "-c", TRIALS, *refused], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert {found["inet"], found["unix"], found["chroot"], *found["numbers"]} == {errno.EPERM}
    assert found["child"] == 1
    assert found["file"] == found["pair"] == 0


@pytest.mark.parametrize("name", MACHINES)
def test_the_program_refuses_exactly_its_numbers(name: str) -> None:
    """The BPF program is evaluated for every system call number, for another architecture, and for the x32 ABI."""
    machine = MACHINES[name]
    lines = [struct.unpack_from("=HBBI", program(machine), at) for at in range(0, len(program(machine)), 8)]

    def verdict(number: int, token: int = machine.token) -> int:
        at, kept = 0, 0
        while True:
            code, yes, no, value = lines[at]
            if code == 0x06:
                return int(value)
            if code == 0x20:
                kept = {0: number, 4: token}[value]
                at += 1
            else:
                at += 1 + (yes if (kept == value if code == 0x15 else kept >= value) else no)

    refused = {number for number in range(600) if verdict(number) == EPERM}
    assert refused >= set(machine.refused.values())
    assert len(refused) == len({*machine.refused.values()}) + 12
    assert verdict(1) == verdict(63) == ALLOW
    assert verdict(1, machine.token + 1) == EPERM
    assert verdict(X32 + 1) == EPERM


def test_a_command_runs_confined_and_reports_how_it_ended(tmp_path: Path) -> None:
    done = run(["version"], tmp_path, Limits())
    assert done.fault == ""
    assert done.output.startswith(b"sensor ")
    failed = run(["replay", str(tmp_path / "none.pcap")], tmp_path, Limits())
    assert failed.code == 3
    assert "none.pcap" in failed.fault

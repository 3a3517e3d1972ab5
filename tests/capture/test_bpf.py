"""Capture filters: compilation, error messages, and execution by the kernel."""

from __future__ import annotations

import socket
import sys

import pytest

from sensor.capture import bpf
from sensor.capture.source import CaptureError
from tests.kit import tcp_frame, udp_frame

WEB, NAMES = tcp_frame("10.0.0.1", "10.0.0.2", b"GET / HTTP/1.1\r\n"), udp_frame("10.0.0.1", "10.0.0.2", b"query")


def test_no_filter_lets_whole_frames_through():
    """Without a filter the program is a single instruction that cuts at the snapshot length."""
    assert bpf.compile_filter("", 1, 1500) == [(6, 0, 0, 1500)]
    assert bpf.compile_filter("  ", 1, 262144) == bpf.accept(262144)


def test_a_filter_ends_with_the_snap_length_or_with_nothing():
    """Every return of the program is the number of bytes to keep: the snapshot length, or 0."""
    program = bpf.compile_filter("udp port 53", 1, 96)
    assert {k for code, _, _, k in program if code == bpf.RETURN} == {0, 96}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("frobnicate", "syntax error"),
        ("tcp port port", "syntax error"),
        ("ip[0:9] = 1", "1, 2, or 4"),
        ("tcp and ether proto 'x", ""),
    ],
)
def test_a_filter_that_does_not_compile_is_named(text, why):
    """The error is one line with the filter and libpcap's message."""
    with pytest.raises(CaptureError) as caught:
        bpf.compile_filter(text, 1, 65535)
    assert repr(text) in str(caught.value)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_filter_on_vlans_needs_an_interface(golden):
    """Where no interface can be opened to compile the filter on, the error explains that."""
    with pytest.raises(CaptureError) as raised:
        bpf.compile_filter("vlan 5", 1, 65535, ())
    golden(str(raised.value))


def test_the_network_header_is_found_by_the_kernel():
    """Loads of packet bytes are relative to the network header; constants, jumps and metadata of the kernel stay."""
    program = [
        (0x28, 0, 0, 6),
        (0x15, 0, 1, 6),
        (0xB1, 0, 0, 0),
        (0x50, 0, 0, 4),
        (0x80, 0, 0, 0),
        (0x30, 0, 0, 0xFFFFF030),
        (0x60, 0, 0, 3),
        (6, 0, 0, 96),
    ]
    moved = bpf.from_network_header(program)
    assert [k for _, _, _, k in moved] == [0xFFF00006, 6, 0xFFF00000, 0xFFF00004, 0, 0xFFFFF030, 3, 96]
    assert [instruction[:3] for instruction in moved] == [instruction[:3] for instruction in program]


@pytest.mark.skipif(sys.platform != "linux", reason="classic BPF on sockets is Linux's")
@pytest.mark.parametrize(
    ("text", "length", "seen"),
    [("tcp port 80", 65535, [WEB]), ("udp", 20, [NAMES[:20]]), ("", 65535, [WEB, NAMES]), ("host 10.0.0.9", 65535, [])],
)
def test_the_kernel_runs_the_program(text, length, seen):
    """A socket with the program attached only receives matching packets, cut at the snapshot length."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with here, there:
        program = bpf.compile_filter(text, 1, length)
        bpf.attach(there, program)
        assert bpf._attached(there.fileno()) == program
        for frame in (WEB, NAMES):
            here.send(frame)
        there.setblocking(False)
        got = []
        while True:
            try:
                got.append(there.recv(4096))
            except BlockingIOError:
                break
        assert got == seen


@pytest.mark.skipif(sys.platform != "linux", reason="classic BPF on sockets is Linux's")
def test_a_muted_socket_receives_nothing():
    """A socket with the program that rejects everything receives nothing."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with here, there:
        bpf.attach(there, bpf.REJECT)
        here.send(WEB)
        with pytest.raises(BlockingIOError):
            there.recv(4096, socket.MSG_DONTWAIT)

"""Capture filters: libpcap compiles the text (man pcap-filter), and the kernel runs the program on every frame before
it reaches the ring.

A program is a list of classic BPF instructions ``(code, jump if true, jump if false, k)``. Frames are filtered only in
the kernel.
"""

from __future__ import annotations

import ctypes
import re
import socket
import struct

from sensor.capture.source import CaptureError, InvalidArguments

Program = list[tuple[int, int, int, int]]

RETURN = 0x06
CLASS, MODE = 0x07, 0xE0
ABSOLUTE, INDIRECT, HEADER_LENGTH = 0x20, 0x40, 0xA0
LOADS = (0x00, 0x01)
NETWORK_OFFSET = -0x100000
"""SKF_NET_OFF: an offset relative to the network header, regardless of the link header's length."""
SO_ATTACH_FILTER, SO_GET_FILTER = 26, 26
MAX_INSTRUCTIONS = 4096
UNKNOWN_NETMASK = 0xFFFFFFFF

REJECT: Program = [(RETURN, 0, 0, 0)]
"""Rejects all packets."""


def accept(snaplen: int) -> Program:
    """Accepts all packets, truncated to ``snaplen`` bytes."""
    return [(RETURN, 0, 0, snaplen)]


def compile_filter(text: str, link: int, snaplen: int, interfaces: tuple[str, ...] = ()) -> Program:
    """Compile a filter for a link type number. Raises CaptureError with the filter and libpcap's error message.

    For filters with VLANs, the compiler must know that this kernel removes tags from frames before filters see them,
    which it does only for an open interface. One of ``interfaces`` (all of the same link type) is therefore opened
    briefly, with the permissions that capturing needs anyway.
    """
    if not text.strip():
        return accept(snaplen)
    try:
        import pcapy
    except ImportError:
        raise CaptureError(f"filter {text!r}: compiling it needs the package pcapy-ng (pip install pcapy-ng)") from None
    try:
        program: Program = pcapy.compile(link, snaplen, text, 1, UNKNOWN_NETMASK).get_bpf()
    except pcapy.PcapError as error:
        raise InvalidArguments(f"filter {text!r} does not compile: {error}") from None
    if re.search(r"\bvlan\b", text) and hasattr(socket, "AF_PACKET"):
        program = _compiled_by_interface(text, link, interfaces)
    if len(program) > MAX_INSTRUCTIONS:
        raise InvalidArguments(
            f"filter {text!r} is too long: {len(program)} instructions, the kernel accepts {MAX_INSTRUCTIONS}"
        )
    return [(code, yes, no, snaplen if code == RETURN and k else k) for code, yes, no, k in program]


def _compiled_by_interface(text: str, link: int, interfaces: tuple[str, ...]) -> Program:
    import pcapy

    reason = "none is there"
    for name in interfaces:
        try:
            handle = pcapy.open_live(name, 64, False, 100)
            try:
                if handle.datalink() == link:
                    handle.setfilter(text)
                    return _attached(handle.getfd())
            finally:
                handle.close()
        except pcapy.PcapError as error:
            reason = f"{name}: {error}"
    raise CaptureError(f"filter {text!r}: a VLAN filter needs an interface that is up ({reason})")


def _attached(descriptor: int) -> Program:
    """The program attached to a socket. Not read by Python's ``getsockopt``: the length of this option counts
    instructions, not bytes.
    """
    buffer = ctypes.create_string_buffer(8 * MAX_INSTRUCTIONS)
    count = ctypes.c_uint32(MAX_INSTRUCTIONS)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.getsockopt(descriptor, socket.SOL_SOCKET, SO_GET_FILTER, buffer, ctypes.byref(count)):
        raise CaptureError("the kernel does not return the filter of the socket")
    return list(struct.iter_unpack("=HBBI", buffer.raw[: 8 * count.value]))


def from_network_header(program: Program) -> Program:
    """The same program with offsets relative to the network header: for interfaces with an unknown or optional link
    header.
    """
    return [
        (code, yes, no, (k + NETWORK_OFFSET) & 0xFFFFFFFF if _loads_packet(code, k) else k)
        for code, yes, no, k in program
    ]


def _loads_packet(code: int, k: int) -> bool:
    """Whether an instruction loads packet bytes. Negative offsets are ancillary data of the kernel."""
    return code & CLASS in LOADS and code & MODE in (ABSOLUTE, INDIRECT, HEADER_LENGTH) and k < 0x80000000


def attach(sock: socket.socket, program: Program) -> None:
    """Attach the program to a socket (struct sock_fprog). Raises OSError if the kernel refuses it."""
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *instruction) for instruction in program))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(program), ctypes.addressof(code)))

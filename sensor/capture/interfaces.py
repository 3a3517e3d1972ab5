"""Network interfaces: their names and addresses, whether they are up, the link type of their frames, and settings that
impair a capture.

Read from the kernel by netlink (rtnetlink(7)) and ioctl (netdevice(7)), which need no privileges. Nothing is ever
changed. The ioctls work on sockets of any family; a Unix socket is used, since the capturing process may be restricted
to it.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from sensor.capture.ring_size import speed_of
from sensor.core import addresses

LOOPBACK = 772
"""ARPHRD_LOOPBACK: a packet socket gets frames with an Ethernet header there, each frame twice."""

ETHERNET, RAW, COOKED = 1, 12, 113
AT_LINK, AT_NETWORK, AT_COOKED = 0, 1, 2
"""Where a frame begins, for ``sensor.decode.ring.walk``: at its link header, at its network header, or at a cooked
header that is written before it.
"""

LINKS = {
    1: (ETHERNET, AT_LINK),
    LOOPBACK: (ETHERNET, AT_LINK),
    801: (105, AT_LINK),
    803: (127, AT_LINK),
    512: (RAW, AT_NETWORK),
    519: (RAW, AT_NETWORK),
    768: (RAW, AT_NETWORK),
    769: (RAW, AT_NETWORK),
    776: (RAW, AT_NETWORK),
    65534: (RAW, AT_NETWORK),
}
"""Hardware type of the kernel (linux/if_arp.h) → link type number and where frames begin. Tunnels, PPP and tun devices
carry raw IP, with or without a link header before it; types that are not listed get a cooked header.
"""

UP, RUNNING = 0x1, 0x40
NAME_LIMIT = 15
SIOCGIFFLAGS, SIOCGIFHWADDR, SIOCGIFINDEX, SIOCETHTOOL = 0x8913, 0x8927, 0x8933, 0x8946
ETHTOOL_GGRO, ETHTOOL_GFLAGS, FLAG_LRO = 0x2B, 0x25, 1 << 15
GET_LINK, GET_ADDRESS, DONE, ERROR = 18, 22, 3, 2
REQUEST, DUMP = 0x1, 0x300
LINK_ADDRESS, LINK_NAME, LINK_MTU = 1, 3, 4
ADDRESS, LOCAL_ADDRESS = 1, 2
DUMP_LIMIT = 4096
"""Limit on the replies read for one request: far more than the interfaces of any host."""


@dataclass(slots=True)
class Interface:
    """``link``: link type number of its frames; ``mtu`` in bytes; ``speed`` in Mbit/s, 0 if unknown; ``warnings``:
    settings that impair a capture.
    """

    name: str
    index: int
    mac: str
    up: bool
    running: bool
    link: int
    mtu: int
    speed: int = 0
    addresses: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def link_of(hardware: int) -> tuple[int, int]:
    """Link type number and where frames begin, by hardware type."""
    return LINKS.get(hardware, (COOKED, AT_COOKED))


def list_interfaces() -> list[Interface]:
    """All interfaces of this host (of this network namespace), in the kernel's order."""
    if not hasattr(socket, "AF_NETLINK"):
        return _names_only()
    found = {}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        sock.bind((0, 0))
        for body in _dump(sock, GET_LINK):
            interface = _link(body)
            found[interface.index] = interface
        for body in _dump(sock, GET_ADDRESS):
            _add_address(found, body)
    for interface in found.values():
        interface.speed = speed_of(interface.name)
        interface.warnings = _warnings(interface.name)
    return list(found.values())


def addresses_of(index: int) -> list[str]:
    """The addresses of one interface, each with its prefix length."""
    one = Interface("", index, "", up=False, running=False, link=0, mtu=0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        sock.bind((0, 0))
        for body in _dump(sock, GET_ADDRESS):
            _add_address({index: one}, body)
    return one.addresses


def index_of(sock: socket.socket, name: str) -> int:
    """The index of the interface with this name; 0 if there is none."""
    return _ask(sock, SIOCGIFINDEX, name, "i") or 0


def hardware_of(sock: socket.socket, name: str) -> int:
    """The hardware type of an interface; Ethernet if the interface does not exist yet."""
    hardware = _ask(sock, SIOCGIFHWADDR, name, "H")
    return 1 if hardware is None else hardware


def is_up(sock: socket.socket, name: str) -> bool:
    """Whether the interface exists and is up."""
    return bool((_ask(sock, SIOCGIFFLAGS, name, "H") or 0) & UP)


def valid_name(name: str) -> bool:
    """Whether an interface name is valid for the kernel."""
    return (
        0 < len(name.encode()) <= NAME_LIMIT
        and name not in {".", ".."}
        and not any(sign in "/:" or sign.isspace() or ord(sign) < 32 for sign in name)
    )


def _ask(sock: socket.socket, request: int, name: str, form: str) -> int | None:
    """One number from struct ifreq; None if there is no such interface."""
    import fcntl

    try:
        answer = fcntl.ioctl(sock, request, struct.pack("16s24x", name.encode()))
    except OSError:
        return None
    number: int = struct.unpack_from(form, answer, 16)[0]
    return number


def _dump(sock: socket.socket, what: int) -> Iterator[bytes]:
    """The bodies of one netlink reply, without message headers."""
    sock.send(struct.pack("=IHHII", 17, what, REQUEST | DUMP, 1, 0) + b"\0")
    for _ in range(DUMP_LIMIT):
        reply = sock.recv(1 << 17)
        offset = 0
        while offset + 16 <= len(reply):
            size, kind = struct.unpack_from("=IH", reply, offset)
            if kind in (DONE, ERROR) or size < 16:
                return
            yield reply[offset + 16 : offset + size]
            offset += size + 3 & ~3


def _attributes(body: bytes, offset: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while offset + 4 <= len(body):
        size, kind = struct.unpack_from("=HH", body, offset)
        if size < 4:
            break
        found.setdefault(kind & 0x3FFF, body[offset + 4 : offset + size])
        offset += size + 3 & ~3
    return found


def _link(body: bytes) -> Interface:
    """Parse struct ifinfomsg and its attributes."""
    _, hardware, index, flags = struct.unpack_from("=BxHiI", body)
    found = _attributes(body, 16)
    mac = found.get(LINK_ADDRESS, b"")
    return Interface(
        name=found.get(LINK_NAME, b"").rstrip(b"\0").decode("utf-8", "replace"),
        index=index,
        mac=mac.hex(":") if len(mac) == 6 and any(mac) else "",
        up=bool(flags & UP),
        running=bool(flags & RUNNING),
        link=link_of(hardware)[0],
        mtu=struct.unpack("=I", found[LINK_MTU])[0] if LINK_MTU in found else 0,
    )


def _add_address(found: dict[int, Interface], body: bytes) -> None:
    """Parse struct ifaddrmsg: on a point-to-point link the local address is this host's, the other one the peer's."""
    family, prefix, index = struct.unpack_from("=BBxxI", body)
    attributes = _attributes(body, 8)
    raw = attributes.get(LOCAL_ADDRESS) or attributes.get(ADDRESS, b"")
    if index not in found or family not in (socket.AF_INET, socket.AF_INET6) or len(raw) not in (4, 16):
        return
    number = int.from_bytes(raw, "big")
    found[index].addresses.append(f"{addresses.text(addresses.v4(number) if len(raw) == 4 else number)}/{prefix}")


def _warnings(name: str) -> list[str]:
    warnings = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        if _setting(sock, name, ETHTOOL_GGRO):
            warnings.append(
                "generic receive offload merges frames before capture: sizes and counts differ from the "
                f"wire (ethtool -K {name} gro off)"
            )
        if _setting(sock, name, ETHTOOL_GFLAGS) & FLAG_LRO:
            warnings.append(
                "large receive offload merges frames before capture: sizes and counts differ from the "
                f"wire (ethtool -K {name} lro off)"
            )
    return warnings


def _setting(sock: socket.socket, name: str, command: int) -> int:
    """One value from ethtool; 0 if the driver has no such setting."""
    import array
    import fcntl

    value = array.array("I", [command, 0])
    with contextlib.suppress(OSError):
        fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("16sP16x", name.encode(), value.buffer_info()[0]))
        return value[1]
    return 0


def _names_only() -> list[Interface]:
    """On systems other than Linux: names from libpcap, without further data."""
    import pcapy

    return [
        Interface(name, number, "", up=True, running=True, link=ETHERNET, mtu=0)
        for number, name in enumerate(pcapy.findalldevs(), 1)
    ]

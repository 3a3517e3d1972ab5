"""Interfaces as the kernel reports them, and their names and link types."""

from __future__ import annotations

import socket
import struct
import sys

import pytest

from sensor.capture import interfaces

linux = pytest.mark.skipif(sys.platform != "linux", reason="netlink is Linux's")


@linux
def test_loopback_is_listed():
    """Every host has loopback, with an Ethernet link type, no MAC and its address."""
    found = {interface.name: interface for interface in interfaces.list_interfaces()}
    loopback = found["lo"]
    assert (loopback.index, loopback.link, loopback.mac) == (1, 1, "")
    if loopback.up:
        assert "127.0.0.1/8" in loopback.addresses
    assert loopback.mtu > 1500
    assert {name for _, name in socket.if_nameindex()} == set(found)


@linux
def test_an_interface_is_looked_up_by_name():
    """Index, hardware type and state come from any socket; an unknown name gives nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        assert interfaces.index_of(sock, "lo") == 1
        assert interfaces.hardware_of(sock, "lo") == interfaces.LOOPBACK
        assert interfaces.index_of(sock, "nosuch0") == 0
        assert interfaces.hardware_of(sock, "nosuch0") == 1
        assert not interfaces.is_up(sock, "nosuch0")


@pytest.mark.parametrize(
    ("hardware", "link"),
    [
        (1, (1, 0)),
        (772, (1, 0)),
        (801, (105, 0)),
        (803, (127, 0)),
        (512, (12, 1)),
        (65534, (12, 1)),
        (776, (12, 1)),
        (778, (113, 2)),
        (32, (113, 2)),
        (0, (113, 2)),
    ],
)
def test_hardware_types_have_link_types(hardware, link):
    """Ethernet and wireless start at their own header, tunnels at IP, and all others are cooked."""
    assert interfaces.link_of(hardware) == link


@pytest.mark.parametrize("name", ["eth0", "enp3s0f1", "wlan0.100", "a" * 15, "br-0123456789ab", "ü0"])
def test_names_the_kernel_allows(name):
    """Names have up to 15 bytes without space, slash and colon."""
    assert interfaces.valid_name(name)


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "a/b", "eth0:1", "a" * 16, "ü" * 8, "a\n", "a\0b"])
def test_names_the_kernel_refuses(name):
    """An interface with such a name cannot exist, so the capture does not wait for it."""
    assert not interfaces.valid_name(name)


def test_messages_of_netlink():
    """A link and its addresses are read from netlink answers; of a point-to-point link the local address is used."""
    attribute = lambda kind, value: struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)  # noqa: E731
    link = interfaces._link(
        struct.pack("=BBHiII", 0, 0, 1, 7, 0x1 | 0x40, 0)
        + attribute(3, b"eth7\0")
        + attribute(1, bytes.fromhex("02000000000a"))
        + attribute(4, struct.pack("=I", 1500))
    )
    assert (link.name, link.index, link.mac, link.up, link.running, link.link, link.mtu) == (
        "eth7",
        7,
        "02:00:00:00:00:0a",
        True,
        True,
        1,
        1500,
    )
    found = {7: link}
    head = struct.pack("=BBBBI", socket.AF_INET, 24, 0, 0, 7)
    interfaces._add_address(found, head + attribute(1, bytes([10, 0, 0, 2])) + attribute(2, bytes([10, 0, 0, 1])))
    interfaces._add_address(
        found,
        struct.pack("=BBBBI", socket.AF_INET6, 64, 0, 0, 7) + attribute(1, bytes.fromhex("fe80" + "00" * 13 + "01")),
    )
    interfaces._add_address(
        found, struct.pack("=BBBBI", socket.AF_INET, 24, 0, 0, 9) + attribute(1, bytes([10, 0, 0, 2]))
    )
    interfaces._add_address(found, head)
    assert link.addresses == ["10.0.0.1/24", "fe80::1/64"]


def test_attributes_that_are_cut_end_the_list():
    """An attribute of length 0 does not loop."""
    assert interfaces._attributes(b"\0\0\1\0" * 4, 0) == {}

"""Frames as trees of headers: real frames of several kinds, truncated and malformed ones."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrHopByHop
from scapy.layers.l2 import ARP, Dot1Q, Ether

from sensor.evidence.layers import Layer, layers_of
from sensor.evidence.links import ETHERNET
from sensor.evidence.read import EvidenceFrame

ENDS = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}
FRAMES = {
    "tcp": Ether(**ENDS) / IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=1234, dport=80, flags="PA") / b"GET /",
    "vlan": Ether(**ENDS) / Dot1Q(vlan=30, prio=5) / IP() / UDP(sport=53, dport=1024) / b"x",
    "arp": Ether(**ENDS) / ARP(op=2, psrc="10.0.0.1", pdst="10.0.0.9"),
    "icmp": Ether(**ENDS) / IP() / ICMP(type=8) / b"ping",
    "ipv6": Ether(**ENDS) / IPv6(src="fe80::1", dst="ff02::1") / IPv6ExtHdrHopByHop() / ICMPv6EchoRequest(),
    "fragment": Ether(**ENDS) / IP(frag=100, flags="MF", proto=6) / b"rest of a segment",
}


def tree(name: str) -> list[Layer]:
    return layers_of(bytes(FRAMES[name]), ETHERNET)


def test_the_layers_of_a_request() -> None:
    """Each header has its bytes and its fields; the payload is shown as text."""
    layers = tree("tcp")
    assert [(one.name, one.begin, one.end) for one in layers] == [
        ("Ethernet", 0, 14),
        ("IPv4", 14, 34),
        ("TCP", 34, 54),
        ("Payload", 54, 59),
    ]
    assert dict(layers[1].fields)["source"] == "10.0.0.1"
    assert dict(layers[2].fields)["flags"] == "PSH, ACK"
    assert dict(layers[3].fields)["text"] == "GET /"


def test_other_kinds() -> None:
    assert [one.name for one in tree("vlan")] == ["Ethernet", "802.1Q", "IPv4", "UDP", "Payload"]
    assert dict(tree("vlan")[1].fields) == {"VLAN": "30", "priority": "5"}
    assert dict(tree("arp")[1].fields)["operation"] == "reply"
    assert dict(tree("icmp")[2].fields) == {"type": "8", "code": "0"}
    assert [one.name for one in tree("ipv6")] == ["Ethernet", "IPv6", "IPv6 extension", "ICMP", "Payload"]
    assert [one.name for one in tree("fragment")] == ["Ethernet", "IPv4", "Payload"]
    assert layers_of(b"\0" * 20, 9)[0].fields == [("link type", "9")]


@pytest.mark.parametrize(
    ("link", "header", "name"),
    [
        (113, bytes.fromhex("0000 0001 0006 0200 0000 0001 0000 0800"), "Linux cooked"),
        (276, bytes.fromhex("0800 0000 0000 0002 0001 0006 0200 0000 0001 0000"), "Linux cooked v2"),
        (0, bytes.fromhex("02000000"), "BSD loopback"), (108, bytes.fromhex("00000002"), "OpenBSD loopback"),
        (101, b"", ""), (12, b"", ""), (228, b"", ""),
    ],
)  # fmt: skip
def test_other_link_types(link: int, header: bytes, name: str) -> None:
    """Frames of cooked and raw captures have the headers that those of Ethernet have, and a line that names the ends;
    truncated headers are no error.
    """
    data = header + bytes(FRAMES["tcp"])[14:]
    layers = layers_of(data, link)
    assert [one.name for one in layers] == [*filter(None, [name]), "IPv4", "TCP", "Payload"]
    assert dict(layers[-2].fields)["flags"] == "PSH, ACK"
    assert EvidenceFrame(0, data, len(data), "", link).summary == "TCP 10.0.0.1:1234 → 10.0.0.2:80 PSH, ACK"
    for size in range(len(data)):
        assert all(one.end <= size for one in layers_of(data[:size], link))
        assert EvidenceFrame(0, data[:size], size, "", link).summary


@given(st.sampled_from(sorted(FRAMES)), st.integers(0, 80), st.data())
def test_what_is_cut_or_changed_still_gives_a_tree(name: str, size: int, data: st.DataObject) -> None:
    """Layers are consecutive, stay within the frame, and contain no control character."""
    frame = bytearray(bytes(FRAMES[name])[:size])
    for _ in range(data.draw(st.integers(0, 4)) if frame else 0):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    layers = layers_of(bytes(frame), ETHERNET)
    for one, following in itertools.pairwise(layers):
        assert one.end <= following.begin
    assert all(0 <= one.begin <= one.end <= len(frame) for one in layers)
    assert all(value.isprintable() for one in layers for _, value in one.fields)

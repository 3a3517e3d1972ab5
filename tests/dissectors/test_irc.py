"""IRC: logins, channels and messages that begin like commands; what is none of it."""

from __future__ import annotations

from sensor.core.packet import Packet
from sensor.dissectors.irc import Irc
from tests.dissectors.samples import events, packets


def session(port: int) -> list[object]:
    """What is said in one conversation of the capture."""
    stream = Irc().stream(Packet())
    chosen = [packet for packet in packets("irc") if port in (packet.sport, packet.dport)]
    return [messages for packet in chosen for messages in stream.feed(packet, packet.payload, packet.sport == port)]


def test_a_bot() -> None:
    """Its name, its channel without the password, the topic with an order, its report, and an order of its master."""
    report = "[SCAN]: Random Port Scan started on 10.20.x.x:445"
    assert events(session(49400)) == [
        ("IrcLogin", "[DEU|XP]48151623"),
        ("IrcJoin", "#crew", True),
        ("IrcOrder", "#crew", ".advscan", ".advscan asn1smb 100 5 0 -b -r -s", False),
        ("IrcOrder", "#crew", "[SCAN]:", report, True),
        ("IrcOrder", "#crew", "!udp", "!udp 198.51.100.7 80 60", False),
    ]
    assert "hidden" not in repr(session(49400))
    assert "letmein" not in repr(session(49400))


def test_what_people_write_is_not_reported() -> None:
    """A login and a channel are all."""
    assert events(session(49401)) == [("IrcLogin", "anna"), ("IrcJoin", "#cooking", False)]


def test_another_protocol_is_given_up() -> None:
    """An FTP client sends a password first, too."""
    assert session(49402) == []
    stream = Irc().stream(Packet())
    assert list(stream.feed(Packet(proto=6), b"PASS x\r\n" + b"LIST\r\n" * 8, True)) == []
    assert stream.done


def test_gaps() -> None:
    """A line of which bytes are missing is void; the next one is read."""
    stream, packet = Irc().stream(Packet()), Packet(proto=6)
    assert events(list(stream.feed(packet, b"NICK bot\r\nPRIVMSG #a :.ud", True))) == [("IrcLogin", "bot")]
    assert list(stream.gap(packet, 10, True)) == []
    assert events(list(stream.feed(packet, b"p 1\r\nJOIN #b\r\n", True))) == [("IrcJoin", "#b", False)]

"""IRC: logins, channels and messages that begin like bot commands; other protocols."""

from __future__ import annotations

from sensor.core.packet import Packet
from sensor.dissectors.irc import Irc
from tests.dissectors.samples import events, packets


def session(port: int) -> list[object]:
    """The events and observations of one connection of the capture."""
    stream = Irc().stream(Packet())
    chosen = [packet for packet in packets("irc") if port in (packet.sport, packet.dport)]
    return [messages for packet in chosen for messages in stream.feed(packet, packet.payload, packet.sport == port)]


def test_a_bot() -> None:
    """A bot's nickname, channel without key, topic, report and a command of its controller are reported."""
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
    """Of a human user only the login and the channel are reported."""
    assert events(session(49401)) == [("IrcLogin", "anna"), ("IrcJoin", "#cooking", False)]


def test_another_protocol_is_given_up() -> None:
    """FTP, whose clients send PASS too, and other commands end the stream."""
    assert session(49402) == []
    stream = Irc().stream(Packet())
    assert list(stream.feed(Packet(proto=6), b"PASS x\r\n" + b"LIST\r\n" * 8, True)) == []
    assert stream.done


def test_gaps() -> None:
    """A line with a gap is discarded; the next one is parsed."""
    stream, packet = Irc().stream(Packet()), Packet(proto=6)
    assert events(list(stream.feed(packet, b"NICK bot\r\nPRIVMSG #a :.ud", True))) == [("IrcLogin", "bot")]
    assert list(stream.gap(packet, 10, True)) == []
    assert events(list(stream.feed(packet, b"p 1\r\nJOIN #b\r\n", True))) == [("IrcJoin", "#b", False)]

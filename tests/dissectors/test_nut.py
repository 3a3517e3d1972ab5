"""NUT: UPSs that a server reports, and logins."""

from __future__ import annotations

import pytest

from pcaps.dissectors.nut import exchange, lines, listed
from sensor.core.dissector import Parsed
from sensor.core.packet import Packet
from sensor.dissectors.nut import LINES_LIMIT, Nut
from sensor.dissectors.shared.seal import seal
from tests.dissectors.samples import events, packets, values

UPS = ("NutUps", "smart1500", "American Power Conversion", "Smart-UPS 1500", "AS1723244512", "UPS 09.3 / ID = 18")
ATTACHED = ("nut.ups", "American Power Conversion Smart-UPS 1500")


def parsed(*parts: tuple[bool, bytes]) -> list[Parsed]:
    stream, packet = Nut().stream(Packet()), Packet(proto=6)
    return [one for from_client, data in parts for one in stream.feed(packet, data, from_client)]


@pytest.mark.parametrize(
    ("port", "expected", "observed"),
    [
        (49540, [UPS], [("nut.version", "2.8.1"), ATTACHED]),
        (49541, [("NutLogin", "monitor", "clear", True, seal("monitor", b"secret1"))], []),
        (49542, [("NutLogin", "admin", "clear", False, seal("admin", b"admin"))], []),
    ],
)
def test_sample(port: int, expected: list[object], observed: list[object]) -> None:
    """A list is reported once however often it is polled; a login when a command shows its result."""
    stream = Nut().stream(Packet())
    found = [
        each
        for one in packets("nut")
        if port in (one.sport, one.dport)
        for each in stream.feed(one, one.payload, one.sport == port)
    ]
    assert (events(found), values(found)) == (expected, observed)


def test_in_pieces() -> None:
    """A list in single bytes yields the same event."""
    data = listed("smart1500")
    assert events(parsed((True, lines("LIST VAR smart1500")), *((False, data[n : n + 1]) for n in range(len(data)))))


def test_other_errors_are_no_result() -> None:
    """An unknown UPS is not a refused password; the next command has the result."""
    story = exchange(
        ("USERNAME admin", "OK"), ("PASSWORD x", "OK"), ("LOGIN other", "ERR UNKNOWN-UPS"), ("LOGIN smart1500", "OK")
    )
    assert [event[:4] for event in events(parsed(*story))] == [("NutLogin", "admin", "clear", True)]


def test_a_command_without_a_password_is_no_login() -> None:
    """The server requires a user first."""
    assert parsed(*exchange(("LOGIN smart1500", "ERR USERNAME-REQUIRED"))) == []


def test_nothing_is_read_after_tls_begins() -> None:
    """The same port carries TLS then."""
    assert parsed(*exchange(("STARTTLS", "OK STARTTLS")), (False, listed("smart1500"))) == []


def test_after_a_gap() -> None:
    """A list with missing lines is discarded; the next one is parsed."""
    stream, packet = Nut().stream(Packet()), Packet(proto=6)
    list(stream.feed(packet, lines("LIST VAR a"), True))
    list(stream.feed(packet, listed("a")[:80], False))
    list(stream.gap(packet, 200, False))
    assert not list(stream.feed(packet, lines("", "END LIST VAR a"), False))
    assert events(stream.feed(packet, listed("a"), False))


@pytest.mark.parametrize("first", [b"HELO x\r\n", b"\x16\x03\x01\x02\x00\n", b"SSH-2.0-x\r\n"])
def test_others_report_nothing(first: bytes) -> None:
    """Other protocols on this port end the stream."""
    assert parsed((True, first), (False, listed("a"))) == []


def test_an_endless_conversation_ends() -> None:
    """Clients poll for months."""
    stream, packet = Nut().stream(Packet()), Packet(proto=6)
    list(stream.feed(packet, lines("GET VAR a ups.status") * LINES_LIMIT, True))
    assert stream.done

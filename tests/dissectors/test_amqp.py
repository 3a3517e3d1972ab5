"""AMQP: brokers, clients, and logins with their result."""

from __future__ import annotations

from typing import Any

import pytest

from pcaps.dissectors.amqp import HEADER, TUNED, closed, frame, start, start_ok
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.amqp import Amqp
from sensor.dissectors.shared.seal import seal
from tests.dissectors.samples import events, packets, values

FACTS = [("amqp.server", "RabbitMQ 4.0.5"), ("amqp.client", "Pika Python Client Library 1.4.4")]
SHOP = ("AmqpLogin", "shop", "clear", True, seal("shop", b"not to be kept"))
LOGIN = start_ok(b"PLAIN", b"\0shop\0not to be kept")


def conversation(*parts: tuple[bool, bytes]) -> list[Any]:
    stream, packet = Amqp().stream(Packet()), Packet(proto=6)
    return [parsed for from_client, data in parts for parsed in stream.feed(packet, data, from_client)]


@pytest.mark.parametrize(
    ("port", "login"),
    [
        (49430, SHOP),
        (49431, ("AmqpLogin", "guest", "clear", False, seal("guest", b"wrong-secret"))),
        (49432, SHOP),
    ],
)
def test_logins(port: int, login: tuple[object, ...]) -> None:
    """Both programs, and the login with its result; of a password only its seal is stored."""
    found = [one for one in packets("amqp") if port in (one.sport, one.dport)]
    parsed = conversation(*((one.sport == port, one.payload) for one in found))
    assert (values(parsed), events(parsed)) == (FACTS, [login])
    assert "kept" not in repr(parsed)


@pytest.mark.parametrize(
    "parts",
    [
        [(True, HEADER), start(), LOGIN, closed(530)],  # closed for another reason: no access to the virtual host
        [(True, HEADER), start(), TUNED],  # the response is not captured
        [(True, HEADER), start(), LOGIN],
    ],
)
def test_no_result(parts: list[tuple[bool, bytes]]) -> None:
    assert events(conversation(*parts)) == []


def test_a_mechanism_without_a_password() -> None:
    """The mechanism is the method; a user is not in the response."""
    parsed = conversation((True, HEADER), start(), start_ok(b"EXTERNAL", b""), TUNED)
    assert events(parsed) == [("AmqpLogin", "", "external", True, "")]


@pytest.mark.parametrize(
    "parts",
    [
        [start(), LOGIN, TUNED],  # captured from its middle
        [(True, b"AMQP\3\1\0\0"), (False, b"AMQP\3\1\0\0")],
        [(True, b"\x16\x03\x01\2\0" + bytes(60))],
    ],
)
def test_other_connections(parts: list[tuple[bool, bytes]]) -> None:
    """Connections without their header, AMQP 1.0 and TLS yield nothing."""
    assert conversation(*parts) == []


@pytest.mark.parametrize("data", [bytes(8), b"\1\0\0\xff\0\0\0\0", frame(10, b"\0\x09\0\0\0\3\1aZ")])
def test_malformed(data: bytes) -> None:
    """Bytes that are no frame, impossible sizes and unknown types of values."""
    with pytest.raises(Malformed):
        conversation((True, HEADER), (False, data))


def test_after_a_gap() -> None:
    """The login may be missing: what follows shows nothing."""
    stream, packet = Amqp().stream(Packet()), Packet(proto=6)
    list(stream.feed(packet, HEADER, True))
    assert (list(stream.gap(packet, 100, True)), stream.done) == ([], True)

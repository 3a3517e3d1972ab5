"""IAX2: registrations and calls."""

from __future__ import annotations

import pytest

from pcaps.dissectors.iax2 import USER, frame
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.iax2 import Iax2
from sensor.dissectors.shared.seal import seal
from tests.dissectors.samples import events, packets, values

REGISTRAR = [("iax2.role", "IAX2 registrar")]
# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a registration": ([("Iax2Register", "fax-office", "", "")], []),
    "a challenge": ([("Iax2Challenge", "fax-office")], REGISTRAR),
    "the answer": ([("Iax2Register", "fax-office", "md5", "")], []),
    "accepted": ([("Iax2Result", True, "fax-office", "")], REGISTRAR),
    "a cleartext password": ([("Iax2Register", "100", "clear", seal("100", b"100"))], []),
    "rejected": ([("Iax2Result", False, "", "Registration Refused")], REGISTRAR),
    "a call": ([("Iax2Call", "100", "0049301234", "fax-office")], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Iax2().dissect(packets("iax2")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("iax2")) == len(EXPECTED)


@pytest.mark.parametrize(
    "payload",
    [b"\x23" + bytes(200), frame(13)[:11], frame(4), frame(13)[:10] + b"\2" + frame(13)[11:], b"\0\0\1\0" + bytes(20)],
)
def test_other_frames_are_left_alone(payload: bytes) -> None:
    """Media, trunks and other control frames yield nothing."""
    assert list(Iax2().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [frame(13, USER)[:-1], frame(13) + b"\6"])
def test_malformed(payload: bytes) -> None:
    """An element that ends after the message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Iax2().dissect(Packet(payload)))
    assert list(Iax2().dissect(Packet(payload, problem=1))) == []

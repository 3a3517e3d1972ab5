"""Discovery of Xiongmai devices."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.xmeye import Xmeye, _address
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("XmeyeSearch",)], []),
    "a camera": (
        [
            (
                "XmeyeAnswer",
                "yard",
                "V4.02.R12.00006510.10010.130900",
                "0123456789abcdef",
                1,
                0x02005E005306,
                parse("10.20.30.16"),
                True,
            )
        ],
        [
            ("xmeye.channels", "1"),
            ("xmeye.firmware", "V4.02.R12.00006510.10010.130900"),
            ("xmeye.serial", "0123456789abcdef"),
            ("xmeye.hostname", "yard"),
        ],
    ),
    "a recorder": (
        [
            (
                "XmeyeAnswer",
                "LocalHost",
                "V4.02.R12.00006510.10010.130900",
                "0123456789abcdef",
                16,
                0x02005E005301,
                parse("10.20.30.17"),
                True,
            )
        ],
        [
            ("xmeye.channels", "16"),
            ("xmeye.firmware", "V4.02.R12.00006510.10010.130900"),
            ("xmeye.serial", "0123456789abcdef"),
            ("xmeye.hostname", "LocalHost"),
        ],
    ),
    "somebody else's camera": (
        [
            (
                "XmeyeAnswer",
                "other",
                "V4.02.R12.00006510.10010.130900",
                "0123456789abcdef",
                1,
                0x0012165E5309,
                parse("10.20.30.99"),
                False,
            )
        ],
        [],
    ),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Xmeye().dissect(packets("xmeye")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("xmeye")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"\xff" + bytes(19), b"\xfe" + bytes(30)])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Xmeye().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"\xff" + bytes(13) + b"\xfb\5\x20\0\0\0"])
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Xmeye().dissect(Packet(payload)))
    assert list(Xmeye().dissect(Packet(payload, problem=1))) == []


@pytest.mark.parametrize(
    ("written", "address"),
    [("0x101E140A", parse("10.20.30.16")), ("0x00000000", 0), ("0xZZ1E140A", 0), ("10.20.30.16", 0), ("0x-0000001", 0)],
)
def test_addresses_written_backwards(written: str, address: int) -> None:
    """An address is eight hexadecimal digits, last byte first; other texts are not addresses."""
    assert _address(written) == address

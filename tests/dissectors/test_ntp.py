"""NTP: servers, and management queries."""

from __future__ import annotations

import struct

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.ntp import Ntp
from tests.dissectors.samples import events, facts, packets, values


def dissect(payload: bytes, sport: int = 123, dport: int = 123, problem: int = 0) -> list[object]:
    return list(
        Ntp().dissect(
            Packet(payload, src=parse("10.0.0.5"), src_mac=0x020000000005, sport=sport, dport=dport, problem=problem)
        )
    )


def answer(leap: int = 0, stratum: int = 2) -> bytes:
    return bytes((leap << 6 | 4 << 3 | 4, stratum)) + bytes(46)


def variables(text: bytes, more: bool = False, offset: int = 0, count: int | None = None) -> list[object]:
    flags = 0x82 | (0x20 if more else 0)
    return dissect(struct.pack("!BBHHHHH", 0x16, flags, 1, 0, 0, offset, len(text) if count is None else count) + text)


def test_the_sample() -> None:
    """Every type of message yields its event."""
    names = (("version", "ntpd 4.2.8p15@1.3728-o"), ("processor", "x86_64"), ("system", "Linux/5.15.0-105-generic"))
    assert [one for packet in packets("ntp") for one in events(Ntp().dissect(packet))] == [
        ("NtpQuestion", 4, False),
        ("NtpAnswer", 4, 2, "198.51.100.7", False),
        ("NtpAnswer", 4, 1, "GPS", False),
        ("NtpAnswer", 3, 3, "10.20.30.1", True),
        ("NtpQuestion", 4, True),
        ("NtpAnswer", 4, 0, "RATE", False),
        ("NtpControl", 2, False, ()),
        ("NtpControl", 2, True, names),
        ("NtpPrivate", 42, False),
        ("NtpPrivate", 42, True),
    ]


def test_an_answer_makes_a_server() -> None:
    """Only a host that answers is a server; a query yields no observation."""
    assert facts(Ntp().dissect(packets("ntp")[1])) == [("02:00:5e:00:53:01", "10.20.30.1", "ntp.role", "ntp_server")]
    assert facts(Ntp().dissect(packets("ntp")[0])) == []


@pytest.mark.parametrize(("leap", "stratum", "sport"), [(3, 2, 123), (0, 0, 123), (0, 16, 123), (0, 2, 9999)])
def test_answers_that_make_no_server(leap: int, stratum: int, sport: int) -> None:
    """An unsynchronized clock, a kiss code, an invalid stratum and an answer from another port give no server role."""
    assert values(dissect(answer(leap, stratum), sport=sport)) == []


def test_names_of_system_and_program() -> None:
    """Variables are read in any order, with or without quotes; those that do not describe the host are omitted."""
    parsed = values(variables(b'leap=0, system=cisco, version="4", processor="unknown"\r\n'))
    assert parsed == [("ntp.system", "cisco"), ("ntp.version", "4"), ("ntp.processor", "unknown")]


def test_half_a_value_is_none() -> None:
    """The last variable of an incomplete response may be truncated and is omitted; later parts are not parsed."""
    assert values(variables(b"system=Linux/5, processor=x8", more=True)) == [("ntp.system", "Linux/5")]
    assert values(variables(b"system=Linux/5", offset=468)) == []
    assert values(variables(b"system=Lin", count=99)) == []


@pytest.mark.parametrize("payload", [b"\x00" + bytes(47), b"\x38" + bytes(47), b"GET / HTTP/1.1", b""])
def test_others_are_left_alone(payload: bytes) -> None:
    """Unknown versions and modes yield nothing."""
    assert dissect(payload) == []


@pytest.mark.parametrize("payload", [answer()[:47], b"\x16\x02\0\1", b"\x17\0"])
def test_malformed(payload: bytes) -> None:
    """Messages that end early are malformed, unless the capture truncated them."""
    with pytest.raises(Malformed, match="early"):
        dissect(payload)
    assert dissect(payload, problem=1) == []

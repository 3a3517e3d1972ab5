"""802.1X: identities, methods and results; secrets are never reported."""

from __future__ import annotations

import struct

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.eapol import Eapol
from tests.dissectors.samples import events, facts, packets, values


def dissect(payload: bytes, problem: int = 0) -> list[object]:
    return list(
        Eapol().dissect(
            Packet(payload, src_mac=0x020000000001, ethertype=0x888E, ip_version=0, proto=0, problem=problem)
        )
    )


def identity(text: bytes) -> list[object]:
    body = struct.pack("!BBHB", 2, 1, 5 + len(text), 1) + text
    return dissect(struct.pack("!BBH", 1, 0, len(body)) + body)


def test_the_sample() -> None:
    """Every message of several authentications yields its event."""
    assert [one for packet in packets("eapol") for one in events(Eapol().dissect(packet))] == [
        ("EapolStart",),
        ("EapolMethod", "identity", True, 7),
        ("EapolIdentity", "host/PC-0417.corp.example.net", "computer", 7),
        ("EapolMethod", "tls", True, 7),
        ("EapolMethod", "nak", False, 7),
        ("EapolResult", True, 7),
        ("EapolIdentity", "CORP\\m.meyer", "user", 7),
        ("EapolIdentity", "", "sim", 7),
        ("EapolIdentity", "02005e005303", "mac", 7),
        ("EapolResult", False, 7),
        ("EapolKey", 1, True),
        ("EapolKey", 2, True),
        ("EapolKey", 3, True),
        ("EapolKey", 4, True),
        ("EapolKey", 0, True),
        ("EapolLogoff",),
    ]


def test_a_computer_reports_its_name() -> None:
    """The name of a computer account is the name of the device."""
    assert facts(Eapol().dissect(packets("eapol")[2])) == [
        ("02:00:5e:00:53:04", "-", "eapol.identity", "computer"),
        ("02:00:5e:00:53:04", "-", "eapol.fqdn", "PC-0417.corp.example.net"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"host/PC1", [("eapol.identity", "computer"), ("eapol.hostname", "PC1")]),
        (b"CORP\\PC1$", [("eapol.identity", "computer"), ("eapol.hostname", "PC1")]),
        (b"m.meyer@example.net", [("eapol.identity", "user")]),
        (b"anonymous@example.net", [("eapol.identity", "anonymous")]),
        (b"@example.net", [("eapol.identity", "anonymous")]),
        (b"", [("eapol.identity", "anonymous")]),
        (b"02-00-5E-00-53-03", [("eapol.identity", "mac")]),
        (b"0001010123456789@wlan.mnc001.mcc001.3gppnetwork.org", [("eapol.identity", "sim")]),
        (b"$", [("eapol.identity", "user")]),
        (b"user\0networkid=office,nasid=AP1", [("eapol.identity", "user")]),
    ],
)
def test_kinds_of_identity(text: bytes, expected: list[tuple[str, str]]) -> None:
    """Only the type of an identity, and the name of a computer, are observations."""
    assert values(identity(text)) == expected


def test_an_imsi_is_never_reported() -> None:
    """The identity of a SIM card identifies a person and is not reported."""
    assert "001010123456789" not in repr(events(identity(b"1001010123456789@wlan.mnc001.mcc001.3gppnetwork.org")))


def test_who_lets_in() -> None:
    """The sender of an identity request is an authenticator; the sender of a response is not."""
    assert values(Eapol().dissect(packets("eapol")[1])) == [("eapol.role", "authenticator")]
    assert values(Eapol().dissect(packets("eapol")[4])) == []


@pytest.mark.parametrize(
    "payload", [b"\x07\0\0\0", b"\x01\x09\0\0", b"\x02\x03\0\x03\x09\0\0", b"\x01\0\0\x04\x09\0\0\x04"]
)
def test_others_are_left_alone(payload: bytes) -> None:
    """Unknown versions, types, keys and codes yield nothing."""
    assert dissect(payload) == []


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x01\0\0",
        b"\x01\0\0\x05\x02",
        b"\x01\0\0\x04\x02\x01\0\x04",
        b"\x01\x03\0\x01\x02",
        b"\x01\0\0\x05\x02\x01\0\x40\x01",
    ],
)
def test_malformed(payload: bytes) -> None:
    """Lengths past the end of the frame or too short for their content are malformed."""
    with pytest.raises(Malformed):
        dissect(payload)
    assert dissect(payload, problem=1) == [] or events(dissect(payload, problem=1))

"""NetBIOS names: their owners, and hosts that only mention them."""

from __future__ import annotations

import struct

import pytest

from pcaps.dissectors._smb import netbios_name
from pcaps.dissectors.nbns import REGISTRATION, WAIT, message, owner, status
from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.nbns import Nbns
from tests.dissectors.samples import events, facts, packets, values

DESKTOP, CONTROLLER = "02:00:5e:00:53:04", "02:00:5e:00:53:05"
DESK = parse("10.20.30.14")


def sample(number: int) -> list[object]:
    return list(Nbns().dissect(packets("nbns")[number]))


def dissect(payload: bytes, **fields: int) -> list[object]:
    return list(
        Nbns().dissect(Packet(payload, src=parse("10.0.0.5"), src_mac=0x020000000005, sport=137, dport=137, **fields))
    )


def test_registration() -> None:
    """A host that registers a name for its own address owns it; a group name is its domain or workgroup."""
    assert events(sample(0)) == [("NbnsRegistration", 0x101, "DESK-04", 0, False, DESK, False, True)]
    assert facts(sample(0)) == [
        (DESKTOP, "10.20.30.14", "netbios.hostname", "DESK-04"),
        (DESKTOP, "10.20.30.14", "netbios.service", "workstation"),
    ]
    assert values(sample(1)) == [("netbios.hostname", "DESK-04"), ("netbios.service", "server")]
    assert values(sample(2)) == [("netbios.domain", "OFFICE"), ("netbios.service", "domain")]


def test_query_and_answer() -> None:
    """A name is reported only for a host that answers with its own address."""
    assert (events(sample(3)), values(sample(3))) == ([("NbnsQuery", 0x104, "DESK-04", 0, False, True)], [])
    assert events(sample(4)) == [("NbnsAnswer", 0x104, "DESK-04", 0, 0, ((DESK, False),), False)]
    assert values(sample(4)) == [("netbios.hostname", "DESK-04"), ("netbios.service", "workstation")]


def test_node_status() -> None:
    """A node status lists the host's own names, its groups and its services."""
    assert events(sample(5)) == [("NbnsQuery", 0x105, "*", 0, True, False)]
    names = (
        ("DESK-04", 0, False),
        ("OFFICE", 0, True),
        ("DESK-04", 0x20, False),
        ("OFFICE", 0x1E, True),
        ("__MSBROWSE__", 1, True),
    )
    assert events(sample(6)) == [("NbnsStatus", 0x105, names, 0x02005E005304)]
    assert values(sample(6)) == [
        ("netbios.hostname", "DESK-04"), ("netbios.service", "workstation"), ("netbios.domain", "OFFICE"),
        ("netbios.service", "domain"),
        ("netbios.service", "server"), ("netbios.service", "browser_elections"), ("netbios.service", "master_browsers"),
    ]  # fmt: skip


def test_domain_controller() -> None:
    """A host that answers for the domain controllers group with its own address is a domain controller."""
    assert facts(sample(8)) == [
        (CONTROLLER, "10.20.30.5", "netbios.role", "domain_controller"),
        (CONTROLLER, "10.20.30.5", "netbios.service", "domain_controllers"),
    ]


def test_name_server_shares_no_names() -> None:
    """Answers about other hosts, and grants, waits and rejections of a name server, yield events only."""
    assert events(sample(10)) == [("NbnsAnswer", 0x107, "FILES", 0x20, 0, ((parse("10.20.9.9"), False),), True)]
    assert events(sample(12)) == [("NbnsRegistered", 0x108, "DESK-04", 0, 0, 0, False, True)]
    assert events(sample(13)) == [("NbnsRegistered", 0x108, "DESK-04", 0, 0, DESK, False, False)]
    assert events(sample(18)) == [("NbnsAnswer", 0x10C, "NOBODY", 0, 3, ((parse("0.0.0.0"), False),), True)]
    assert [values(sample(number)) for number in (10, 12, 13, 18)] == [[], [], [], []]
    two = owner("10.0.0.5", group=True) + owner("10.0.0.6", group=True)
    assert values(dissect(message(1, 0x8580, netbios_name("OFFICE", 0x1C), data=two))) == []


def test_defence_and_release() -> None:
    """A defending host repeats the requester's address; a release yields no observation."""
    assert events(sample(15)) == [("NbnsRegistered", 0x109, "DESK-04", 0, 6, parse("10.20.30.13"), False, False)]
    assert events(sample(16))[0][-2:] == (True, False)
    assert events(sample(17)) == [("NbnsRelease", 0x10B, "DESK-04", 0, False, DESK)]
    assert [values(sample(number)) for number in (15, 17)] == [[], []]


def test_registration_for_another_address() -> None:
    """A proxy that registers a name for another address does not own it."""
    assert values(dissect(message(1, REGISTRATION, netbios_name("X", 0), data=owner("10.0.0.9")))) == []


def test_names() -> None:
    """Names in other code pages, with unknown suffixes or with a scope are decoded; placeholders are not host names."""
    own = owner("10.0.0.5")
    assert values(dissect(message(1, REGISTRATION, netbios_name("BÜRO", 0), data=own)))[0] == (
        "netbios.hostname",
        "BÜRO",
    )
    assert values(dissect(message(1, REGISTRATION, netbios_name("X", 0x77), data=own))) == [("netbios.service", "77")]
    scoped = netbios_name("X", 0)[:-1] + b"\5scope\0"
    assert events(dissect(message(1, 0x0110, scoped)))[0][2:4] == ("X", 0)
    assert values(dissect(message(1, REGISTRATION, netbios_name("*SMBSERVER", 0x20), data=own))) == [
        ("netbios.service", "server")
    ]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        message(1, 0x0110, netbios_name("A", 0))[:-1],
        message(1, 0x0110, b"\x20" + b"Q" * 32 + b"\0"),
        message(1, 0x0110, b"\1a\0"),
        message(1, 0x0110, netbios_name("A", 0)[:-1] + b"\1a" * 20 + b"\0"),
        message(1, 0x0110, b"\xc0\x0c"),
        message(1, REGISTRATION, netbios_name("A", 0)),
        message(1, REGISTRATION, netbios_name("A", 0), data=b"\0\0\1"),
        message(1, 0x3800, netbios_name("A", 0), data=owner("10.0.0.1")),
        message(1, 0x1000, netbios_name("A", 0)),
        message(1, 0x8500, netbios_name("A", 0), 0x21, b"\7abc"),
        struct.pack("!6H", 1, 0, 9, 0, 0, 0) + netbios_name("A", 0),
    ],
)
def test_malformed(payload: bytes) -> None:
    """Truncated messages, wrong encodings or lengths, endless scopes and pointers, invalid owners and unknown opcodes
    are malformed.
    """
    with pytest.raises(Malformed):
        dissect(payload)


def test_cut_by_the_capture() -> None:
    """A truncated list of names yields nothing."""
    whole = message(1, 0x8400, netbios_name("*", 0), 0x21, status("02:00:5e:00:53:04", ("A", 0, 0)))
    assert dissect(whole[:70], problem=1) == []
    assert events(dissect(message(1, WAIT, netbios_name("A", 0), data=b"\0\0")))[0][0] == "NbnsRegistered"

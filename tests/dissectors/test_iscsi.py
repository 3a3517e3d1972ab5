"""iSCSI: initiators, targets, logins with their result, and access without a login."""

from __future__ import annotations

from typing import Any

import pytest

from pcaps.dissectors.iscsi import BACKUP, LAST, LINUX, OPEN, WINDOWS, answer, chap, login, message
from sensor.core.packet import Packet
from sensor.dissectors.iscsi import Iscsi
from tests.dissectors.samples import events, packets, values

PC = [("iscsi.initiator", WINDOWS), ("iscsi.hostname", "pc-7.example.com")]
SRV = [("iscsi.initiator", LINUX), ("iscsi.hostname", "srv02")]

# Events and observations of each connection of the sample capture.
EXPECTED: dict[int, tuple[list[Any], list[tuple[str, str]]]] = {
    49430: ([], [*PC, ("iscsi.target", OPEN), ("iscsi.target", BACKUP)]),
    49431: ([("IscsiLogin", "", "none", True, "", OPEN)], [*PC, ("iscsi.target", OPEN)]),
    49432: ([("IscsiLogin", "backup", "chap", True, "", BACKUP)], [*SRV, ("iscsi.target", BACKUP)]),
    49433: ([("IscsiLogin", "backup", "chap", False, "", BACKUP)], SRV),
    49434: ([], PC),
}


def conversation(parts: list[tuple[bool, bytes]]) -> list[Any]:
    stream, packet = Iscsi().stream(Packet()), Packet(proto=6)
    return [parsed for from_client, data in parts for parsed in stream.feed(packet, data, from_client)]


@pytest.mark.parametrize("port", EXPECTED)
def test_sessions(port: int) -> None:
    """Targets are listed, mounted without a login, with CHAP, and rejected."""
    found = packets("iscsi")
    parsed = conversation([(one.sport == port, one.payload) for one in found if port in (one.sport, one.dport)])
    assert (events(parsed), values(parsed)) == EXPECTED[port]


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("iqn.1998-01.com.vmware:esx01-4a5b6c7d", ["esx01"]),
        ("iqn.1998-01.com.vmware:esx01.example.com:1234567:64", ["esx01.example.com"]),
        ("iqn.1994-05.com.redhat:1a2b3c4d5e6f", []),
    ],
)
def test_names_of_hosts(name: str, host: list[str]) -> None:
    """Some systems put the name of the host into that of the initiator."""
    assert [
        value for kind, value in values(conversation([login(name, OPEN, LAST)])) if kind == "iscsi.hostname"
    ] == host


def test_a_list_that_requires_a_login() -> None:
    """CHAP in a discovery session is a login too; a list without one is no access to data."""
    parts = [login(LINUX, "", 0x81), (True, message(0x43, LAST, "CHAP_N=backup", "CHAP_R=0x00")), answer(LAST)]
    assert events(conversation(parts)) == [("IscsiLogin", "backup", "chap", True, "", "")]
    assert events(conversation([login(LINUX, "", LAST), answer(LAST)])) == []


@pytest.mark.parametrize(
    "parts",
    [
        [answer(LAST)],
        chap(True)[2:],  # captured from its middle
        [(True, b"\x16\x03\x01\2\0" + bytes(60))],
        [(True, b"\x03\0\0\x2b\x26\xe0" + bytes(60))],
        [login(LINUX, OPEN, LAST), answer(0x03), answer(LAST, status=0x0101)],  # it goes on, and to another address
    ],
)
def test_other_connections(parts: list[tuple[bool, bytes]]) -> None:
    """Connections without their login, other protocols, and logins that do not end yield no login."""
    assert events(conversation(parts)) == []


def test_after_a_gap() -> None:
    """A part of the login may be missing: what follows shows nothing."""
    stream, packet = Iscsi().stream(Packet()), Packet(proto=6)
    list(stream.feed(packet, login(LINUX, OPEN, LAST)[1], True))
    assert (list(stream.gap(packet, 100, True)), stream.done) == ([], True)

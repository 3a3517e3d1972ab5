"""Browser announcements of hosts, and other NetBIOS datagrams."""

from __future__ import annotations

import pytest

from pcaps.dissectors._smb import mailslot, netbios_name
from pcaps.dissectors.browser import BROWSE, announcement, datagram
from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.browser import LAN_MANAGER, Browser
from tests.dissectors.samples import events, facts, packets, values

DESKTOP = "02:00:5e:00:53:04"
MASTER = netbios_name("OFFICE", 0x1D)


def sample(number: int) -> list[object]:
    return list(Browser().dissect(packets("browser")[number]))


def dissect(data: bytes, **fields: int) -> list[object]:
    payload = datagram("DESK", "10.0.0.5", MASTER, data)
    return list(
        Browser().dissect(
            Packet(payload, src=parse("10.0.0.5"), src_mac=0x020000000005, sport=138, dport=138, **fields)
        )
    )


def test_host() -> None:
    """A Windows host announces its name, domain, comment, version and server types."""
    assert events(sample(0)) == [("BrowserAnnouncement", "DESK-04", "OFFICE", "10.0", 0x1003, "Front desk", False)]
    assert facts(sample(0)) == [
        (DESKTOP, "10.20.30.14", "netbios.hostname", "DESK-04"),
        (DESKTOP, "10.20.30.14", "netbios.domain", "OFFICE"),
        (DESKTOP, "10.20.30.14", "browser.comment", "Front desk"),
        (DESKTOP, "10.20.30.14", "browser.version", "10.0 workstation,server,nt_workstation"),
    ]


def test_roles() -> None:
    """The server types of a domain controller and a print server give a role; Samba's print queue flag does not."""
    assert [one for one in values(sample(1)) if one[0] == "browser.role"] == []
    assert ("browser.comment", "Samba 4.17.12-Debian") in values(sample(1))
    assert ("browser.role", "domain_controller") in values(sample(2))
    assert events(sample(2))[0][-1] is True
    queue = mailslot(BROWSE, announcement(1, "P", (6, 3), 0x9203, ""))
    assert ("browser.role", "print_server") in values(dissect(queue))


def test_announcement_of_lan_manager() -> None:
    """LAN Manager announcements of Samba have name and comment at other offsets; other messages to that mailslot report
    only the name.
    """
    host = bytes.fromhex("0100 039a8000 0409 b400") + b"NAS-2\0Samba 3.6\0"
    parsed = dissect(mailslot(LAN_MANAGER, host))
    assert events(parsed) == [("BrowserAnnouncement", "NAS-2", "OFFICE", "4.9", 0x809A03, "Samba 3.6", False)]
    assert ("netbios.hostname", "NAS-2") in values(parsed)
    assert events(dissect(mailslot(LAN_MANAGER, b"\2\0"))) == [
        ("BrowserDatagram", 0x11, "DESK", "OFFICE", 0x1D, LAN_MANAGER)
    ]


def test_goodbye() -> None:
    """Samba that stops announces no server types and the version of some Windows: this yields no observation."""
    parsed = dissect(mailslot(BROWSE, announcement(1, "NAS-2", (6, 1), 0, "Samba 4.22")))
    assert events(parsed) == [("BrowserAnnouncement", "NAS-2", "OFFICE", "6.1", 0, "Samba 4.22", False)]
    assert values(parsed) == []


def test_handed_on_by_another() -> None:
    """A datagram forwarded for another address yields no observation about its sender."""
    assert events(sample(3))[0][:2] == ("BrowserAnnouncement", "PRINTHOST")
    assert values(sample(3)) == []


def test_other_messages() -> None:
    """Domains, elections, requests, other mailslots, direct messages and errors yield events only."""
    parsed = [events(sample(number)) for number in range(4, 11)]
    assert parsed == [
        [("BrowserDomain", "OFFICE", "DC-1")],
        [("BrowserElection", "DESK-04", 0x14000F03, 90)],
        [("BrowserRequest", 2, "PRINTER")],
        [("BrowserRequest", 9, "")],
        [("BrowserDatagram", 0x11, "DESK-04", "OFFICE", 0x1C, "\\MAILSLOT\\NET\\NETLOGON")],
        [("BrowserDatagram", 0x10, "DESK-04", "FRONT", 3, "")],
        [("BrowserDatagram", 0x13, "", "", 0, "")],
    ]
    assert all(values(sample(number)) == [] for number in range(4, 11))


def test_fragment_of_a_datagram() -> None:
    """A fragment of a larger datagram is not parsed."""
    payload = bytearray(datagram("DESK", "10.0.0.5", MASTER, mailslot(BROWSE, announcement(1, "D", (10, 0), 3, ""))))
    payload[1] |= 1
    assert events(list(Browser().dissect(Packet(bytes(payload)))))[0][0] == "BrowserDatagram"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x42" + bytes(80),
        datagram("A", "10.0.0.5", MASTER, b"")[:60],
        datagram("A", "10.0.0.5", MASTER, mailslot(BROWSE, b"\x77\0\0\0")),
        datagram("A", "10.0.0.5", MASTER, mailslot(BROWSE, announcement(1, "D", (10, 0), 3, "")[:20])),
        datagram("A", "10.0.0.5", MASTER, mailslot(BROWSE, announcement(1, "D", (10, 0), 3, "x"))[:-3]),
        datagram("A", "10.0.0.5", MASTER, mailslot(BROWSE, b"\x08\1")),
    ],
)
def test_malformed(payload: bytes) -> None:
    """Other protocols, truncated names, unknown messages, and announcements or data that end early are malformed."""
    with pytest.raises(Malformed):
        list(Browser().dissect(Packet(payload)))


def test_cut_by_the_capture() -> None:
    """A datagram truncated by the capture yields nothing."""
    assert list(Browser().dissect(Packet(packets("browser")[0].payload[:100], problem=1))) == []

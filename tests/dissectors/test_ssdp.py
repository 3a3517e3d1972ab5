"""SSDP: searches, announcements and answers, the device they describe, and vendor-specific fields."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.ssdp import Ssdp
from tests.dissectors.samples import events, facts, packets, values

ALIVE = (
    b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nNTS: ssdp:alive\r\nNT: "
    b"upnp:rootdevice\r\nUSN: uuid:1::upnp:rootdevice\r\nLOCATION: %b\r\n\r\n"
)


def dissect(payload: bytes, src: str = "10.0.0.5", **fields: int) -> list[object]:
    ip_version = 6 if ":" in src else 4
    return list(
        Ssdp().dissect(
            Packet(
                payload, src=parse(src), src_mac=0x020000000005, sport=1900, dport=1900, ip_version=ip_version, **fields
            )
        )
    )


def test_search_reports_only_the_program() -> None:
    """A search yields an observation of the client's program, not of the searched type."""
    parsed = list(Ssdp().dissect(packets("ssdp")[0]))
    assert events(parsed) == [("SsdpSearch", "roku:ecp", "Google Chrome/131.0.6778.86 Windows")]
    assert facts(parsed) == [
        ("02:00:5e:00:53:04", "10.20.30.66", "ssdp.user_agent", "Google Chrome/131.0.6778.86 Windows")
    ]


def test_answer() -> None:
    """An answer reports program, type, name, location and vendor-specific fields."""
    parsed = list(Ssdp().dissect(packets("ssdp")[1]))
    server, name = "Roku/12.5.0 UPnP/1.0 Roku/12.5.0", "uuid:roku:ecp:X00400AAAAAA"
    assert events(parsed) == [
        ("SsdpAnnouncement", "alive", "roku:ecp", name, "http://10.20.30.44:8060/", server, True, True)
    ]
    assert values(parsed) == [
        ("ssdp.server", server), ("ssdp.nt", "roku:ecp"), ("ssdp.usn", name), ("ssdp.location", ":8060/"),
        ("ssdp.header.device-group.roku.com", "D1E1D1C1"),
        ("ssdp.header.wakeup", "MAC=02:00:5e:00:53:06;Timeout=10"),
    ]  # fmt: skip


def test_announcements() -> None:
    """Announcements report a type or the device itself; updates and goodbyes yield no observation."""
    root, itself, update, goodbye = (list(Ssdp().dissect(packet)) for packet in packets("ssdp")[2:6])
    assert ("ssdp.nt", "upnp:rootdevice") in values(root)
    assert ("ssdp.header.hue-bridgeid", "02005EFFFE005302") in values(root)
    assert "ssdp.nt" not in dict(values(itself))
    assert ("ssdp.usn", "uuid:2f402f80-da50-11e1-9b23-02005e005302") in values(itself)
    assert [event[1] for event in events(update + goodbye)] == ["update", "byebye"]
    assert values(update + goodbye) == []


def test_answer_for_another_machine_and_refusal() -> None:
    """A description at another host describes that host; an error yields no observation."""
    elsewhere, refused = (list(Ssdp().dissect(packet)) for packet in packets("ssdp")[6:8])
    assert events(elsewhere)[0][-1] is False
    assert values(elsewhere + refused) == []
    assert events(refused) == [("SsdpAnnouncement", "", "", "", "", "web", True, False)]


def test_lamp() -> None:
    """Fields of Yeelight and a location that is not HTTP are reported."""
    parsed = dict(values(Ssdp().dissect(packets("ssdp")[8])))
    assert parsed["ssdp.location"] == "yeelight::55443"
    assert (parsed["ssdp.header.model"], parsed["ssdp.header.fw_ver"]) == ("color", "18")


@pytest.mark.parametrize(
    ("location", "src", "own"),
    [
        (b"http://10.0.0.5:80/", "10.0.0.5", True),
        (b"http://10.0.0.6:80/", "10.0.0.5", False),
        (b"http://127.0.0.1/", "10.0.0.5", False),
        (b"http://tv.example/", "10.0.0.5", True),
        (b"http://[fe80::1]/", "10.0.0.5", True),
        (b"http://[fe80::1]:80/", "fe80::1", True),
        (b"http://[fe80::2]:80/", "fe80::1", False),
        (b"http://10.0.0.6/", "fe80::1", True),
        (b"", "10.0.0.5", True),
    ],
)
def test_whose_it_is(location: bytes, src: str, own: bool) -> None:
    """A location with another address of the same family is another host; one that cannot be compared is accepted."""
    parsed = dissect(ALIVE % location, src)
    assert events(parsed)[0][-1] is own
    assert (("ssdp.usn", "uuid:1") in values(parsed)) is own


@pytest.mark.parametrize(
    ("location", "place"),
    [(b"https://a/x", "/x"), (b"http://[::1]:8/", ":8/"), (b"http://a:80", ":80"), (b"nonsense", "")],
)
def test_places(location: bytes, place: str) -> None:
    """The location is reported as port and path, without the host."""
    assert (
        dict(values(dissect(ALIVE % location, "::1" if b"[" in location else "10.0.0.5"))).get("ssdp.location", "")
        == place
    )


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\0\1",
        b"SUBSCRIBE * HTTP/1.1\r\n\r\n",
        b"M-SEARCH\r\n\r\n",
        b"HTTP/1.1 ok\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\n\r\n",
    ],
)
def test_malformed(payload: bytes) -> None:
    """Other protocols and other methods are malformed."""
    with pytest.raises(Malformed):
        dissect(payload)


def test_truncated_before_its_state() -> None:
    """A truncated announcement is alive if it has LOCATION (a goodbye has none) and a lifetime (an update has none)."""
    head = b"NOTIFY * HTTP/1.1\r\nCACHE-CONTROL: max-age=20\r\nLOCATION: http://10.0.0.5:80/nas.xml\r\n"
    head += b"SERVER: IOOS/2, HooToo/TM02\r\nNT: upnp:"
    parsed = dissect(head, problem=1)
    assert events(parsed)[0][1] == "alive"
    assert ("ssdp.server", "IOOS/2, HooToo/TM02") in values(parsed)
    for missing in (b"LOCATION", b"CACHE-CONTROL"):
        assert values(dissect(head.replace(missing, b"X-OTHER"), problem=1)) == []


def test_cut_before_the_location_shares_nothing() -> None:
    """An announcement truncated before its location may be about another host and yields no observation."""
    whole = ALIVE % b"http://10.0.0.6/"
    cut = whole[: whole.index(b"LOCATION") + 12]
    assert values(dissect(cut, problem=1)) == []
    assert len(events(dissect(cut))) == 1


def test_vendor_fields_are_bounded() -> None:
    """At most 12 vendor-specific fields with valid names are reported."""
    fields = b"".join(b"X-%d: a\r\n" % number for number in range(40)) + b"x y: 1\r\n"
    parsed = values(dissect((ALIVE % b"http://10.0.0.5/").replace(b"NTS:", fields + b"NTS:")))
    assert len([kind for kind, _ in parsed if kind.startswith("ssdp.header.")]) == 12

"""WS-Discovery: hellos, answers and queries, the device they describe, and hostile XML."""

from __future__ import annotations

import pytest

from pcaps.dissectors.wsd import endpoint, envelope, match
from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared import xml_tree
from sensor.dissectors.wsd import Wsd
from tests.dissectors.samples import events, facts, packets, values

UUID = "00000000-0000-4000-8000-000000000001"


def dissect(payload: bytes, src: str = "10.0.0.5", **fields: int) -> list[object]:
    return list(
        Wsd().dissect(Packet(payload, src=parse(src), src_mac=0x020000000005, sport=3702, dport=3702, **fields))
    )


def test_printer_reports_hello() -> None:
    """Types are reported with the standard prefixes, whatever prefixes the sender uses."""
    parsed = list(Wsd().dissect(packets("wsd")[0]))
    name = "urn:uuid:e3248000-80ce-11db-8000-02005e005303"
    types = ("wsdp:Device", "wprt:PrintDeviceType")
    assert events(parsed) == [
        ("WsdAnnouncement", "Hello", name, types, (), ("http://10.20.30.40:80/WebServices/Device",), True)
    ]
    printer = ("02:00:5e:00:53:03", "10.20.30.40")
    assert facts(parsed) == [
        (*printer, "wsd.endpoint", name),
        (*printer, "wsd.type", types[0]),
        (*printer, "wsd.type", types[1]),
    ]


def test_questions_describe_no_device() -> None:
    """A query for cameras yields no observation about its sender."""
    probe, resolve = list(Wsd().dissect(packets("wsd")[1])), list(Wsd().dissect(packets("wsd")[4]))
    assert events(probe) == [("WsdQuestion", "Probe", ("dn:NetworkVideoTransmitter",), "")]
    assert events(resolve) == [("WsdQuestion", "Resolve", (), "urn:uuid:00000000-0000-1000-8000-02005e005306")]
    assert values(probe + resolve) == []


def test_camera() -> None:
    """Scopes report name, model and location."""
    parsed = list(Wsd().dissect(packets("wsd")[2]))
    assert values(parsed) == [
        ("wsd.endpoint", "urn:uuid:00000000-0000-1000-8000-02005e005306"), ("wsd.type", "dn:NetworkVideoTransmitter"),
        ("wsd.scope_type", "video_encoder"),
        ("wsd.scope_profile", "Streaming"), ("wsd.scope_name", "HIKVISION DS-2CD2143G2-I"),
        ("wsd.scope_hardware", "DS-2CD2143G2-I"),
        ("wsd.scope_location", "lobby"),
    ]  # fmt: skip


def test_recorder_answers_for_a_camera() -> None:
    """A match with another address does not describe the recorder that sends it."""
    parsed = list(Wsd().dissect(packets("wsd")[3]))
    assert [event[-1] for event in events(parsed)] == [False, True]
    assert values(parsed)[1:] == [("wsd.type", "dn:NetworkVideoStorage"), ("wsd.scope_name", "recorder")]


def test_computer_and_goodbye() -> None:
    """WS-Discovery 1.1 is parsed the same way; a goodbye yields no observation."""
    resolved, goodbye = list(Wsd().dissect(packets("wsd")[5])), list(Wsd().dissect(packets("wsd")[6]))
    assert [value for kind, value in values(resolved) if kind == "wsd.type"] == ["wsdp:Device", "pub:Computer"]
    assert events(goodbye)[0][1:3] == ("Bye", "urn:uuid:e3248000-80ce-11db-8000-02005e005303")
    assert values(goodbye) == []


def test_several_without_addresses_are_anybodys() -> None:
    """Several matches without addresses may come from a proxy; a single one describes its sender."""
    one = match(UUID, "a:b", "", "")
    assert len(values(dissect(envelope("ProbeMatches", one)))) == 2
    assert values(dissect(envelope("ProbeMatches", one + one))) == []
    assert len(events(dissect(envelope("ProbeMatches", one * 40)))) == 16
    assert events(dissect(envelope("ProbeMatches", ""))) == [("WsdAnnouncement", "ProbeMatches", "", (), (), (), False)]


@pytest.mark.parametrize(
    ("scope", "facts_sent"),
    [
        ("onvif://www.onvif.org/name/Front%20door", [("wsd.scope_name", "Front door")]),
        ("onvif://www.onvif.org/Profile/T", [("wsd.scope_profile", "T")]),
        ("onvif://www.onvif.org/location/country/x", [("wsd.scope_location", "country/x")]),
        ("onvif://www.onvif.org/name/%1b%5b31m", [("wsd.scope_name", "[31m")]),
        ("onvif://www.onvif.org/odd/x", []),
        ("http://schemas.example/x", []),
        ("onvif://www.onvif.org/name/", []),
    ],
)
def test_scopes(scope: str, facts_sent: list[tuple[str, str]]) -> None:
    """ONVIF scopes are reported and cleaned; other scopes are ignored."""
    body = endpoint(UUID) + f"<wsd:Scopes>{scope}</wsd:Scopes>"
    assert values(dissect(envelope("Hello", body)))[1:] == facts_sent


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"no XML",
        b"<!DOCTYPE a><a/>",
        b'<?xml version="1.0"?><!ENTITY a "b"><a/>',
        b"<a>" * 40,
        b"<a>" + b"<b/>" * 3000 + b"</a>",
        b"<a><b></a>",
        b"</a>",
        b"<1/>",
        envelope("Hello", endpoint(UUID))[:-60],
    ],
)
def test_malformed(payload: bytes) -> None:
    """Declarations, excessive depth or size, unmatched tags and unfinished documents are malformed."""
    with pytest.raises(Malformed):
        dissect(payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"<?xml version='1.0'?><Probe><Types>x</Types></Probe>",
        envelope("Subscribe", "x"),
        b"<Envelope><Body/></Envelope>",
    ],
)
def test_other_documents_report_nothing(payload: bytes) -> None:
    """XML documents of other protocols yield nothing."""
    assert dissect(payload) == []


def test_text_of_documents() -> None:
    """Predefined entities, CDATA, comments, processing instructions, byte order marks and UTF-16 are parsed."""
    document = "<?xml version='1.0'?><!-- <b> --><r><a>1 &lt; 2 &#65;</a><b><![CDATA[<x> & y]]></b><c/><d>cut"
    for data in (document.encode(), b"\xef\xbb\xbf" + document.encode(), document.encode("utf-16")):
        root = xml_tree.read(data).root
        assert [root.value(name) for name in ("a", "b", "c", "d", "e")] == ["1 < 2 A", "<x> & y", "", "", ""]


@pytest.mark.parametrize(
    "data",
    [b"<!--" * 20000, b"<![CDATA[]]>" * 6000, b"<?" * 30000, b"<a " + b"xmlns:a=" * 8000 + b">", b"&lt;" * 20000],
)
def test_hostile_documents_are_quick(data: bytes) -> None:
    """Hostile documents are rejected quickly."""
    with pytest.raises(Malformed):
        xml_tree.read(data + b"</b>")

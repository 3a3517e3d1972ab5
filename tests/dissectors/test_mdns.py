"""Multicast DNS: what a host announces about itself, and records that are not about it."""

from __future__ import annotations

import struct

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.mdns import Mdns
from tests.dissectors.samples import events, facts, packets, values
from tests.native.reference import Pair

HOST, TV = "10.0.0.5", b"\2tv\5local\0"


def name(text: str) -> bytes:
    return b"".join(bytes((len(label.encode()),)) + label.encode() for label in text.split(".")) + b"\0"


def record(owner: str, kind: int, data: bytes, ttl: int = 120) -> bytes:
    return name(owner) + struct.pack("!HHIH", kind, 0x8001, ttl, len(data)) + data


def announcement(*records: bytes, src: str = HOST, sport: int = 5353, flags: int = 0x8400) -> Packet:
    payload = struct.pack("!HHHHHH", 0, flags, 0, len(records), 0, 0) + b"".join(records)
    return Packet(payload, src=parse(src), src_mac=0x020000000005, sport=sport, dport=5353, proto=17)


def found(*records: bytes, src: str = HOST, sport: int = 5353, flags: int = 0x8400) -> list[object]:
    return list(Mdns().dissect(announcement(*records, src=src, sport=sport, flags=flags)))


def test_question() -> None:
    """A query yields each requested service once, and no other observation about the client."""
    packet = packets("mdns")[0]
    parsed = list(Mdns().dissect(packet))
    assert facts(parsed) == [
        ("02:00:5e:00:53:04", "10.20.30.14", "mdns.query", "_ipp._tcp"),
        ("02:00:5e:00:53:04", "10.20.30.14", "mdns.query", "_googlecast._tcp"),
    ]
    assert [(one.name, one.type) for one in parsed[0].questions] == [
        ("_ipp._tcp.local", 12),
        ("_googlecast._tcp.local", 12),
    ]
    assert not parsed[0].probe


def test_announcement_of_a_printer() -> None:
    """Service, instance, TXT keys and host name are observations about the sender."""
    parsed = list(Mdns().dissect(packets("mdns")[1]))
    assert parsed[0].own
    assert [one.port for one in parsed[0].records] == [0, 0, 631, 0]
    assert {(mac, address) for mac, address, _, _ in facts(parsed)} == {("02:00:5e:00:53:03", "10.20.30.13")}
    assert values(parsed) == [
        ("mdns.service", "_ipp._tcp"),
        ("mdns.instance", "Kyocera ECOSYS M3655idn @ 3F"),
        ("mdns.txt.txtvers", "1"),
        ("mdns.txt.ty", "Kyocera ECOSYS M3655idn"),
        ("mdns.txt.product", "(ECOSYS M3655idn)"),
        ("mdns.txt.rp", "ipp/print"),
        ("mdns.txt.note", "3rd floor"),
        ("mdns.txt.uuid", "4509a320-00e0-0056-00a8-0017c81a2b3c"),
        ("mdns.txt.color", "F"),
        ("mdns.hostname", "KM1A2B3C-3F"),
    ]


def test_description_in_place_of_a_key() -> None:
    """A TXT string without a value is a flag and omitted; one with spaces is a description."""
    parsed = found(record("cam._http._tcp.local", 16, b"\x17IC-3115W Network Camera\4flag\4a=b "))
    assert values(parsed)[2:] == [("mdns.text", "IC-3115W Network Camera"), ("mdns.txt.a", "b")]


def test_shared_queue_is_no_printer() -> None:
    """A host with CUPS that shares a printer describes the printer, not itself; its other services are its own."""
    queue = "HP LaserJet @ pc._ipp._tcp.local"
    parsed = found(
        record("_services._dns-sd._udp.local", 12, name("_ipp._tcp.local")),
        record("_ipp._tcp.local", 12, name(queue)),
        record(queue, 33, struct.pack("!HHH", 0, 0, 631) + name("pc.local")),
        record(queue, 16, b"\x0ety=HP LaserJet\x14rp=printers/LaserJet"),
        record("pc._ssh._tcp.local", 33, struct.pack("!HHH", 0, 0, 22) + name("pc.local")),
        record("pc.local", 1, bytes((10, 0, 0, 5))),
    )
    assert len(parsed[0].records) == 6
    assert values(parsed) == [("mdns.service", "_ssh._tcp"), ("mdns.instance", "pc"), ("mdns.hostname", "pc")]


@pytest.mark.parametrize(
    ("label", "host", "shared"),
    [
        ("front @ pc", "pc.local", True), ("Front Desk @ Anna's MacBook", "Annas-MacBook.local", True),
        ("a @ b @ PC.local", "pc.local", True), ("Kyocera @ 3F", "KM1A2B3C-3F.local", False), ("pc", "pc.local", False),
    ],
)  # fmt: skip
def test_a_queue_without_its_text_record(label: str, host: str, shared: bool) -> None:
    """CUPS names a queue after its host, and announces LPD with port 0 and no text. Printers are named for their place.
    Natively the same is parsed, or left to this dissector.
    """
    queue = f"{label}._printer._tcp.local"
    message = announcement(
        record("_printer._tcp.local", 12, name(queue)),
        record(queue, 33, struct.pack("!HHH", 0, 0, 0) + name(host)),
        record(host, 1, bytes((10, 0, 0, 5))),
    )
    parsed = values(list(Mdns().dissect(message)))
    assert (("mdns.service", "_printer._tcp") in parsed) is not shared
    assert parsed[-1] == ("mdns.hostname", host.removesuffix(".local"))
    answer = Pair("mdns").compare(message)
    assert (answer.taken, answer.fault) == (not shared, "")


def test_a_list_of_service_types_makes_no_printer() -> None:
    """Computers that share a queue list the types of printing too; a printer announces its own instance as well."""
    types = [record("_services._dns-sd._udp.local", 12, name(f"{one}._tcp.local")) for one in ("_ipp", "_ssh")]
    assert values(found(*types)) == [("mdns.service", "_ssh._tcp")]
    assert Pair("mdns").compare(announcement(*types)).fault == ""


def test_goodbye_claims_nothing() -> None:
    """Records with a TTL of 0 are in the event but yield no observations."""
    parsed = list(Mdns().dissect(packets("mdns")[2]))
    assert [(one.name, one.ttl) for one in parsed[0].records] == [("_http._tcp.local", 0)]
    assert values(parsed) == []


def test_reflector_is_not_the_device() -> None:
    """A message without an address of the sender is about another host and yields no observation."""
    parsed = list(Mdns().dissect(packets("mdns")[3]))
    assert not parsed[0].own
    assert values(parsed) == []


def test_probe_asks_for_its_own_name() -> None:
    """A probe (a query with proposed records) yields no requested service."""
    parsed = list(Mdns().dissect(packets("mdns")[4]))
    assert parsed[0].probe
    assert values(parsed) == []


def test_names_beyond_ascii_over_ipv6() -> None:
    """Host names are UTF-8; over IPv6 the host is identified by its AAAA record."""
    parsed = list(Mdns().dissect(packets("mdns")[5]))
    assert facts(parsed) == [("02:00:5e:00:53:04", "fe80::5eff:fe00:5304", "mdns.hostname", "bureau-café")]


def test_hosts_with_several_addresses() -> None:
    """One of several addresses must be the sender's, and only the host with that address is named."""
    parsed = found(record("docker.local", 1, bytes((172, 17, 0, 1))), record("nas.local", 1, bytes((10, 0, 0, 5))))
    assert values(parsed) == [("mdns.hostname", "nas")]


@pytest.mark.parametrize(("address", "own"), [("fe80::5", True), ("fe80::7", False), ("2001:db8::7", True)])
def test_link_local_addresses_of_others(address: str, own: bool) -> None:
    """Over IPv6 only another link-local address shows another host: a host has several other addresses."""
    parsed = found(record("tv.local", 28, parse(address).to_bytes(16, "big")), src="fe80::5")
    assert values(parsed) == ([("mdns.hostname", "tv")] if own else [])


def test_service_pointer_names_the_host_where_no_address_does() -> None:
    """Without address records the target of an SRV record is the host."""
    parsed = found(record("Den._raop._tcp.local", 33, struct.pack("!HHH", 0, 0, 7000) + TV))
    assert values(parsed) == [("mdns.service", "_raop._tcp"), ("mdns.instance", "Den"), ("mdns.hostname", "tv")]


@pytest.mark.parametrize(
    ("owner", "target", "expected"),
    [
        ("_services._dns-sd._udp.local", "_Hap._tcp.local", [("mdns.service", "_hap._tcp")]),
        (
            "_universal._sub._ipp._tcp.local",
            "A.b. c._ipp._tcp.local",
            [("mdns.service", "_ipp._tcp"), ("mdns.instance", "A.b. c")],
        ),
        ("5.0.0.10.in-addr.arpa", "tv.local", []),
        ("_tcp.local", "x.local", []),
        ("lb._dns-sd._udp.local", "x.local", []),
    ],
)
def test_pointers(owner: str, target: str, expected: list[tuple[str, str]]) -> None:
    """Type lists, subtypes and dots in instance names are read; reverse names and browsing domains are ignored."""
    assert values(found(record(owner, 12, name(target)))) == expected


def test_texts() -> None:
    """TXT keys are in lower case and values cleaned; flags, empty values and invalid keys are omitted."""
    data = b"".join(
        bytes((len(one),)) + one
        for one in (
            b"MD=Sonos \x1b[1mOne",
            b"flag",
            b"empty=",
            b"=x",
            b"a b=c",
            b"\xff=1",
            b"k=v=w",
            b"x" * 65 + b"=1",
            b"\xc3\xa9=1",
        )
    )
    assert values(found(record("Den._sonos._tcp.local", 16, data))) == [
        ("mdns.service", "_sonos._tcp"),
        ("mdns.instance", "Den"),
        ("mdns.txt.md", "Sonos  [1mOne"),
        ("mdns.txt.k", "v=w"),
    ]


def test_answers_from_other_ports_are_not_believed() -> None:
    """A response from a port other than 5353 yields its event and no observations (RFC 6762, 6)."""
    parsed = found(record("tv.local", 1, bytes((10, 0, 0, 5))), sport=40000)
    assert [type(one).__name__ for one in parsed] == ["MdnsAnnouncement"]
    assert not parsed[0].own


def test_other_operations_are_ignored() -> None:
    """Messages with another opcode yield nothing (RFC 6762, 18.3)."""
    assert found(flags=0xA800) == []


def test_known_answers_are_not_the_askers() -> None:
    """Known answers in a query are about other hosts."""
    payload = (
        struct.pack("!HHHHHH", 0, 0, 1, 1, 0, 0)
        + name("_ipp._tcp.local")
        + b"\0\x0c\0\1"
        + record("_ipp._tcp.local", 12, name("P._ipp._tcp.local"))
    )
    parsed = list(Mdns().dissect(Packet(payload, src=parse(HOST), sport=5353, dport=5353)))
    assert [kind for kind, _ in values(parsed)] == ["mdns.query"]


def test_cut_and_malformed() -> None:
    """A truncated message yields its complete records; a short message that was not truncated is malformed."""
    packet = packets("mdns")[1]
    cut = Packet(packet.payload[:-3], src=packet.src, sport=5353, problem=1)
    assert len(events(list(Mdns().dissect(cut)))[0][1]) == 3
    with pytest.raises(Malformed):
        list(Mdns().dissect(Packet(packet.payload[:-3], src=packet.src, sport=5353)))


def test_host_information() -> None:
    """HINFO of the sender yields its processor and system (RFC 1035, 3.3.2), that of another host does not, nor does a
    record with one string.
    """
    address = record("tv.local", 1, bytes((10, 0, 0, 5)))
    for owner, data, facts_of_it in (
        ("tv.local", b"\6X86_64\5LINUX", [("mdns.cpu", "X86_64"), ("mdns.system", "LINUX")]),
        ("pc.local", b"\6X86_64\5LINUX", []),
        ("tv.local", b"\0\5LINUX", []),
        ("tv.local", b"\6X86_64\6LINUX", []),
    ):
        parsed = found(address, record(owner, 13, data))
        assert values(parsed) == [("mdns.hostname", "tv"), *facts_of_it]
        Pair("mdns").compare(announcement(address, record(owner, 13, data)))

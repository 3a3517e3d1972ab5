"""DHCP: observations about clients, leases and servers, each about the right device."""

from __future__ import annotations

import struct

import pytest

from sensor.core.addresses import NONE, V4, parse
from sensor.core.observation import Observation
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.dhcp import (
    Dhcp,
    DhcpAck,
    DhcpDecline,
    DhcpDiscover,
    DhcpInform,
    DhcpMessage,
    DhcpNak,
    DhcpOffer,
    DhcpOther,
    DhcpRelease,
    DhcpRequest,
)
from tests.dissectors.samples import facts, packets, values
from tests.native.reference import Pair

CLIENT, SERVER = "00:15:65:5e:53:02", "02:00:5e:00:53:01"
NOWHERE = "0.0.0.0"


def message(
    op: int,
    *options: bytes,
    ciaddr: str = NOWHERE,
    yiaddr: str = NOWHERE,
    giaddr: str = NOWHERE,
    link: int = 1,
    name: bytes = b"",
    file: bytes = b"",
) -> bytes:
    addresses = b"".join(
        struct.pack("!I", parse(address) & 0xFFFFFFFF) for address in (ciaddr, yiaddr, NOWHERE, giaddr)
    )
    head = (
        struct.pack("!BBBBIHH", op, link, 6, 0, 0xC0FFEE, 0, 0) + addresses + bytes.fromhex("0015655e5302") + bytes(10)
    )
    return head + name.ljust(64, b"\0") + file.ljust(128, b"\0") + b"\x63\x82\x53\x63" + b"".join(options) + b"\xff"


def option(code: int, value: bytes) -> bytes:
    return bytes((code, len(value))) + value


def dissect(payload: bytes, *, src: str = NOWHERE, problem: int = 0) -> list[object]:
    return list(
        Dhcp().dissect(Packet(payload, src=parse(src), src_mac=0x02005E005301, sport=67, dport=68, problem=problem))
    )


def client(*options: bytes, kind: int = 1, **fields: str) -> list[object]:
    return dissect(message(1, option(53, bytes((kind,))), *options, **fields))


def test_discover_of_a_phone() -> None:
    """Observations of a discover are about the hardware address, without an IP address, in the order of the options."""
    parsed = list(Dhcp().dissect(packets("dhcp")[0]))
    assert type(parsed[0]) is DhcpDiscover
    assert (parsed[0].xid, parsed[0].mac, parsed[0].hostname, parsed[0].vendor_class) == (
        0x1001,
        0x0015655E5302,
        "SIP-T46S",
        "yealink",
    )
    assert facts(parsed) == [
        (CLIENT, "-", "dhcp.vendor_class", "yealink"),
        (CLIENT, "-", "dhcp.hostname", "SIP-T46S"),
        (CLIENT, "-", "dhcp.parameter_list", "1,3,6,12,15,28,42,66,67,43,120"),
        (CLIENT, "-", "dhcp.client_id", "010015655e5302"),
    ]


def test_offer_reports_what_the_server_hands_out() -> None:
    """An offer contains gateway, DNS and the server's identifier, and is not a lease yet."""
    parsed = list(Dhcp().dissect(packets("dhcp")[1]))
    offer = parsed[0]
    assert type(offer) is DhcpOffer
    assert (offer.server, offer.offered, offer.netmask, offer.lease_s) == (
        parse("10.20.30.1"),
        parse("10.20.30.12"),
        parse("255.255.255.0"),
        86400,
    )
    assert (offer.gateways, offer.dns, offer.domain) == (
        (parse("10.20.30.1"),),
        (parse("10.20.30.1"), parse("10.20.1.53")),
        "office.example",
    )
    assert offer.boot_host == "http://10.20.30.5/provision"
    assert facts(parsed) == [(SERVER, "10.20.30.1", "dhcp.role", "server")]


def test_request_only_requests() -> None:
    """The address in option 50 is only requested: the event contains it, the observations have no address."""
    parsed = list(Dhcp().dissect(packets("dhcp")[2]))
    assert type(parsed[0]) is DhcpRequest
    assert (parsed[0].requested, parsed[0].address, parsed[0].server) == (
        parse("10.20.30.12"),
        NONE,
        parse("10.20.30.1"),
    )
    assert {address for _, address, _, _ in facts(parsed)} == {"-"}


def test_ack_is_a_lease_of_the_client() -> None:
    """The assigned address belongs to the hardware address in the message."""
    parsed = list(Dhcp().dissect(packets("dhcp")[3]))
    assert type(parsed[0]) is DhcpAck
    assert facts(parsed) == [
        (SERVER, "10.20.30.1", "dhcp.role", "server"),
        (CLIENT, "10.20.30.12", "dhcp.lease", "10.20.30.12"),
    ]


def test_overloaded_file_field_is_read() -> None:
    """Option 52 places more options in the file and server name fields; file is read first."""
    parsed = list(Dhcp().dissect(packets("dhcp")[4]))
    assert values(parsed) == [
        ("dhcp.parameter_list", "1,3,6,15,44,47"),
        ("dhcp.hostname", "BRN0080779A5303"),
        ("dhcp.vendor_class", "Brother"),
    ]
    both = dissect(
        message(
            1, option(53, b"\1"), option(52, b"\3"), name=option(12, b"-b") + b"\xff", file=option(12, b"a") + b"\xff"
        )
    )
    assert values(both) == [("dhcp.hostname", "a-b")]
    unread = dissect(message(1, option(53, b"\1"), name=option(12, b"-b") + b"\xff", file=option(12, b"a") + b"\xff"))
    assert values(unread) == []


def test_inform_holds_its_address() -> None:
    """A client that informs or renews has its address in ciaddr."""
    parsed = list(Dhcp().dissect(packets("dhcp")[5]))
    assert type(parsed[0]) is DhcpInform
    assert {address for _, address, _, _ in facts(parsed)} == {"10.20.30.14"}
    assert ("dhcp.fqdn", "DESK-04.office.example") in values(parsed)


def test_network_boot() -> None:
    """A network boot reports processor architecture, machine id, vendor class and user class."""
    parsed = list(Dhcp().dissect(packets("dhcp")[6]))
    assert values(parsed) == [
        ("dhcp.uuid", "00010203-0405-0607-0809-0a0b0c0d0e0f"),
        ("dhcp.architecture", "7"),
        ("dhcp.vendor_class", "PXEClient:Arch:00007:UNDI:003016"),
        ("dhcp.user_class", "iPXE"),
    ]


def test_relay_is_neither_client_nor_server() -> None:
    """Behind a relay the frame's MAC is the relay's: observations are about the client, and the server's role has no
    MAC.
    """
    request, granted = (list(Dhcp().dissect(packet)) for packet in packets("dhcp")[7:9])
    assert facts(request) == [("02:00:5e:00:53:06", "-", "dhcp.vendor_identifying", "368:AXIS,P14")]
    assert facts(granted) == [
        ("-", "10.20.1.67", "dhcp.role", "server"),
        ("02:00:5e:00:53:06", "10.20.40.16", "dhcp.lease", "10.20.40.16"),
    ]
    assert granted[0].relay == parse("10.20.40.1")


PHONE, ROUTER, BROADCAST = 0x0015655E5302, 0x02005E005301, 0xFFFFFFFFFFFF
REQUESTED = message(1, option(53, b"\3"), option(12, b"phone"))
GRANTED = message(2, option(53, b"\5"), option(54, bytes((10, 0, 0, 1))), yiaddr="10.1.0.7")


@pytest.mark.parametrize(
    ("payload", "ends", "vlans"),
    [
        (REQUESTED, (PHONE, BROADCAST), [10]),
        (REQUESTED, (ROUTER, 0x02005E005302), [0]),
        (GRANTED, (0x02005E005302, PHONE), [0, 10]),
        (GRANTED, (0x02005E005302, BROADCAST), [0, 10]),
        (GRANTED, (0x02005E005302, ROUTER), [0, 0]),
    ],
)
def test_a_forwarded_message_has_another_vlan(payload: bytes, ends: tuple[int, int], vlans: list[int]) -> None:
    """Between a relay or router and the server, frames have the server's VLAN, which is not the client's; a server
    whose frame was not seen has none.
    """
    packet = Packet(payload, src=parse("10.9.0.1"), src_mac=ends[0], dst_mac=ends[1], sport=67, dport=68, vlan=10)
    parsed = list(Dhcp().dissect(packet))
    assert [one.subject.vlan for one in parsed if isinstance(one, Observation)] == vlans
    assert Pair("dhcp").compare(packet).fault == ""


def test_a_client_and_a_server_in_one_vlan() -> None:
    """Without a relay both have the VLAN of the frame, also natively."""
    packet = Packet(GRANTED, src=parse("10.0.0.1"), src_mac=ROUTER, dst_mac=PHONE, sport=67, dport=68, vlan=10)
    parsed = list(Dhcp().dissect(packet))
    assert [one.subject for one in parsed if isinstance(one, Observation)] == [
        (ROUTER, parse("10.0.0.1"), 10),
        (PHONE, parse("10.1.0.7"), 10),
    ]
    assert Pair("dhcp").compare(packet) == (True, "")


def test_server_that_sends_from_another_address_keeps_no_mac() -> None:
    """The frame's MAC is the server's only if the packet comes from the server's own address."""
    parsed = dissect(message(2, option(53, b"\2"), option(54, bytes((10, 0, 0, 1)))), src="10.0.0.9")
    assert facts(parsed) == [("-", "10.0.0.1", "dhcp.role", "server")]


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        (1, DhcpDiscover),
        (3, DhcpRequest),
        (4, DhcpDecline),
        (7, DhcpRelease),
        (8, DhcpInform),
        (10, DhcpOther),
        (99, DhcpOther),
    ],
)
def test_kinds_of_clients(kind: int, event: type[DhcpMessage]) -> None:
    """Each message type has its event; a release gives up the address, and a lease query is about another host."""
    parsed = client(option(12, b"host"), kind=kind, ciaddr="10.0.0.7")
    assert type(parsed[0]) is event
    assert parsed[0].address == parse("10.0.0.7")
    about = {3: "10.0.0.7", 8: "10.0.0.7"}.get(kind, "-")
    assert facts(parsed) == ([] if kind > 9 else [(CLIENT, about, "dhcp.hostname", "host")])


def test_nak_and_bootp() -> None:
    """A NAK identifies the server; a message without a type is BOOTP, which may have no options."""
    refused = dissect(message(2, option(53, b"\6"), option(54, bytes((10, 0, 0, 1)))), src="10.0.0.1")
    assert type(refused[0]) is DhcpNak
    assert facts(refused) == [(SERVER, "10.0.0.1", "dhcp.role", "server")]
    plain = dissect(message(1, option(12, b"old"), ciaddr="10.0.0.7"))
    assert (type(plain[0]), plain[0].type) == (DhcpOther, 0)
    assert facts(plain) == [(CLIENT, "10.0.0.7", "dhcp.hostname", "old")]
    older = dissect(message(2, yiaddr="10.0.0.7", file=b"boot.img")[:236] + bytes(64))
    assert [(type(one), one.mac, one.offered, one.boot_file) for one in older] == [
        (DhcpOther, 0x0015655E5302, parse("10.0.0.7"), "boot.img")
    ]


def test_ack_to_an_inform_is_no_lease() -> None:
    """Only an assigned address is a lease."""
    parsed = dissect(message(2, option(53, b"\5"), option(54, bytes((10, 0, 0, 1))), ciaddr="10.0.0.7"), src="10.0.0.1")
    assert [kind for kind, _ in values(parsed)] == ["dhcp.role"]


@pytest.mark.parametrize(
    ("code", "raw", "kind", "value"),
    [
        (12, b"tv\0", "dhcp.hostname", "tv"),
        (12, b"\x1b[31mred\xe2\x80\xae", "dhcp.hostname", "[31mred"),
        (43, b"\1\2\xff", "dhcp.vendor_specific", "0102ff"),
        (61, b"\0cisco-0012-Vl1", "dhcp.client_id", "cisco-0012-Vl1"),
        (61, b"\xff\0\1\2", "dhcp.client_id", "ff000102"),
        (61, b"\0\1\2", "dhcp.client_id", "000102"),
        (77, b"\4iPXE\3abc", "dhcp.user_class", "iPXE,abc"),
        (77, b"RRAS.Microsoft", "dhcp.user_class", "RRAS.Microsoft"),
        (81, b"\4\0\0\4desk\6office\0", "dhcp.fqdn", "desk.office"),
        (81, b"\0\0\0desk.office.", "dhcp.fqdn", "desk.office"),
        (93, b"\0\x00\0\x09", "dhcp.architecture", "0,9"),
        (97, b"\xff\1\2", "dhcp.uuid", "ff0102"),
        (124, b"\0\0\0\x09\4ab\1\2", "dhcp.vendor_identifying", "9:61620102"),
        (125, b"\0\0\x0d\xe9\5abcde", "dhcp.vendor_identifying", "3561:abcde"),
    ],
)
def test_forms_of_values(code: int, raw: bytes, kind: str, value: str) -> None:
    """Each option becomes one clean text."""
    assert values(client(option(code, raw))) == [(kind, value)]


def test_where_a_relay_sees_the_client() -> None:
    """Circuit and remote id of the relay are in the event only; the MUD URL and the maximum message size are
    observations.
    """
    parsed = list(Dhcp().dissect(packets("dhcp")[9]))
    assert (parsed[0].circuit, parsed[0].remote) == ("Gi/7", "02005e005301")
    assert values(parsed) == [("dhcp.message_size", "576"), ("dhcp.mud_url", "https://things.example/lamp")]
    odd = client(option(82, b"\1\x09cut"))[0]
    assert (odd.circuit, odd.remote) == ("", "")
    assert values(client(option(57, b"\1"))) == []


def test_servers_of_settings() -> None:
    """Option 150 is a list of addresses. If it was configured as text, it is omitted and the rest is still reported."""
    assert next(Dhcp().dissect(packets("dhcp")[10])).tftp == (parse("10.20.30.5"), parse("10.20.30.6"))
    mistyped = dissect(
        message(
            2,
            option(53, b"\5"),
            option(6, bytes((10, 0, 0, 1))),
            option(150, b"10.20.30.5,10.20.30.6"),
            yiaddr="10.0.0.7",
        )
    )
    assert (mistyped[0].tftp, mistyped[0].dns) == ((), (parse("10.0.0.1"),))
    assert facts(mistyped) == [(CLIENT, "10.0.0.7", "dhcp.lease", "10.0.0.7")]


def test_long_option_comes_in_parts() -> None:
    """A repeated code continues its value (RFC 3396)."""
    assert values(client(option(60, b"abc"), option(12, b"x"), option(60, b"def"))) == [
        ("dhcp.vendor_class", "abcdef"),
        ("dhcp.hostname", "x"),
    ]


def test_other_hardware_is_known_by_its_address_only() -> None:
    """A hardware address that is not Ethernet is not a MAC; without any address there is no observation."""
    assert facts(dissect(message(1, option(53, b"\3"), option(12, b"x"), link=32, ciaddr="10.0.0.7"))) == [
        ("-", "10.0.0.7", "dhcp.hostname", "x")
    ]
    assert facts(dissect(message(1, option(53, b"\3"), option(12, b"x"), link=32))) == []


def test_what_servers_boot() -> None:
    """The boot file is read from its field or option 67, the proxy settings from option 252."""
    by_field = dissect(message(2, option(53, b"\2"), option(252, b"http://10.0.0.1/wpad.dat\0"), file=b"pxelinux.0"))[0]
    assert (by_field.boot_file, by_field.proxy_url) == ("pxelinux.0", "http://10.0.0.1/wpad.dat")
    assert dissect(message(2, option(53, b"\2"), option(67, b"other.0"), file=b"pxelinux.0"))[0].boot_file == "other.0"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        message(1)[:239],
        message(1)[:236] + b"none" + bytes(60),
        message(3, option(53, b"\1")),
        message(1, option(53, b"\2")),
        message(1, bytes((53, 200, 1))),
        message(1, b"\x0c"),
        message(1, option(50, b"\1\2\3")),
        message(1, option(12, b"") * 300),
    ],
)
def test_malformed(payload: bytes) -> None:
    """A missing or wrong cookie, an invalid direction, and options of a wrong size or past the end are malformed."""
    with pytest.raises(Malformed):
        dissect(payload)


def test_cut_by_the_capture() -> None:
    """A truncated message yields its complete options, or at least the client and its assigned address."""
    payload = message(1, option(53, b"\1"), option(12, b"first"), option(60, b"second"))
    assert values(dissect(payload[:-4], problem=1)) == [("dhcp.hostname", "first")]
    beginning, present = dissect(payload[:200], problem=1)
    assert isinstance(beginning, DhcpOther)
    assert facts([present]) == [(CLIENT, "-", "dhcp.role", "client")]
    assert (beginning.mac, beginning.xid) == (dissect(payload)[0].mac, dissect(payload)[0].xid)
    answer, answered = dissect(message(2, option(53, b"\5"), yiaddr="10.0.0.9")[:100], problem=1)
    assert answer.offered == V4 | 0x0A000009
    assert facts([answered]) == [(CLIENT, "-", "dhcp.role", "client")]
    assert dissect(payload[:20], problem=1) == []


def test_mapped_addresses() -> None:
    """IPv4 addresses are IPv4-mapped integers, as in the rest of the sensor."""
    assert client(option(50, bytes((10, 0, 0, 1))))[0].requested == V4 | 0x0A000001

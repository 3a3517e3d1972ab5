"""DHCPv6: clients and servers, with and without relays."""

from __future__ import annotations

import pytest

from pcaps.dissectors.dhcpv6 import codes, interface, message, option, relayed
from sensor.core.addresses import parse
from sensor.core.observation import Observation
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.dhcpv6 import (
    Dhcpv6,
    Dhcpv6Information,
    Dhcpv6Other,
    Dhcpv6Release,
    Dhcpv6Reply,
    Dhcpv6Request,
    Dhcpv6Solicit,
)
from tests.dissectors.samples import facts, packets, values

DESKTOP, GATEWAY, CAMERA = "02:00:5e:00:53:04", "02:00:5e:00:53:01", "02:00:5e:00:53:06"
DESK, DUID = "fe80::5eff:fe00:5304", "000100012a00000002005e005304"


def sample(number: int) -> list[object]:
    return list(Dhcpv6().dissect(packets("dhcpv6")[number]))


def dissect(payload: bytes, src: str = "fe80::5", **fields: int) -> list[object]:
    return list(
        Dhcpv6().dissect(
            Packet(payload, src=parse(src), src_mac=0x020000000005, sport=546, dport=547, ip_version=6, **fields)
        )
    )


def test_solicit() -> None:
    """A client reports its DUID, name, vendor class and requested options, in their order."""
    parsed = sample(0)
    assert (type(parsed[0]), parsed[0].xid, parsed[0].duid, parsed[0].fqdn) == (
        Dhcpv6Solicit,
        0x1001,
        DUID,
        "DESK-04.office.example",
    )
    assert facts(parsed) == [
        (DESKTOP, DESK, "dhcpv6.duid", DUID),
        (DESKTOP, DESK, "dhcpv6.fqdn", "DESK-04.office.example"),
        (DESKTOP, DESK, "dhcpv6.vendor_class", "311:MSFT 5.0"),
        (DESKTOP, DESK, "dhcpv6.option_list", "17,23,24,32"),
    ]


def test_offer_and_lease() -> None:
    """An advertise identifies the server; a reply is a lease of every address whose lifetime is not 0."""
    offered, granted = sample(1), sample(3)
    server = [
        (GATEWAY, "fe80::5eff:fe00:5301", "dhcpv6.role", "server"),
        (GATEWAY, "fe80::5eff:fe00:5301", "dhcpv6.duid", "0003000102005e005301"),
    ]
    assert (offered[0].addresses, offered[0].dns, offered[0].domain) == (
        (parse("2001:db8::14"),),
        (parse("2001:db8::53"),),
        "office.example",
    )
    assert facts(offered) == server
    assert type(granted[0]) is Dhcpv6Reply
    assert granted[0].addresses == (parse("2001:db8::14"), parse("2001:db8::15"), parse("2001:db8::16"))
    assert facts(granted) == [
        *server,
        (DESKTOP, "2001:db8::14", "dhcpv6.lease", "2001:db8::14"),
        (DESKTOP, "2001:db8::15", "dhcpv6.lease", "2001:db8::15"),
    ]


def test_other_clients() -> None:
    """Enterprise number, vendor options and MUD URL of a device, and the options of a network boot are reported."""
    assert values(sample(4)) == [
        ("dhcpv6.enterprise", "43793"), ("dhcpv6.duid", "00020000ab110001020304050607"),
        ("dhcpv6.option_list", "23,24,39,82"),
        ("dhcpv6.vendor_options", "4491:0001000178"), ("dhcpv6.mud_url", "https://things.example/lamp"),
    ]  # fmt: skip
    assert values(sample(5))[1:] == [
        ("dhcpv6.architecture", "7"), ("dhcpv6.user_class", "iPXE"), ("dhcpv6.vendor_class", "343:PXEClient"),
        ("dhcpv6.option_list", "59,60"),
    ]  # fmt: skip
    assert sample(6)[0].boot_file == "tftp://[2001:db8::5]/boot.efi"
    assert [type(sample(number)[0]) for number in (2, 4, 7, 8, 13)] == [
        Dhcpv6Request,
        Dhcpv6Information,
        Dhcpv6Request,
        Dhcpv6Release,
        Dhcpv6Other,
    ]


def test_relay_shares_nothing() -> None:
    """Observations are about the client whose MAC the relay reports; the relay's frames are its own. Without that MAC
    there is no observation.
    """
    near, far = sample(9), sample(10)
    assert facts(near) == [
        (CAMERA, "-", "dhcpv6.duid", "0003000102005e005306"),
        (CAMERA, "-", "dhcpv6.option_list", "23"),
    ]
    assert (near[0].relay, near[0].circuit) == (parse("2001:db8:40::1"), "Gi1/0/7")
    assert facts(far) == facts(near)
    tagged = dissect(packets("dhcpv6")[9].payload, "2001:db8:40::1", vlan=10)
    assert [one.subject.vlan for one in tagged if isinstance(one, Observation)] == [0, 0]  # the relay's is another
    assert (far[0].relay, far[0].circuit) == (parse("fe80::99"), "Gi1/0/7")
    unknown = relayed(12, "::", "fe80::9", option(9, message(1, 1, option(1, b"\0\3\0\1abcdef"))))
    assert facts(dissect(unknown)) == []
    assert (facts(sample(11)), sample(11)[0].type) == ([], 2)


def test_through_a_router() -> None:
    """A message from an address that is not link-local may have been forwarded: its frame's MAC is not used."""
    assert facts(dissect(message(5, 1, option(1, b"\0\3\0\1abcdef")), "2001:db8::5")) == [
        ("-", "2001:db8::5", "dhcpv6.duid", "00030001616263646566")
    ]


def test_refusal_is_no_lease() -> None:
    """A reply with a status other than 0 reports the status and no lease."""
    assert sample(12)[0].status == 2
    assert [kind for kind, _ in values(sample(12))] == ["dhcpv6.role", "dhcpv6.duid"]


@pytest.mark.parametrize(
    ("code", "raw", "value"),
    [
        (39, b"\0\4desk", "desk"), (39, b"\0\4de", ""), (39, b"\0\x7fdesk", ""),
        (16, b"\0\0\1\x37\0\2\xff\0", "311:ff00"), (16, b"\0\0\1", ""),
        (15, b"\0\1a\0\1b", "a,b"), (6, b"\0\1\2", "1"), (17, b"\0\0\0\x09", ""),
    ],
)  # fmt: skip
def test_forms_of_values(code: int, raw: bytes, value: str) -> None:
    """Each option becomes one clean text, or none."""
    assert [one for _, one in values(dissect(message(1, 1, option(code, raw))))] == ([value] if value else [])


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"\0\0\0\0", message(99, 1), b"\1\0\0\1\0\6\0\\9", b"\x0c\0" + bytes(10), relayed(12, "::", "::"),
        message(1, 1, codes(1) * 200),
        b"".join(bytes((12, 0)) + bytes(32) + b"\0\x09" + (34 * (9 - n) + 4 * (9 - n)).to_bytes(2,
        "big") for n in range(10)),
        message(1, 1, interface(1, b"\0\5\0\x18"))[:-8],
    ],
)  # fmt: skip
def test_malformed(payload: bytes) -> None:
    """Truncated or unknown messages, options past the end or too many, and invalid relay messages are malformed."""
    with pytest.raises(Malformed):
        dissect(payload)


def test_cut_by_the_capture() -> None:
    """A message truncated by the capture yields nothing."""
    assert dissect(packets("dhcpv6")[0].payload[:50], problem=1) == []

"""SNMP: agents that describe themselves, requests of managers, and messages that do not describe their sender."""

from __future__ import annotations

import pytest

from pcaps.dissectors.snmp import (
    GET,
    RESPONSE,
    TRAP_V2,
    V1,
    V2C,
    message,
    number,
    octets,
    oid,
    operation,
    scoped,
    secured,
    tlv,
    variables,
)
from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared import der
from sensor.dissectors.shared.der import identifier
from sensor.dissectors.shared.seal import seal
from sensor.dissectors.snmp import Snmp
from tests.dissectors.samples import events, facts, packets, values

NAME = "1.3.6.1.2.1.1.5.0"
TRAP_OID = "1.3.6.1.6.3.1.1.4.1.0"
ENGINE = [("snmp.engine_enterprise", "9"), ("snmp.engine_mac", "00:00:0c:5e:53:09")]


def dissect(payload: bytes, **fields: int) -> list[object]:
    return list(
        Snmp().dissect(
            Packet(payload, src=parse("10.0.0.5"), src_mac=0x020000000005, **{"sport": 161, "dport": 50161, **fields})
        )
    )


def answer(held: dict[str, bytes], first: int = 0) -> bytes:
    return message(V2C, "public", operation(RESPONSE, 1, held, first))


def parsed_of(number_: int) -> list[object]:
    return list(Snmp().dissect(packets("snmp")[number_]))


def test_printer_answers() -> None:
    """A response reports the agent's description, vendor, name, serial number and device type."""
    request, response = parsed_of(0), parsed_of(1)
    names = ("1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.2.0", NAME, "1.3.6.1.2.1.43.5.1.1.17.1", "1.3.6.1.2.1.25.3.2.1.3.1")
    assert events(request) == [("SnmpRequest", "2c", "public", "", "", "get", 1, names, 0, seal("", b"public"))]
    assert values(request) == []
    assert events(response) == [("SnmpResponse", "2c", "public", "", "", "response", 1, names, "no_error")]
    who = ("02:00:5e:00:53:03", "10.20.30.41")
    assert facts(response) == [
        (*who, "snmp.sys_descr", "KYOCERA Document Solutions Printing System"),
        (*who, "snmp.sys_object_id", "1.3.6.1.4.1.1347.41"),
        (*who, "snmp.enterprise", "1347"),
        (*who, "snmp.hostname", "PRN-3F-EAST"),
        (*who, "snmp.serial", "VXY1234567"),
        (*who, "snmp.device_descr", "ECOSYS M3655idn"),
        (*who, "snmp.tree", "printer"),
    ]


def test_device_id_of_a_printer() -> None:
    """Printers answer port monitors with their device id, which contains make, model and serial number."""
    raw = "MFG:Brother;MDL:HL-L2350DW series;CLS:PRINTER;SN:E78239A0N123456;"
    assert values(dissect(answer({"1.3.6.1.4.1.2435.2.3.9.1.1.7.0": octets(raw)}))) == [
        ("snmp.device_id", raw),
        ("snmp.printer_model", "Brother HL-L2350DW series"),
        ("snmp.serial", "E78239A0N123456"),
    ]


def test_writing_and_its_refusal() -> None:
    """A SET is an event of its own; a response with an error repeats the request and yields no observation."""
    assert events(parsed_of(2)) == [
        ("SnmpRequest", "1", "private", "", "", "set", 2, ("1.3.6.1.2.1.1.6.0",), 0, seal("", b"private"))
    ]
    assert events(parsed_of(3)) == [
        ("SnmpResponse", "1", "private", "", "", "response", 2, ("1.3.6.1.2.1.1.6.0",), "no_such_name")
    ]
    assert values(parsed_of(3)) == []


def test_trap_of_version_1() -> None:
    """The enterprise of a trap describes the agent in it, if that agent is the sender."""
    assert events(parsed_of(4)) == [
        ("SnmpTrap", "1", "other", "", "", "trap", 0, ("1.3.6.1.4.1.318.2.3.3.0",), "1.3.6.1.4.1.318.0.5")
    ]
    assert values(parsed_of(4)) == [("snmp.trap_enterprise", "318")]
    other = packets("snmp")[4].payload.replace(b"\x0a\x14\x1e\x47", b"\x0a\x14\x1e\x48")
    assert values(dissect(other)) == []


def test_inform_and_its_answer() -> None:
    """The manager's response to an INFORM repeats the agent's variables, which do not describe the manager."""
    assert [event[5] for event in events(parsed_of(5))] == ["inform"]
    assert events(parsed_of(5))[0][-1] == "1.3.6.1.4.1.9.9.43.2.0.1"
    assert values(parsed_of(5)) == [("snmp.trap_enterprise", "9")]
    assert [event[5] for event in events(parsed_of(6))] == ["response"]
    assert values(parsed_of(6)) == []
    found = {"1.3.6.1.2.1.1.3.0": number(1, 0x43), TRAP_OID: oid("1.3.6.1.4.1.9.1"), NAME: octets("sw")}
    assert values(dissect(answer(found), sport=10162)) == []


def test_forwarded_trap_is_not_the_forwarders() -> None:
    """A trap with an added agent address was forwarded and does not describe its sender."""
    found = {"1.3.6.1.2.1.1.3.0": number(1, 0x43), TRAP_OID: oid("1.3.6.1.4.1.9.1")}
    assert values(dissect(message(V2C, "public", operation(TRAP_V2, 1, found)))) == [("snmp.trap_enterprise", "9")]
    found["1.3.6.1.6.3.18.1.3.0"] = tlv(0x40, bytes(4))
    assert values(dissect(message(V2C, "public", operation(TRAP_V2, 1, found)))) == []


def test_bulk_walk_of_entities() -> None:
    """Only the chassis describes the device; modules have their own serial numbers and models."""
    assert events(parsed_of(7)) == [
        ("SnmpRequest", "2c", "other", "", "", "get_bulk", 9, ("1.3.6.1.2.1.47.1.1.1.1.9",), 25, seal("", b"s3cret"))
    ]
    assert values(parsed_of(8)) == [
        ("snmp.boot_firmware", "12.2(44)SE"),
        ("snmp.firmware", "15.2(7)E4"),
        ("snmp.serial", "FDO1234X0AB"),
        ("snmp.vendor", "cisco"),
        ("snmp.model", "WS-C2960X-48FPD-L"),
    ]


def test_version_3() -> None:
    """Discovery, a rejection, a plain and an encrypted response report user and engine, and whether the digest was
    wrong.
    """
    assert events(parsed_of(9)) == [("SnmpRequest", "3", "", "", "none", "get", 10, (), 0, "")]
    assert values(parsed_of(9)) == []
    assert [event[4:] for event in events(parsed_of(10))] == [
        ("none", "report", 10, ("1.3.6.1.6.3.15.1.1.4.0",), "unknown_engine")
    ]
    assert [(event[3], event[-1]) for event in events(parsed_of(11))] == [("netops", "wrong_digest")]
    assert values(parsed_of(10)) == values(parsed_of(11)) == ENGINE
    assert values(parsed_of(12)) == [*ENGINE, ("snmp.hostname", "sw-core-1")]
    assert events(parsed_of(13)) == [("SnmpRequest", "3", "", "netops", "private", "encrypted", 0, (), 0, "")]
    assert values(parsed_of(13)) == []  # the engine of a request is the receiver's
    assert events(parsed_of(14)) == [("SnmpResponse", "3", "", "netops", "private", "encrypted", 0, (), "")]
    assert values(parsed_of(14)) == ENGINE


def test_encrypted_trap() -> None:
    """An encrypted trap is recognized by its port."""
    assert events(dissect(secured(3, octets(bytes(16)), "netops"), dport=162)) == [
        ("SnmpTrap", "3", "", "netops", "private", "encrypted", 0, (), "")
    ]


def test_proxy_of_another_engine() -> None:
    """A response whose context is another engine was proxied: only the sender's engine is reported."""
    payload = secured(0, scoped(operation(RESPONSE, 1, {NAME: octets("inner")}), engine=b"\x80\0\0\x09\x04x"))
    assert values(dissect(payload)) == ENGINE


@pytest.mark.parametrize(
    ("community", "kind"),
    [("public", "public"), ("private", "private"), ("Public", "other"), ("", "other"), ("s3cret", "other")],
)
def test_communities_are_secrets(community: str, kind: str) -> None:
    """Only the type of a community string is reported."""
    parsed = dissect(message(V1, community, operation(GET, 1, {NAME: b"\5\0"})))
    assert [event[2] for event in events(parsed)] == [kind]
    assert kind == community or not community or community not in repr(events(parsed))


@pytest.mark.parametrize("value", [b"\x80\0", b"\x81\0", b"\x82\0", b"\5\0", number(5), octets(""), octets("\0\0")])
def test_values_that_state_nothing(value: bytes) -> None:
    """No such object, no such instance, end of view, null, other types and empty text yield no observation."""
    assert values(dissect(answer({NAME: value}))) == []


def test_peer_text_is_cleaned() -> None:
    """Line ends and escapes in a description become spaces."""
    assert values(dissect(answer({"1.3.6.1.2.1.1.1.0": octets("Cisco IOS\r\nVersion 15\x1b[2J")}))) == [
        ("snmp.sys_descr", "Cisco IOS  Version 15 [2J")
    ]


def test_number_of_variables_is_bounded() -> None:
    """Only the first 128 variables are parsed, and the first 16 named."""
    held = {f"1.3.6.1.2.1.2.2.1.1.{row}": number(row) for row in range(200)} | {NAME: octets("late")}
    parsed = dissect(answer(held))
    assert len(events(parsed)[0][7]) == 16
    assert values(parsed) == []


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x30",
        b"\x30\x80\2\1\1",
        b"\x30\x85\0\0\0\0\1\2",
        b"\4\1a",
        message(V2C, "public", b"\xa9\0"),
        message(2, "public", operation(GET, 1, {})),
        tlv(0x30, octets("public")),
        message(V2C, "public", tlv(GET, number(1), number(0))),
        message(V2C, "public", tlv(GET, number(1), number(0), number(0), tlv(0x30, tlv(0x30, octets("a"), b"\5\0")))),
        message(
            V2C, "public", tlv(GET, number(1), number(0), number(0), tlv(0x30, tlv(0x30, tlv(6, b"\x2b\x86"), b"\5\0")))
        ),
        message(
            V2C,
            "public",
            tlv(
                GET,
                number(1),
                number(0),
                number(0),
                tlv(0x30, tlv(0x30, tlv(6, b"\x2b" + b"\xff" * 19 + b"\1"), b"\5\0")),
            ),
        ),
        message(V2C, "public", operation(GET, 1, {}))[:-1],
        message(
            V1, "public", tlv(0xA4, oid("1.3.6.1"), tlv(0x40, bytes(5)), number(0), number(0), number(0), variables({}))
        ),
        secured(0, octets("not scoped")),
        tlv(0x30, number(3), tlv(0x30, number(1), number(1), octets(b"\0\0"), number(3)), octets(b""), tlv(0x30)),
    ],
)
def test_malformed(payload: bytes) -> None:
    """Data that is not BER, invalid lengths, types or names, and unknown versions and operations are malformed."""
    with pytest.raises(Malformed):
        dissect(payload)


def test_cut_by_the_capture() -> None:
    """A truncated response yields its complete variables; one truncated in its header yields nothing."""
    whole = packets("snmp")[1].payload
    assert values(dissect(whole[:-20], problem=1))[0] == (
        "snmp.sys_descr",
        "KYOCERA Document Solutions Printing System",
    )
    assert dissect(whole[:8], problem=1) == []


@pytest.mark.parametrize("name", ["1.3.6.1.4.1.4294967295.1", "0.0", "2.999.3", "1.3"])
def test_object_identifiers(name: str) -> None:
    """An object identifier is unchanged after encoding and decoding."""
    assert der.oid(identifier(name)) == name

"""SNMP: a manager and a printer (v2c), a UPS that sends v1 traps, an inform and its response, a bulk walk of a switch.
SNMPv3: discovery and its report, a rejected user, a response in cleartext and one encrypted.
"""

from __future__ import annotations

from ipaddress import ip_address

from pcaps.dissectors._frames import CAMERA, DESKTOP, GATEWAY, PRINTER, Frames, udp
from sensor.dissectors.shared.der import identifier

MANAGER = "10.20.30.66"
V1, V2C, V3 = 0, 1, 3
GET, GET_NEXT, RESPONSE, SET, TRAP, GET_BULK, INFORM, TRAP_V2, REPORT = range(0xA0, 0xA9)
NULL = b"\5\0"
SYSTEM, PRINTER_MIB, ENTITY = "1.3.6.1.2.1.1", "1.3.6.1.2.1.43.5.1.1", "1.3.6.1.2.1.47.1.1.1.1"
ENGINE = bytes.fromhex("80000009 03 00000c5e5309".replace(" ", ""))


def tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = bytes((len(body),)) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes((tag,)) + size + body


def number(value: int, tag: int = 2) -> bytes:
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octets(value: bytes | str) -> bytes:
    return tlv(4, value.encode() if isinstance(value, str) else value)


def oid(name: str) -> bytes:
    return tlv(6, identifier(name))


def variables(values: dict[str, bytes]) -> bytes:
    return tlv(0x30, *(tlv(0x30, oid(name), value) for name, value in values.items()))


def operation(kind: int, request_id: int, values: dict[str, bytes], first: int = 0, second: int = 0) -> bytes:
    return tlv(kind, number(request_id), number(first), number(second), variables(values))


def message(version: int, community: str, body: bytes) -> bytes:
    return tlv(0x30, number(version), octets(community), body)


def secured(flags: int, body: bytes, user: str = "", engine: bytes = ENGINE) -> bytes:
    head = tlv(0x30, number(77), number(65507), octets(bytes((flags,))), number(3))
    security = tlv(
        0x30,
        octets(engine),
        number(3),
        number(12345),
        octets(user),
        octets(bytes(12 * (flags & 1))),
        octets(bytes(8 * (flags >> 1 & 1))),
    )
    return tlv(0x30, number(3), head, octets(security), body)


def scoped(body: bytes, engine: bytes = ENGINE) -> bytes:
    return tlv(0x30, octets(engine), octets(""), body)


def frames() -> Frames:
    def from_manager(host: str, payload: bytes, mac: str = PRINTER) -> bytes:
        return udp(DESKTOP, mac, MANAGER, host, 50161, 161, payload)

    def from_agent(host: str, payload: bytes, mac: str = PRINTER, sport: int = 161) -> bytes:
        return udp(mac, DESKTOP, host, MANAGER, sport, 50161, payload)

    oids = (f"{SYSTEM}.1.0", f"{SYSTEM}.2.0", f"{SYSTEM}.5.0", f"{PRINTER_MIB}.17.1", "1.3.6.1.2.1.25.3.2.1.3.1")
    yield from_manager("10.20.30.41", message(V2C, "public", operation(GET, 1, dict.fromkeys(oids, NULL))))
    yield from_agent("10.20.30.41", message(V2C, "public", operation(RESPONSE, 1, {
        oids[0]: octets("KYOCERA Document Solutions Printing System"), oids[1]: oid("1.3.6.1.4.1.1347.41"),
        oids[2]: octets("PRN-3F-EAST"),
        oids[3]: octets("VXY1234567"), oids[4]: octets("ECOSYS M3655idn"),
    })))  # fmt: skip
    yield from_manager("10.20.30.41", message(V1, "private", operation(SET, 2, {f"{SYSTEM}.6.0": octets("3rd floor")})))
    yield from_agent(
        "10.20.30.41",
        message(V1, "private", operation(RESPONSE, 2, {f"{SYSTEM}.6.0": octets("3rd floor")}, first=2, second=1)),
    )
    trap = tlv(
        TRAP, oid("1.3.6.1.4.1.318"), tlv(0x40, ip_address("10.20.30.71").packed), number(6), number(5),
        number(99, 0x43),
        variables({"1.3.6.1.4.1.318.2.3.3.0": octets("UPS: on battery power")}),
    )  # fmt: skip
    yield udp(CAMERA, DESKTOP, "10.20.30.71", MANAGER, 2048, 162, message(V1, "s3cret-ups", trap))
    values = {
        "1.3.6.1.2.1.1.3.0": number(4711, 0x43),
        "1.3.6.1.6.3.1.1.4.1.0": oid("1.3.6.1.4.1.9.9.43.2.0.1"),
        f"{SYSTEM}.5.0": octets("sw-core-1"),
    }
    yield udp(GATEWAY, DESKTOP, "10.20.30.1", MANAGER, 51000, 162, message(V2C, "s3cret", operation(INFORM, 8, values)))
    yield udp(
        DESKTOP, GATEWAY, MANAGER, "10.20.30.1", 162, 51000, message(V2C, "s3cret", operation(RESPONSE, 8, values))
    )
    yield from_manager(
        "10.20.30.1", message(V2C, "s3cret", operation(GET_BULK, 9, {f"{ENTITY}.9": NULL}, 0, 25)), GATEWAY
    )
    rows = {9: "12.2(44)SE", 10: "15.2(7)E4", 11: "FDO1234X0AB", 12: "cisco", 13: "WS-C2960X-48FPD-L"}
    walk = {f"{ENTITY}.{column}.1": octets(value) for column, value in rows.items()} | {
        f"{ENTITY}.13.2": octets("C2960X-STACK")
    }
    yield from_agent("10.20.30.1", message(V2C, "s3cret", operation(RESPONSE, 9, walk)), GATEWAY)
    yield from_manager("10.20.30.1", secured(4, scoped(operation(GET, 10, {}), b""), engine=b""), GATEWAY)
    yield from_agent(
        "10.20.30.1", secured(0, scoped(operation(REPORT, 10, {"1.3.6.1.6.3.15.1.1.4.0": number(7, 0x41)}))), GATEWAY
    )
    yield from_agent(
        "10.20.30.1",
        secured(0, scoped(operation(REPORT, 11, {"1.3.6.1.6.3.15.1.1.5.0": number(8, 0x41)})), "netops"),
        GATEWAY,
    )
    yield from_agent(
        "10.20.30.1",
        secured(1, scoped(operation(RESPONSE, 12, {f"{SYSTEM}.5.0": octets("sw-core-1")})), "netops"),
        GATEWAY,
    )
    yield from_manager("10.20.30.1", secured(7, octets(bytes(range(64))), "netops"), GATEWAY)
    yield from_agent("10.20.30.1", secured(3, octets(bytes(range(64))), "netops"), GATEWAY)

"""What devices say unasked, or to everybody: leases, names, services, neighbours, and the searches of their makers.
Each takes the stage and a time.
"""

from __future__ import annotations

import struct

from pcaps import _office_speech as office
from pcaps.dissectors import bjnp as canon
from pcaps.dissectors import dhip as dahua
from pcaps.dissectors import slp as service_location
from pcaps.dissectors import wisenet as hanwha
from pcaps.dissectors import wsd as web_services
from pcaps.dissectors._frames import ip, mac
from pcaps.dissectors._neighbour import addresses, field, snap, with_checksum
from pcaps.dissectors.cdp import GROUP as CDP_GROUP
from pcaps.dissectors.lldp import DOT3, MED, NEAREST, management_address, organization_specific, tlv
from pcaps.lab.devices._stage import Stage

EVERYBODY = "255.255.255.255"
# Subtypes of the inventory of LLDP-MED (ANSI/TIA-1057, 10.2.6).
INVENTORY = {"hardware": 5, "firmware": 6, "software": 7, "serial": 8, "manufacturer": 9, "model": 10}
UPNP_DOMAIN = "urn:schemas-upnp-org:"


def dhcp(
    stage: Stage,
    at: float,
    wants: list[int],
    *,
    vendor: str = "",
    hostname: str = "",
    size: int = 0,
    fqdn: bool = False,
    more: dict[int, str] | None = None,
) -> None:
    """A lease (RFC 2131). ``more``: other options, as hexadecimal digits."""
    said = office.dhcp_options(stage.host, wants=wants, vendor=vendor.encode(), hostname=hostname, size=size, fqdn=fqdn)
    said[-1:-1] = [(code, bytes.fromhex(digits)) for code, digits in (more or {}).items()]
    office.lease(stage.tape, at, stage.host, stage.router, said)


def mdns(stage: Stage, at: float, host: str, services: list[tuple[str, str, int, dict[str, str]]]) -> None:
    """Services with their texts (RFC 6763). A device with many needs several datagrams."""
    office.announce(
        stage.tape,
        at,
        stage.host,
        host,
        [(kind, name, port, {key: str(value) for key, value in texts.items()}) for kind, name, port, texts in services],
    )


def ssdp(
    stage: Stage,
    at: float,
    server: str,
    location: str,
    targets: list[str],
    fields: list[str] | None = None,
    uuid: str = "",
) -> None:
    """Announcements of a UPnP device (UPnP Device Architecture, 1.2)."""
    unit = uuid or stage.subject.uuid
    for place, target in enumerate(targets):
        name = target if target.startswith(("urn:", "roku:", "upnp:", "uuid:")) else UPNP_DOMAIN + target
        usn = name if name.startswith("uuid:") else f"uuid:{unit}::{name}"
        lines = [
            "NOTIFY * HTTP/1.1",
            "HOST: 239.255.255.250:1900",
            "CACHE-CONTROL: max-age=1800",
            f"LOCATION: {location}",
            f"NT: {name}",
            "NTS: ssdp:alive",
        ]
        lines += [f"SERVER: {server}", f"USN: {usn}", *(fields or ()), "", ""]
        stage.tape.group(
            at + place * 0.05,
            stage.host,
            "239.255.255.250",
            1900,
            "\r\n".join(lines).encode(),
            ttl=4,
            sport=stage.host.port,
        )


def lldp(
    stage: Stage, at: float, *, name: str = "", description: str = "", port: str = "1",
    capabilities: tuple[int, int] = (0x24, 0x24),
    med: dict[str, str] | None = None, kind: int = 3, address: bool = True,
) -> None:  # fmt: skip
    """IEEE 802.1AB, with the inventory of LLDP-MED where there is one. ``kind``: class of the endpoint."""
    said = [
        tlv(1, b"\x05\x01" + ip(stage.host.ip)) if kind == 3 else tlv(1, b"\x04" + mac(stage.host.mac)),
        tlv(2, b"\x03" + mac(stage.host.mac)),
    ]
    said += [tlv(3, struct.pack("!H", 120)), tlv(4, f"port {port}".encode())]
    said += [tlv(code, text.encode()) for code, text in ((5, name), (6, description)) if text]
    said += [
        tlv(7, struct.pack("!HH", *capabilities)),
        *([management_address(stage.host.ip)] if address else []),
        organization_specific(DOT3, 1, b"\x03\x6c\x03\x00\x1e"),
    ]
    if med is not None:
        said.append(organization_specific(MED, 1, struct.pack("!HB", 0x33, kind)))
        said += [
            organization_specific(MED, code, med[word].encode()) for word, code in INVENTORY.items() if word in med
        ]
    frame = mac(NEAREST) + mac(stage.host.mac) + b"\x88\xcc" + b"".join(said) + bytes(2)
    stage.tape.put(at, frame.ljust(60, b"\0"))


def cdp(
    stage: Stage,
    at: float,
    device: str,
    platform: str,
    version: str,
    *,
    port: str = "Port 1",
    capabilities: int = 0x490,
    power: int = 6300,
) -> None:
    """Cisco's discovery, version 2."""
    said = [
        field(1, device.encode()),
        field(2, addresses(stage.host.ip)),
        field(3, port.encode()),
        field(4, struct.pack("!I", capabilities)),
    ]
    said += [
        field(5, version.encode()),
        field(6, platform.encode()),
        field(11, b"\x01"),
        field(16, struct.pack("!H", power)),
    ]
    stage.tape.put(
        at, snap(stage.host.mac, CDP_GROUP, "00000c", 0x2000, with_checksum(b"\x02\xb4" + bytes(2) + b"".join(said)))
    )


def wsd(
    stage: Stage, at: float, uuid: str, types: str, address: str, *, scopes: str = "", answer: bool = False
) -> None:
    """Hello to everybody, or the answer to a search (WS-Discovery). ``types`` by the prefixes of
    the common namespaces.
    """
    prefixes = {
        "wsdp": "http://schemas.xmlsoap.org/ws/2006/02/devprof",
        "wprt": "http://schemas.microsoft.com/windows/2006/08/wdp/print",
        "wscn": "http://schemas.microsoft.com/windows/2006/08/wdp/scan",
        "dn": "http://www.onvif.org/ver10/network/wsdl", "tds": "http://www.onvif.org/ver10/device/wsdl",
    }  # fmt: skip
    if answer:
        asked = web_services.envelope("Probe", "<wsd:Types>dn:NetworkVideoTransmitter</wsd:Types>", dn=prefixes["dn"])
        stage.tape.group(at - 0.2, stage.desk, "239.255.255.250", 3702, asked, ttl=1, sport=50300)
        found = web_services.envelope("ProbeMatches", web_services.match(uuid, types, scopes, address), **prefixes)
        stage.tape.udp(at, stage.host, stage.desk, 3702, 50300, found)
        return
    body = f"{web_services.endpoint(uuid)}<wsd:Types>{types}</wsd:Types><wsd:XAddrs>{address}</wsd:XAddrs><wsd:MetadataVersion>1</wsd:MetadataVersion>"
    stage.tape.group(at, stage.host, "239.255.255.250", 3702, web_services.envelope("Hello", body, **prefixes), ttl=1)


def sip_profile(stage: Stage, at: float, vendor: str, model: str, version: str, agent: str = "") -> None:
    """Plug and play of SIP telephones: whoever has settings for this one? (RFC 6080)."""
    user, here = f"MAC%3a{stage.host.hex}", f"{stage.host.ip}:5060"
    lines = [
        f"SUBSCRIBE sip:{user}@224.0.1.75 SIP/2.0",
        f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{stage.host.hex}",
        "Max-Forwards: 20",
    ]
    lines += [
        f"Contact: <sip:{here}>",
        f"To: <sip:{user}@224.0.1.75>",
        f"From: <sip:{user}@224.0.1.75>;tag={stage.host.hex[:8]}",
        f"Call-ID: {stage.host.hex}",
    ]
    lines += [
        "CSeq: 1 SUBSCRIBE",
        f'Event: ua-profile;profile-type="device";vendor="{vendor}";model="{model}";version="{version}"',
        "Expires: 0",
    ]
    lines += ["Accept: application/url", *([f"User-Agent: {agent}"] if agent else []), "Content-Length: 0", "", ""]
    stage.tape.group(at, stage.host, "224.0.1.75", 5060, "\r\n".join(lines).encode(), ttl=4)


def sadp(stage: Stage, at: float, model: str, serial: str, firmware: str, number: int) -> None:
    """Hikvision's search and what its devices answer to the group."""
    asked = (
        '<?xml version="1.0" '
        'encoding="utf-8"?><Probe><Uuid>5C1F2B7E-3D1A-4D6C-9C11-0F0E5A1B2C3D</Uuid><Types>inquiry</Types></Probe>'
    )
    stage.tape.group(at - 0.2, stage.desk, "239.255.255.250", 37020, asked.encode(), ttl=64)
    fields = {
        "Uuid": "5C1F2B7E-3D1A-4D6C-9C11-0F0E5A1B2C3D",
        "Types": "inquiry",
        "DeviceType": number,
        "DeviceDescription": model,
        "DeviceSN": serial,
        "CommandPort": 8000,
        "HttpPort": 80,
        "MAC": stage.host.mac.replace(":", "-"),
        "IPv4Address": stage.host.ip,
        "IPv4SubnetMask": "255.255.255.0",
        "IPv4Gateway": stage.router.ip,
        "DHCP": "true",
        "SoftwareVersion": firmware,
        "DSPVersion": "V7.3 build 201120",
        "BootTime": "2026-12-01 08:29:12",
        "Encrypt": "true",
        "Activated": "true",
    }
    body = "".join(f"<{name}>{value}</{name}>\r\n" for name, value in fields.items())
    stage.tape.group(
        at,
        stage.host,
        "239.255.255.250",
        37020,
        f'<?xml version="1.0" encoding="UTF-8"?>\r\n<ProbeMatch>\r\n{body}</ProbeMatch>'.encode(),
        ttl=64,
    )


def dhip(stage: Stage, at: float, info: dict[str, object]) -> None:
    """Dahua's search and the answer of a device."""
    stage.tape.group(
        at - 0.2,
        stage.desk,
        dahua.GROUP,
        37810,
        dahua.message({"method": "DHDiscover.search", "params": {"mac": "", "uni": 1}}),
        ttl=64,
    )
    stage.tape.udp(at, stage.host, stage.desk, 37810, 37810, dahua.answer(stage.host.mac, stage.host.ip, info))


def wisenet(stage: Stage, at: float, model: str) -> None:
    """Hanwha's search and the answer of a camera."""
    head = b"\1" + bytes(261)
    stage.tape.group(at - 0.2, stage.desk, EVERYBODY, 7701, head, sport=7711)
    stage.tape.group(
        at, stage.host, EVERYBODY, 7711, hanwha.answer(stage.host.mac.upper(), stage.host.ip, model), sport=7701
    )


def bjnp(stage: Stage, at: float, identity: str) -> None:
    """Canon's search, and what the printer is."""
    stage.tape.group(at - 0.4, stage.desk, EVERYBODY, 8611, canon.message(1, 1), sport=49000)
    here = b"\0\1\x08\0\6\4" + mac(stage.host.mac) + ip(stage.host.ip)
    stage.tape.udp(at - 0.3, stage.host, stage.desk, 8611, 49000, canon.message(0x81, 1, here))
    stage.tape.udp(at - 0.1, stage.desk, stage.host, 49000, 8611, canon.message(1, 0x30))
    text = identity.encode()
    stage.tape.udp(
        at, stage.host, stage.desk, 8611, 49000, canon.message(0x81, 0x30, struct.pack("!H", len(text) + 2) + text)
    )


def enpc(stage: Stage, at: float, name: str) -> None:
    """Epson's search and the printer's answer."""
    stage.tape.group(at - 0.2, stage.desk, EVERYBODY, 3289, b"EPSONQ" + bytes.fromhex("0300000100000000"), sport=3289)
    answer = (
        b"EPSONq" + bytes.fromhex("0300000100000000") + struct.pack("!6s36x128s", mac(stage.host.mac), name.encode())
    )
    stage.tape.udp(at, stage.host, stage.desk, 3289, 3289, answer)


def slp(stage: Stage, at: float, attributes: str) -> None:
    """Attributes of a service (RFC 2608, 10.4), asked for by a driver."""
    ask = service_location.message(
        6, b"".join(map(service_location.string, ("", "service:x-hpnp-discover:", "DEFAULT", "", "")))
    )
    stage.tape.udp(at - 0.2, stage.desk, stage.host, 50427, 427, ask)
    stage.tape.udp(
        at,
        stage.host,
        stage.desk,
        427,
        50427,
        service_location.message(7, struct.pack("!H", 0) + service_location.string(attributes) + b"\0"),
    )


def netbios(stage: Stage, at: float, name: str) -> None:
    """It registers its name (RFC 1002, 4.2.2)."""
    coded = (
        b"\x20"
        + b"".join(
            bytes((0x41 + (byte >> 4), 0x41 + (byte & 15))) for byte in name.upper().encode().ljust(15)[:15] + b"\0"
        )
        + b"\0"
    )
    head = struct.pack("!HHHHHH", stage.host.rng.getrandbits(16), 0x2910, 1, 0, 0, 1) + coded + b"\0\x20\0\1"
    stage.tape.group(
        at,
        stage.host,
        f"{stage.host.ip.rpartition('.')[0]}.255",
        137,
        head + b"\xc0\x0c\0\x20\0\1" + struct.pack("!IHH", 300000, 6, 0) + ip(stage.host.ip),
    )

"""SLP: a service request, the reply of the server itself, a reply of a directory agent about other hosts, a
registration, attributes of an HP printer in versions 1 and 2, an advertisement, a service type request, the component
of a Shure receiver.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PBX, PHONE, PRINTER, Frames, udp

GROUP, GROUP_MAC = "239.255.255.253", "01:00:5e:7f:ff:fd"
HP_GROUP, HP_GROUP_MAC = "224.0.1.60", "01:00:5e:00:01:3c"
HP = (
    "(x-hp-ver=01)(x-hp-prod_id=CE841A)(x-hp-mac=02005E005303)(x-hp-guid=02005E005303)(x-hp-num_port=01)(x-hp-ip=010.020.030.013)"
    "(x-hp-hn=NPI5E5303)"
    "(x-hp-p1=MFG:Hewlett-Packard;MDL:HP LaserJet Professional M1212nf MFP;CMD:PJL,ACL,HTTP;CLS:PRINTER;"
    "DES:HP LaserJet Professional M1212nf MFP;FWVER:20110826;)"
)
ACN_GROUP, ACN_GROUP_MAC = "239.255.254.253", "01:00:5e:7f:fe:fd"
SHURE = (
    "(cid=DDB0C8C5-0000-11DD-A000-000EDDCCCCCC),(acn-fctn=SLXD4DE_RX),(acn-uacn=SLXD4DE G57),(acn-services=esta.dmp),"
    "(csl-esta.dmp=esta.sdt/10.20.30.12:57383;esta.dmp/cd:320CA2FC-2932-11ED-8BBF-0015C5F3F612),"
    "(device-description=$:tftp://10.20.30.12/$.ddl),(csl-esta.dmp.values=version:1_interfaceId:65552_extVersion:1)"
)


def string(text: str) -> bytes:
    return struct.pack("!H", len(text)) + text.encode()


def message(function: int, body: bytes, flags: int = 0) -> bytes:
    body = string("en") + body
    return struct.pack("!BBBHHBHH", 2, function, 0, len(body) + 12, flags, 0, 0, 7) + body


def entry(url: str) -> bytes:
    return struct.pack("!BH", 0, 65535) + string(url) + b"\0"


def frames() -> Frames:
    service_request = message(
        1, string("") + string("service:printer") + string("DEFAULT") + string("") + string(""), 0x2000
    )
    yield udp(DESKTOP, GROUP_MAC, "10.20.30.14", GROUP, 50000, 427, service_request)
    own = message(2, struct.pack("!HH", 0, 1) + entry("service:VMwareInfrastructure://10.20.30.5"))
    yield udp(PBX, DESKTOP, "10.20.30.5", "10.20.30.14", 427, 50000, own)
    others = message(
        2,
        struct.pack("!HH", 0, 2)
        + entry("service:printer:lpr://10.20.30.13:515/raw")
        + entry("service:printer:ipp://print.example:631"),
    )
    yield udp(PBX, DESKTOP, "10.20.30.5", "10.20.30.14", 427, 50000, others)
    register = entry("service:printer:lpr://10.20.30.13/raw") + string("service:printer:lpr")
    register += string("DEFAULT") + string("(printer-model=HP),(copies=99)") + b"\0"
    yield udp(PRINTER, PBX, "10.20.30.13", "10.20.30.5", 427, 427, message(3, register))
    yield udp(
        PRINTER,
        DESKTOP,
        "10.20.30.13",
        "10.20.30.14",
        427,
        50000,
        message(7, struct.pack("!H", 0) + string(HP) + b"\0"),
    )
    old = struct.pack("!BBHBB2sHHH", 1, 7, 16 + len(HP), 0, 0, b"en", 3, 0, 0) + string(HP)
    yield udp(PRINTER, HP_GROUP_MAC, "10.20.30.13", HP_GROUP, 427, 427, old)
    yield udp(PBX, DESKTOP, "10.20.30.5", "10.20.30.14", 427, 50000, old)
    advert = (
        struct.pack("!HI", 0, 1)
        + string("service:directory-agent://10.20.30.5")
        + string("DEFAULT")
        + string("")
        + string("")
        + b"\0"
    )
    yield udp(PBX, GROUP_MAC, "10.20.30.5", GROUP, 427, 427, message(8, advert))
    yield udp(
        DESKTOP,
        GROUP_MAC,
        "10.20.30.14",
        GROUP,
        50000,
        427,
        message(9, string("") + struct.pack("!H", 0xFFFF) + string("DEFAULT"), 0x2000),
    )
    component = message(7, struct.pack("!H", 0) + string(SHURE) + b"\0")
    yield udp(PHONE, ACN_GROUP_MAC, "10.20.30.12", ACN_GROUP, 8427, 8427, component)

"""WS-Discovery: the Hello of a printer, a Probe and a Resolve of a client, responses of a camera, a PC and a recorder
that responds for a camera, a medical device, a Bye.
"""

from __future__ import annotations

from pcaps.dissectors._frames import CAMERA, DESKTOP, GATEWAY, PBX, PRINTER, Frames, udp

GROUP, GROUP_MAC = "239.255.255.250", "01:00:5e:7f:ff:fa"
DRAFT = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
FINAL = "http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01"
ONVIF = "onvif://www.onvif.org"


def envelope(action: str, body: str, discovery: str = DRAFT, **prefixes: str) -> bytes:
    others = "".join(f' xmlns:{prefix}="{address}"' for prefix, address in prefixes.items())
    return (
        f'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope" '
        f'xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:wsd="{discovery}"{others}><soap:Header>'
        f"<wsa:Action>{discovery}/{action}</wsa:Action><wsa:MessageID>urn:uuid:00000000-0000-4000-8000-{len(body):012x}</wsa:MessageID></soap:Header>"
        f"<soap:Body><wsd:{action}>{body}</wsd:{action}></soap:Body></soap:Envelope>"
    ).encode()


def endpoint(uuid: str) -> str:
    return f"<wsa:EndpointReference><wsa:Address>urn:uuid:{uuid}</wsa:Address></wsa:EndpointReference>"


def match(uuid: str, types: str, scopes: str, addresses: str) -> str:
    return (
        f"<wsd:ProbeMatch>{endpoint(uuid)}<wsd:Types>{types}</wsd:Types><wsd:Scopes>{scopes}</wsd:Scopes><wsd:XAddrs>{addresses}</wsd:XAddrs>"
        "<wsd:MetadataVersion>1</wsd:MetadataVersion></wsd:ProbeMatch>"
    )


def frames() -> Frames:
    def multicast(src_mac: str, src: str, payload: bytes, sport: int = 3702) -> bytes:
        return udp(src_mac, GROUP_MAC, src, GROUP, sport, 3702, payload, ttl=1)

    def unicast(src_mac: str, src: str, payload: bytes) -> bytes:
        return udp(src_mac, DESKTOP, src, "10.20.30.66", 3702, 50300, payload)

    devprof, pub = "http://schemas.xmlsoap.org/ws/2006/02/devprof", "http://schemas.microsoft.com/windows/pub/2005/07"
    network = "http://www.onvif.org/ver10/network/wsdl"
    printing = "http://schemas.microsoft.com/windows/2006/08/wdp/print"
    printer = "e3248000-80ce-11db-8000-02005e005303"
    hello = endpoint(printer) + (
        "<wsd:Types>p:Device "
        "q:PrintDeviceType</wsd:Types><wsd:XAddrs>http://10.20.30.40:80/WebServices/Device</wsd:XAddrs>"
    )
    yield multicast(PRINTER, "10.20.30.40", envelope("Hello", hello, p=devprof, q=printing))
    yield multicast(
        DESKTOP,
        "10.20.30.66",
        envelope("Probe", "<wsd:Types>dn:NetworkVideoTransmitter</wsd:Types>", dn=network),
        50300,
    )
    camera = "00000000-0000-1000-8000-02005e005306"
    about = ("type/video_encoder", "Profile/Streaming", "name/HIKVISION%20DS-2CD2143G2-I", "hardware/DS-2CD2143G2-I")
    scopes = " ".join(f"{ONVIF}/{one}" for one in (*about, "location/lobby"))
    camera_match = match(
        camera,
        "tdn:NetworkVideoTransmitter",
        scopes,
        "http://10.20.30.44/onvif/device_service http://[fe80::5eff:fe00:5306]/onvif/device_service",
    )
    yield unicast(CAMERA, "10.20.30.44", envelope("ProbeMatches", camera_match, tdn=network))
    proxied = match(
        "00000000-0000-1000-8000-02005e005399",
        "dn:NetworkVideoTransmitter",
        f"{ONVIF}/name/gate",
        "http://10.20.30.99/onvif/device_service",
    )
    own = match(
        "00000000-0000-1000-8000-02005e005305",
        "dn:NetworkVideoStorage",
        f"{ONVIF}/name/recorder",
        "http://10.20.30.5/onvif/device_service",
    )
    yield unicast(PBX, "10.20.30.5", envelope("ProbeMatches", proxied + own, dn=network))
    yield multicast(DESKTOP, "10.20.30.66", envelope("Resolve", endpoint(camera), FINAL), 50300)
    computer = "1e6b9e0c-1111-4222-8333-02005e005301"
    resolved = f"<wsd:ResolveMatch>{endpoint(computer)}<wsd:Types>wsdp:Device pub:Computer</wsd:Types>"
    resolved += f"<wsd:XAddrs>http://10.20.30.1:5357/{computer}/</wsd:XAddrs></wsd:ResolveMatch>"
    yield unicast(GATEWAY, "10.20.30.1", envelope("ResolveMatches", resolved, FINAL, wsdp=devprof, pub=pub))
    yield multicast(PRINTER, "10.20.30.40", envelope("Bye", endpoint(printer)))

"""UPnP IGD calls that open a port: their arguments, alone and inside HTTP."""

from __future__ import annotations

from sensor.core.addresses import NONE, parse
from sensor.core.packet import Packet
from sensor.dissectors._igd import Mapping, mapping, opens
from sensor.dissectors.http import Http
from tests.dissectors.samples import events

BODY = (
    b'<?xml version="1.0"?><s:Envelope><s:Body><u:AddPortMapping '
    b'xmlns:u="urn:schemas-upnp-org:service:WANIPConnection:1"><NewRemoteHost></NewRemoteHost>'
    b"<NewExternalPort>33890</NewExternalPort><NewProtocol "
    b'dt:dt="string">TCP</NewProtocol><NewInternalPort>3389</NewInternalPort>'
    b"<NewInternalClient>10.20.30.14</NewInternalClient><NewEnabled>1</NewEnabled><NewPortMappingDescription>desk "
    b"&amp; more</NewPortMappingDescription>"
    b"<NewLeaseDuration>0</NewLeaseDuration></u:AddPortMapping></s:Body></s:Envelope>"
)


def test_arguments() -> None:
    assert mapping(BODY) == Mapping(parse("10.20.30.14"), "tcp", 3389, 33890, "desk & more")
    pinhole = b"<u:AddPinhole><InternalClient>2001:db8::5</InternalClient><InternalPort>22</InternalPort><Protocol>6</Protocol></u:AddPinhole>"
    assert mapping(pinhole) == Mapping(parse("2001:db8::5"), "tcp", 22, 0, "")
    assert mapping(
        b"<NewInternalClient>printer</NewInternalClient><NewExternalPort>99999</NewExternalPort>"
    ) == Mapping(NONE, "", 0, 0, "")
    assert mapping(b"") == Mapping(NONE, "", 0, 0, "")


def test_actions() -> None:
    assert opens("urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping")
    assert opens("urn:schemas-upnp-org:service:WANIPv6FirewallControl:1#AddPinhole")
    assert not opens("urn:schemas-upnp-org:service:WANIPConnection:1#DeletePortMapping")
    assert not opens("")


def test_a_call_over_http() -> None:
    """A port mapping call is reported, also if its body comes in separate segments; other calls are not."""

    def found(action: str) -> list[str]:
        stream, packet = Http().stream(Packet()), Packet(proto=6)
        head = (
            b'POST /ctl HTTP/1.1\r\nHost: 10.20.30.1\r\nSOAPAction: "urn:x#%b"\r\nContent-Type: '
            b"text/xml\r\nContent-Length: %d\r\n\r\n"
        )
        parts = (head % (action.encode(), len(BODY)), BODY[:200], BODY[200:])
        return [event for part in parts for event in events(list(stream.feed(packet, part, True)))]

    assert ("HttpPortMapping", "AddPortMapping", parse("10.20.30.14"), "tcp", 3389, 33890, "desk & more") in found(
        "AddPortMapping"
    )
    assert not [event for event in found("GetExternalIPAddress") if event[0] == "HttpPortMapping"]

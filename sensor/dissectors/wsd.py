"""WS-Discovery over UDP (WS-Discovery 1.1 and its draft of 2005; DPWS 1.1; ONVIF Core, 7): printers, cameras and PCs
that announce themselves, and clients that search for them.

Facts come from Hello, ProbeMatches and ResolveMatches only, and only if the announced addresses (XAddrs) can be the
sender's: recorders and discovery proxies answer for others. Bye yields no facts. Metadata and device information are
requested over HTTP and parsed there. Signatures are ignored.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from urllib.parse import unquote

from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared import xml_tree
from sensor.dissectors.shared.http_message import host_of, may_be_at
from sensor.dissectors.shared.sender_facts import facts

PORT = 3702
STARTS = (b"<?xml ve", b"\xef\xbb\xbf<?xml")
MATCHES_LIMIT = 16
LIST_LIMIT = 32
MULTI = {"ProbeMatches": "ProbeMatch", "ResolveMatches": "ResolveMatch"}
ANNOUNCEMENTS = ("Hello", "ProbeMatches", "ResolveMatches")
REQUESTED = ("Probe", "Resolve")
# Types are reported with the prefixes of the standards, whatever prefix the sender declares.
PREFIXES = {
    "http://schemas.xmlsoap.org/ws/2006/02/devprof": "wsdp",
    "http://docs.oasis-open.org/ws-dd/ns/dpws/2009/01": "wsdp",
    "http://www.onvif.org/ver10/network/wsdl": "dn",
    "http://www.onvif.org/ver10/device/wsdl": "tds",
    "http://www.onvif.org/ver10/accesscontrol/wsdl": "tac",
    "http://www.onvif.org/ver10/doorcontrol/wsdl": "tdc",
    "http://schemas.microsoft.com/windows/2006/08/wdp/print": "wprt",
    "http://schemas.microsoft.com/windows/2006/08/wdp/scan": "wscn",
    "http://schemas.microsoft.com/windows/pub/2005/07": "pub",
    "http://standards.ieee.org/downloads/11073/11073-20702-2016": "mdpws",
}
# ONVIF scopes (Core, 7.3.2.2) and those of other vendors, by their first part. Type is the function, Profile the
# conformance.
SCOPES = frozenset(
    (
        "name",
        "hardware",
        "location",
        "type",
        "profile",
        "mac",
        "manufacturer",
        "model",
        "firmware",
        "serial",
        "extension",
        "vendor",
    )
)
ONVIF = "onvif://"


class WsdQuestion(Event):
    """A search for devices (Probe) or for the addresses of one (Resolve)."""

    action: str
    types: tuple[str, ...]
    endpoint: str


class WsdAnnouncement(Event):
    """``action``: Hello, Bye, ProbeMatches or ResolveMatches. ``endpoint``: the name of the device (``urn:uuid:…``);
    ``own``: it is about the sender.
    """

    action: str
    endpoint: str
    types: tuple[str, ...]
    scopes: tuple[str, ...]
    addresses: tuple[str, ...]
    own: bool


class Wsd(Dissector):
    """Each message is sent several times; an identical one within a minute is dropped."""

    interest = Interest(udp=(PORT,), starts=STARTS, repeats_s=60)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        cut = packet.truncated
        try:
            document = xml_tree.read(packet.payload)
        except Malformed:
            if cut:
                return iter(())
            raise
        body = document.root.first("Body") if document.root.name == "Envelope" else None
        message = body.children[0] if body is not None and body.children else None
        if message is None or message.name not in (*ANNOUNCEMENTS, *REQUESTED, "Bye"):
            return iter(())
        if not (message.closed or cut):
            raise Malformed("document without an end")
        return iter(_read(packet, document, message))


def _read(packet: Packet, document: xml_tree.Document, message: xml_tree.Element) -> list[Parsed]:
    action = message.name
    if action in REQUESTED:
        return [WsdQuestion(packet, action, _types(document, message), message.value("EndpointReference", "Address"))]
    matches = list(message.all(MULTI[action]))[:MATCHES_LIMIT] if action in MULTI else [message]
    parsed: list[Parsed] = []
    for match in matches:
        parsed += _announced(packet, document, action, match, len(matches) == 1)
    return parsed or [WsdAnnouncement(packet, action, "", (), (), (), False)]


def _announced(
    packet: Packet, document: xml_tree.Document, action: str, match: xml_tree.Element, alone: bool
) -> list[Parsed]:
    """One device. Among several, one without an address cannot be attributed."""
    endpoint = match.value("EndpointReference", "Address")
    types = _types(document, match)
    scopes = _words(match, "Scopes")
    addresses = _words(match, "XAddrs")
    own = action != "Bye" and (
        any(may_be_at(packet, host_of(address.encode())) for address in addresses) if addresses else alone
    )
    parsed: list[Parsed] = [WsdAnnouncement(packet, action, endpoint, types, scopes, addresses, own)]
    if own:
        parsed += facts(packet, dict.fromkeys(_facts(endpoint, types, scopes)))
    return parsed


def _facts(endpoint: str, types: tuple[str, ...], scopes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if endpoint:
        yield "wsd.endpoint", endpoint
    for name in types:
        yield "wsd.type", name
    for scope in scopes:
        if (fact := _scope(scope)) is not None:
            yield fact


def _types(document: xml_tree.Document, parent: xml_tree.Element) -> tuple[str, ...]:
    """Qualified names, with the prefixes of the standards."""
    found = []
    for word in _words(parent, "Types"):
        prefix, colon, name = word.rpartition(":")
        known = PREFIXES.get(document.namespaces.get(prefix, "").rstrip("/"))
        found.append(f"{known}:{name}" if known and colon else word)
    return tuple(found)


def _words(parent: xml_tree.Element, name: str) -> tuple[str, ...]:
    """The words of a list in a child element."""
    return tuple(parent.value(name).split()[:LIST_LIMIT])


@functools.lru_cache(maxsize=4096)
def _scope(scope: str) -> tuple[str, str] | None:
    """(kind, value) of an ONVIF scope: ``onvif://www.onvif.org/name/Front%20door`` → scope_name, ``Front door``; None
    if it is empty or unused.
    """
    if not scope.lower().startswith(ONVIF):
        return None
    category, _, value = scope[len(ONVIF) :].partition("/")[2].partition("/")
    value = clean(unquote(value))
    return (f"wsd.scope_{category.lower()}", value) if value and category.lower() in SCOPES else None

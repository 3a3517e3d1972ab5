"""SSDP over UDP (UPnP Device Architecture 2.0, 1): announcements of devices, searches of clients, and the answers; and
Yeelight's variant on port 1982.

Facts come from announcements and answers only: a search describes its target, so only the program that sends it is
reported. A message whose LOCATION names an address other than the sender's was forwarded or is about another device: it
yields no facts. Neither do goodbyes. Descriptions at LOCATION are fetched over HTTP and parsed there.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.http_message import HEAD_END, VERSION, Head, host_of, may_be_at, read_head
from sensor.dissectors.shared.sender_facts import fact

STARTS = (b"NOTIFY *", b"M-SEARCH", VERSION + b"1", VERSION + b"0")
HEADER_NAME_LIMIT = 48
HEADERS_LIMIT = 12
# Standard fields and those of HTTP (1.2.2, 1.3.3): not vendor-specific.
STANDARD = frozenset(
    b"host cache-control location nt nts server usn st ext date man mx user-agent content-length "
    b"content-type connection opt 01-nls accept al "
    b"bootid.upnp.org configid.upnp.org nextbootid.upnp.org searchport.upnp.org "
    b"securelocation.upnp.org tcpport.upnp.org cpfn.upnp.org cpuuid.upnp.org "
    b"transfer-encoding expires age keep-alive vary".split()
)


class SsdpSearch(Event):
    """A search for devices: ``target`` is the search target (ST), ``user_agent`` the program that sends it."""

    target: str
    user_agent: str


class SsdpAnnouncement(Event):
    """A device announces that it is available, changed or leaving. ``state``: alive, update or byebye; ``answer``: it
    is a search response; ``own``: it is about the sender.

    ``target``: NT or ST; ``unique_name``: USN; ``location``: the URL of its description.
    """

    state: str
    target: str
    unique_name: str
    location: str
    server: str
    answer: bool
    own: bool


class Ssdp(Dissector):
    """Devices repeat announcements; an identical one within a minute is dropped."""

    interest = Interest(udp=(1900, 1982), starts=STARTS, repeats_s=60)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        payload, cut = packet.payload, False
        end = HEAD_END.search(payload)
        if end is not None:
            payload = payload[: end.start()]
        elif packet.truncated:
            payload, cut = payload[: max(payload.rfind(b"\n"), 0)], True  # the last line may be truncated
        if not payload and cut:
            return iter(())
        return iter(_read(packet, read_head(payload), cut))


def _read(packet: Packet, head: Head, cut: bool) -> list[Parsed]:
    """Parse a message. One that was truncated before its LOCATION yields no facts."""
    text = head.text
    if head.method == "M-SEARCH":
        agent = text(b"user-agent")
        parsed: list[Parsed] = [SsdpSearch(packet, text(b"st"), agent)]
        return [*parsed, fact(packet, "ssdp.user_agent", agent)] if agent else parsed
    if head.method == "NOTIFY":
        # Only alive messages have a lifetime and a LOCATION (1.2.2 to 1.2.4), also if NTS was truncated.
        alive = cut and text(b"location") and text(b"cache-control")
        state = text(b"nts").removeprefix("ssdp:") or ("alive" if alive else "")
    elif not head.method and head.status == 200:
        state = "alive"
    elif not head.method and head.status:  # an error response has no facts
        return [SsdpAnnouncement(packet, "", "", "", "", text(b"server"), True, False)]
    else:
        raise Malformed("no method of SSDP")
    location = head.fields.get(b"location") or head.fields.get(b"al", b"")
    own = state == "alive" and may_be_at(packet, host_of(location)) and bool(location or not cut)
    target = text(b"st" if not head.method else b"nt")
    parsed = [
        SsdpAnnouncement(packet, state, target, text(b"usn"), text(b"location"), text(b"server"), not head.method, own)
    ]
    if own:
        parsed += [fact(packet, kind, value) for kind, value in _facts(head, target, location)]
    return parsed


def _facts(head: Head, target: str, location: bytes) -> Iterator[tuple[str, str]]:
    """(kind, value) of the facts about the sender."""
    if server := head.text(b"server"):
        yield "ssdp.server", server
    if target and not target.startswith("uuid:"):
        yield "ssdp.nt", target
    if name := head.text(b"usn").partition("::")[0]:
        yield "ssdp.usn", name
    if place := _place(location):
        yield "ssdp.location", place
    count = 0
    for field, value in head.fields.items():
        if value and (kind := _header_kind(field)) and (cleaned := clean(value)):
            yield kind, cleaned
            count += 1
            if count == HEADERS_LIMIT:
                return


@functools.lru_cache(maxsize=4096)
def _place(location: bytes) -> str:
    """Port and path of a URL, which are typical of a vendor: ``:49152/setup.xml``; with the scheme if it is not
    HTTP.
    """
    scheme, found, rest = location.partition(b"://")
    if not found:
        return ""
    authority, slash, path = rest.partition(b"/")
    _, colon, port = authority.rpartition(b"]" if b"]" in authority else b":")
    place = clean((b":" + port.lstrip(b":") if colon and port else b"") + slash + path, 255)
    return place if scheme.lower() in (b"http", b"https") else clean(scheme, 32) + ":" + place


@functools.lru_cache(maxsize=4096)
def _header_kind(field: bytes) -> str:
    """The kind of a vendor-specific field; empty for standard ones and invalid names."""
    if field in STANDARD or not 0 < len(field) <= HEADER_NAME_LIMIT or not field.isascii():
        return ""
    name = field.decode("ascii")
    return "ssdp.header." + name if name.replace("-", "").replace("_", "").replace(".", "").isalnum() else ""

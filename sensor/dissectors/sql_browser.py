"""SQL Server Resolution Protocol ([MC-SQLR]) over UDP 1434: clients query the SQL Server instances of a host.

Reads the type of a request and the length of the instance name, and from a response the server, its instances and their
versions.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.sender_facts import fact

PORT = 1434
BROADCAST, UNICAST, INSTANCE, ANSWER, ADMINISTRATION = 2, 3, 4, 5, 15
KINDS = {BROADCAST: "broadcast", UNICAST: "list", INSTANCE: "instance", ADMINISTRATION: "administration"}
ANSWER_HEAD, NAME_LIMIT, INSTANCES_LIMIT = 3, 64, 16
_SERVER = lazy_pattern(
    rb"ServerName;([^;]{1,255});InstanceName;([^;]{1,255});(?:IsClustered;[^;]{0,8};)?Version;([\d.]{1,32})"
)


class SqlBrowserRequest(Event):
    """A client's query. ``requested``: ``broadcast``, ``list``, ``instance`` or ``administration``; ``size``: bytes of
    the instance name, which ends with a zero.
    """

    requested: str
    size: int


class SqlBrowserAnswer(Event):
    """A server's instances: (name, version)."""

    server: str
    instances: tuple[tuple[str, str], ...]


class SqlBrowser(Dissector):
    """Clients repeat requests."""

    interest = Interest(udp=(PORT,), repeats_s=5)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        if not data:
            return iter(())
        if packet.dport == PORT and data[0] in KINDS:
            return iter((SqlBrowserRequest(packet, KINDS[data[0]], len(data) - 1),))
        if packet.sport == PORT and data[0] == ANSWER:
            return iter(_answer(packet, data[ANSWER_HEAD:]))
        return iter(())


def _answer(packet: Packet, data: bytes) -> list[Parsed]:
    """Pairs of name and value, one instance after another ([MC-SQLR] 2.2.5)."""
    found = [match.groups() for match in _SERVER.finditer(data)][:INSTANCES_LIMIT]
    if not found:
        return []
    server = clean(found[0][0], NAME_LIMIT)
    instances = tuple((clean(name, NAME_LIMIT), clean(version, NAME_LIMIT)) for _, name, version in found)
    answer = SqlBrowserAnswer(packet, server, instances)
    return [answer, fact(packet, "sql_browser.hostname", server)] if server else [answer]

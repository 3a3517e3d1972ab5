"""Multicast DNS (RFC 6762) and service discovery over it (RFC 6763): how hosts describe themselves.

Facts come only from responses, because a query and its known answers are about others; and only from responses about
the sender: one whose addresses do not include the sender's comes from a reflector or a sleep proxy and yields no facts.
Records with a TTL of 0 are goodbyes and yield none; those of a queue that a print server shares (CUPS, so also macOS)
describe another printer, and so may printing in a list of service types. Ignores reverse lookups, NSEC and the
cache-flush and unicast-response bits.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

from sensor.core.addresses import is_v4
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.dns_codes import AAAA, HINFO, PTR, SRV, TXT, A
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.dns_message import Question, Record, read, texts
from sensor.dissectors.shared.sender_facts import facts

PORT = 5353
DOMAIN = ".local"
ALL_SERVICES = "_services._dns-sd._udp.local"  # the list of service types (RFC 6763, 9)
TXT_KEY_LIMIT = 64
ADDRESSES = (A, AAAA)
LINK_LOCAL = 0xFE80 >> 6  # the first ten bits
QUEUES = (b"rp=printers/", b"rp=classes/")  # path of queues on a print server; printers themselves use ipp/print
SHARED = " @ "  # in the names of queues that CUPS shares: ``queue @ host``
HOSTS = (*ADDRESSES, SRV)
OF_HOST = (*ADDRESSES, HINFO)
INFORMATION = ("mdns.cpu", "mdns.system")
PRINTING = frozenset(("_fax-ipp._tcp", "_ipp._tcp", "_ipps._tcp", "_pdl-datastream._tcp", "_printer._tcp"))


class MdnsQuery(Event):
    """A query for names or services. ``probe``: the sender checks whether its desired name is unique (RFC
    6762, 8.1).
    """

    questions: tuple[Question, ...]
    probe: bool


class MdnsAnnouncement(Event):
    """A host announces records, solicited or not; ``own``: they are about the sender as far as can be determined."""

    records: tuple[Record, ...]
    own: bool


class Mdns(Dissector):
    """Hosts repeat their announcements; an identical one within a minute is dropped."""

    interest = Interest(udp=(PORT,), repeats_s=60)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        message = read(packet.payload, packet.truncated, True)
        if message is None or message.operation:  # other operations must be ignored (RFC 6762, 18.3)
            return iter(())
        if not message.response:
            return iter(_queried(packet, message.questions, message.authority > 0))
        return iter(_from_records(packet, message.records))


def _queried(packet: Packet, questions: tuple[Question, ...], probe: bool) -> list[Parsed]:
    """A query. A probe is for names that the sender wants itself, and shows no interest in others."""
    parsed: list[Parsed] = [MdnsQuery(packet, questions, probe)]
    if probe:
        return parsed
    names = dict.fromkeys([question.name.removesuffix(DOMAIN) for question in questions])
    return parsed + facts(packet, [("mdns.query", name) for name in names])


def _from_records(packet: Packet, records: tuple[Record, ...]) -> list[Parsed]:
    """A response. One that does not come from port 5353 must not be trusted (RFC 6762, 6)."""
    hosts, own = _own_hosts(packet.src, records)
    own = own and packet.sport == PORT
    parsed: list[Parsed] = [MdnsAnnouncement(packet, records, own)]
    if own:
        parsed += facts(packet, _facts(_without_queues(records), hosts))
    return parsed


def _own_hosts(sender: int, records: tuple[Record, ...]) -> tuple[list[str], bool]:
    """Host names that have the sender's address, and whether the records can be the sender's own."""
    hosts, others = [], False
    for record in records:
        kind = record.type
        if kind in ADDRESSES:
            if record.address == sender:
                hosts.append(record.name)
            elif _comparable(record.address, sender):
                others = True
    return hosts, bool(hosts) or not others


def _comparable(address: int, sender: int) -> bool:
    """Whether the sender would have this address if it were its own: both IPv4 or both link-local; a host may have many
    other IPv6 addresses.
    """
    return is_v4(address) if is_v4(sender) else address >> 118 == sender >> 118 == LINK_LOCAL


def _without_queues(records: tuple[Record, ...]) -> tuple[Record, ...]:
    """The records without those of shared queues, and without their service lists."""
    queues = {
        one.name
        for one in records
        if one.type == TXT and any(text.lower().startswith(QUEUES) for text in texts(one.data))
    }
    hosts = {_letters(one.value if one.type == SRV else one.name) for one in records if one.type in HOSTS}
    queues.update(
        name for one in records for name in (one.name, one.value) if SHARED in name and _is_queue(name, hosts)
    )
    if not queues:
        return records
    services = {_parts(name)[1] for name in queues}
    return tuple(
        [
            one
            for one in records
            if not {one.name, one.value} & queues and not (one.name == ALL_SERVICES and _service(one.value) in services)
        ]
    )


def _facts(records: tuple[Record, ...], hosts: list[str]) -> dict[tuple[str, str], None]:
    """(kind, value) of the records, without duplicates, in order."""
    facts: dict[tuple[str, str], None] = {}
    for record in records:
        kind, name = record.type, record.name
        if not record.ttl:
            continue
        if kind == TXT:
            _instance(name, facts)
            for text in texts(record.data):
                key, equals, value = text.partition(b"=")
                # A key alone is a flag (RFC 6763, 6.4); one with blanks is a description of some vendors.
                named = _txt_kind(key) if equals else "mdns.text" if b" " in key else ""
                if named and (cleaned := clean(value if equals else key)):
                    facts[named, cleaned] = None
        elif kind == PTR:
            listed = record.value if name == ALL_SERVICES else name
            service = _service(listed)
            if service and (listed is name or service not in PRINTING):
                facts["mdns.service", service] = None
                if listed is name:
                    _instance(record.value, facts)
        elif kind == SRV:
            _instance(name, facts)
            if not hosts:
                _hostname(record.value, facts)
        elif kind in OF_HOST and (not hosts or name in hosts):
            _host(record, facts)
    return facts


def _host(record: Record, facts: dict[tuple[str, str], None]) -> None:
    """An address, or processor and system (RFC 1035, 3.3.2)."""
    if record.type in ADDRESSES:
        _hostname(record.name, facts)
    elif len(found := texts(record.data)) == len(INFORMATION):
        facts.update(dict.fromkeys(zip(INFORMATION, map(clean, found), strict=True)))


def _hostname(name: str, facts: dict[tuple[str, str], None]) -> None:
    host = name.removesuffix(DOMAIN)
    if host:
        facts["mdns.hostname", host] = None


def _instance(name: str, facts: dict[tuple[str, str], None]) -> None:
    """``Instance._service._proto.local``: the instance's label, and its service."""
    instance, service = _parts(name)
    if instance and service:
        facts["mdns.service", service] = None
        facts["mdns.instance", instance] = None


def _is_queue(name: str, hosts: set[str]) -> bool:
    """Whether a name is that of a queue that one of the hosts shares. Printers may have such a name for their place."""
    instance, service = _parts(name)
    return service in PRINTING and _letters(instance.rpartition(SHARED)[2]) in hosts


def _letters(host: str) -> str:
    """The letters and digits of a host name: ``Anna's MacBook`` is ``Annas-MacBook.local``."""
    return "".join(filter(str.isalnum, host.removesuffix(DOMAIN).lower()))


def _service(name: str) -> str:
    """``_ipp._tcp`` of ``_ipp._tcp.local`` or of a subtype ``_universal._sub._ipp._tcp.local``; empty if the name is
    not a service type.
    """
    before, service = _parts(name)
    return service if not before or before.endswith("._sub") else ""


@functools.lru_cache(maxsize=4096)
def _parts(name: str) -> tuple[str, str]:
    """(part before, service type in lower case) of a name below a service type; both empty otherwise."""
    end = max(name.rfind("._tcp.local"), name.rfind("._udp.local"))
    if end < 0 or end + 11 != len(name):
        return "", ""
    start = name.rfind(".", 0, end) + 1
    if name[start] != "_":
        return "", ""
    return name[: max(start - 1, 0)], name[start : end + 5].lower()


@functools.lru_cache(maxsize=4096)
def _txt_kind(key: bytes) -> str:
    """The kind of a TXT key: keys are printable ASCII and case-insensitive (RFC 6763, 6.4). Empty for other keys."""
    if not 0 < len(key) <= TXT_KEY_LIMIT or not key.isascii() or not key.decode("ascii").isprintable() or b" " in key:
        return ""
    return "mdns.txt." + key.decode("ascii").lower()

"""From recommendations to firewall requests: a service with a weak setting is blocked for all hosts except exempt ones.

It is a workaround: the setting itself still has to be fixed. Only a service that the device offers can be blocked, and
only one that not all its users need; a device with unneeded internet traffic is blocked from the internet as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address, summarize_address_range
from typing import Any, NamedTuple

from sensor.core.addresses import text
from sensor.core.device import FIXED_FUNCTION
from sensor.core.foreign import address_of, part, tidy
from sensor.core.ip_protocols import TCP, UDP
from sensor.core.service_names import service_text
from sensor.inventory.habits import OUTSIDE
from sensor.posture.administration import ADMINISTRATION
from sensor.posture.firewall.contacts import alerted
from sensor.posture.firewall.model import Host, Match, Request
from sensor.posture.firewall.refuse import Refusals
from sensor.posture.firewall.requests import Spec, request_of_outside, request_of_service
from sensor.posture.firewall.simulate import conversations
from sensor.posture.firewall.view import View
from sensor.posture.latest import Known
from sensor.posture.lookup import PREFIX, devices_named
from sensor.posture.recommendations.knowledge import load_advice

Record = dict[str, Any]

KIND, SEEN, INTERNET = "recommendation-", "seen", "internet"
# Limit of exempt addresses: excluding one takes up to 32 blocks (128 for IPv6).
ALLOWED_LIMIT = 16
# Services that fixed-function devices do not use among themselves.
ADMINISTERED = ADMINISTRATION | {TCP << 16 | port for port in (21, 80, 443, 8080, 8443)} | {UDP << 16 | 161}
# Applications over UDP that are known over TCP too.
DATAGRAMS = frozenset(("sip",))
ALWAYS = "legitimate clients need the service, and a firewall cannot separate malicious from legitimate use"
# Settings that a firewall cannot work around, and why.
NOT_BY_RULES = {
    "smb1": ALWAYS, "ldap_simple": ALWAYS, "sip_clear": ALWAYS, "sip_basic": ALWAYS, "sip_weak": ALWAYS,
    "dhcp_server": (
        "it answers within its own segment, without a firewall in between: enable DHCP snooping on the switch"
    ),
    "upnp_mapping": "requests come from its own segment, without a firewall in between: disable it on the router",
}  # fmt: skip


class TooWide(Exception):
    """More hosts are exempt than a rule can have, or none that can be identified; the text is for users."""


class UnknownHost(Exception):
    """An exempt host is unknown or ambiguous; the text is for users."""


class Requested(NamedTuple):
    """``requests``: one per service, for all hosts that offer it; ``left_out``: recommendations without a rule, with
    the reason.
    """

    requests: list[Request]
    left_out: list[str]


def work_of(known: Known, what: str) -> list[Record]:
    """Recommendations by an id or its prefix, or by a setting; closed ones too."""
    found = [
        record
        for name, record in known.recommendations.items()
        if name == what or (len(what) > len(KIND) + PREFIX - 1 and name.startswith(what))
    ]
    return found or [
        record for record in known.recommendations.values() if part(record, "recommendation").get("setting") == what
    ]


def is_about_work(what: str) -> bool:
    """Whether the text has the form of a recommendation's id or setting."""
    return what.startswith(KIND) or what in load_advice()


def requests_of_work(
    records: Iterable[Record], spec: Spec, view: View, allow: Sequence[str], clock: Callable[[Any], str], *, force: bool
) -> Requested:
    """``allow``: hosts to exempt; ``clock``: formats a time of a record; ``force``: also suggest rules with side
    effects. Raises TooWide, UnknownHost.
    """
    records = list(records)
    talkers = [record for record in records if _setting(record) == INTERNET and record.get("action") != "close"]
    groups, left_out = _grouped([record for record in records if record not in talkers], view, force=force)
    found = []
    for match, some in groups.items():
        servers = [server for server, _ in some]
        users = users_of(servers, match, view)
        exempt = spec._replace(allow=allowed(allow, users, servers, match, view))
        reasons = (_reason(record, clock) for _, record in some)
        found.append(request_of_service(servers, users, match, exempt, reasons))
    outward = _outward(talkers, spec, view, allow, clock) if talkers else []
    return Requested([*found, *outward], left_out)


def _grouped(
    records: Iterable[Record], view: View, *, force: bool
) -> tuple[dict[Match, list[tuple[Host, Record]]], list[str]]:
    """Hosts by the service to block, and the recommendations that are left out."""
    refusals = Refusals(view.seen.machines)
    groups: dict[Match, list[tuple[Host, Record]]] = {}
    left_out = []
    for record in records:
        server = view.party(part(record, "src"), record)
        why = _not(record) or (
            "it has no address" if server is None else "" if force else refusals.of_machine(server, whole=False)
        )
        if why or server is None:
            left_out.append(f"{tidy(record.get('msg'))}: {why}")
        else:
            groups.setdefault(_match(record), []).append((server, record))
    return groups, left_out


def _outward(
    records: Sequence[Record], spec: Spec, view: View, allow: Sequence[str], clock: Callable[[Any], str]
) -> list[Request]:
    """Devices with unneeded internet traffic are blocked from the internet."""
    if SEEN in allow:
        raise TooWide(
            "the baseline does not distinguish external addresses: specify each required one with --allow ADDRESS"
        )
    exempt = allowed(allow, (), (), Match(), view)
    machines = [party for party in (view.party(part(record, "src"), record) for record in records) if party is not None]
    if not machines:
        return []
    habits = view.seen.habits or {}
    seen = sorted(
        {service for one in machines if one.id in habits for peer, service in habits[one.id].uses if peer == OUTSIDE}
    )
    inside = (
        block
        for span in view.networks.blocks
        for block in summarize_address_range(*(ip_address(text(one)) for one in span))
    )
    reasons = (_reason(record, clock) for record in records)
    return [request_of_outside(machines, inside, spec._replace(allow=exempt), seen, reasons)]


def users_of(servers: Iterable[Host], match: Match, view: View) -> list[Host]:
    """Observed clients of a service of some hosts."""
    keys = {server.key for server in servers}
    return list(
        dict.fromkeys(
            cut.client for cut in conversations(view.seen) if cut.server.key in keys and match.covers(cut.service)
        )
    )


def allowed(
    names: Sequence[str], users: Iterable[Host], servers: Iterable[Host], match: Match, view: View
) -> tuple[Host, ...]:
    """The exempt hosts; ``seen``: all observed clients without an alert, and for administration without fixed-function
    devices. Raises TooWide, UnknownHost.
    """
    found: dict[str, Host] = {}
    for name in names:
        parties = _seen(users, servers, match, view) if name == SEEN else _named(name, view)
        found.update((one.key, one) for one in parties)
    if sum(len(one.addresses) for one in found.values()) > ALLOWED_LIMIT:
        raise TooWide(
            f"found {len(found):,} hosts for --allow, expected at most {ALLOWED_LIMIT} addresses: give "
            "them access through a gateway"
        )
    return tuple(found.values())


def _seen(users: Iterable[Host], servers: Iterable[Host], match: Match, view: View) -> list[Host]:
    bad, keys = alerted(view), [one.key for one in servers]
    kinds = FIXED_FUNCTION if match.proto << 16 | match.port in ADMINISTERED else frozenset()
    return [one for one in users if one.kind not in kinds and not any((one.key, key) in bad for key in keys)]


def _named(name: str, view: View) -> list[Host]:
    """Devices with an id, name or address, or an address without a device."""
    ids = (tidy(part(record, "device").get("id")) for record in devices_named(view.known, name))
    found = [view.seen.machines[one].party for one in ids if one in view.seen.machines]
    if not found and address_of(name):
        found = [Host("", "", "", (address_of(name),))]
    if len(found) > 1:
        raise UnknownHost(f"--allow {name!r} is ambiguous: any of {len(found)}: name one by its id")
    if not found:
        raise UnknownHost(f"no device {name!r} with an address to --allow")
    return found


def _not(record: Record) -> str:
    """Why no rule helps; empty if one does."""
    setting = _setting(record)
    if record.get("action") == "close":
        return "the recommendation is done"
    if setting in NOT_BY_RULES or part(record, "network").get("app") == "tls":
        return NOT_BY_RULES.get(setting, ALWAYS)
    port = part(record, "src").get("port")
    return (
        ""
        if isinstance(port, int) and 0 < port < 65536
        else "it does not concern a service of the device: nothing to block"
    )


def _match(record: Record) -> Match:
    """The record has the port; the protocol is the usual one for it."""
    port = part(record, "src")["port"]
    usual = [service_text(proto << 16 | port).startswith(prefix) for proto, prefix in ((TCP, "tcp/"), (UDP, "udp/"))]
    return Match(UDP if usual == [True, False] or tidy(part(record, "network").get("app")) in DATAGRAMS else TCP, port)


def _setting(record: Record) -> str:
    return tidy(part(record, "recommendation").get("setting"))


def _reason(record: Record, clock: Callable[[Any], str]) -> str:
    about = part(record, "recommendation")
    return f"{clock(about.get('last'))} {tidy(record.get('msg'))} ({tidy(about.get('id'))})"

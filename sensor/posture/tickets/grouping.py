"""From weaknesses to tickets: one per fix, for all affected devices.

Open alerts make no tickets: an alert is an event, its advice is about its investigation, and it ends when it is closed.
The permanent faults that an event shows (Telnet, default passwords, old protocols) are recommendations, and so
weaknesses with a fix.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from sensor.core.alert import Severity
from sensor.core.ids import entity_id, short_id
from sensor.core.phrases import counted
from sensor.core.reader import clean
from sensor.posture.site import Node, Site
from sensor.posture.tickets.model import FIND_OUT, SETTING, UPDATE, Affected, Step, Ticket
from sensor.posture.tickets.policy import Policy
from sensor.posture.weakness import Proof, Weakness

TITLE_LIMIT, TEXT_LIMIT, WHY_LENGTH, NAME_LIMIT = 160, 1024, 400, 128
# Together they leave room for devices in all formats but ServiceNow.
STEPS_LIMIT, MAKERS_LIMIT, WHY_LIMIT, CVES_SHOWN = 6, 8, 12, 6

Pair = tuple[Node, Weakness]


def tickets_of(site: Site, policy: Policy, first: Mapping[str, str] | None = None) -> list[Ticket]:
    """All tickets: certain ones first, then most severe first. ``first``: when each was first seen, by id; others are
    first seen now.
    """
    groups: dict[str, list[Pair]] = {}
    for node, weakness in site.weak():
        if not node.gone:
            groups.setdefault(weakness.fix.key, []).append((node, weakness))
    first, made, taken = first or {}, [], set[str]()
    for key in sorted(groups):
        name = _id(key, taken)
        taken.add(name)
        ticket = _ticket(name, key, groups[key], policy, first.get(name) or site.now)
        if ticket.severity >= policy.least and ticket.points >= policy.least_points:
            made.append(ticket)
    return sorted(made, key=lambda one: (not one.sure, -one.severity, -one.points, -len(one.devices), one.id))


def _id(key: str, taken: set[str]) -> str:
    """Id of a fix, the same at every site. Receivers keep tickets under this id for years, so its length stays the
    same; duplicates are made distinct.
    """
    number = 0
    while (name := short_id(entity_id("ticket", f"{key}#{number}"))) in taken:
        number += 1
    return name


def _ticket(name: str, key: str, pairs: Sequence[Pair], policy: Policy, first: str) -> Ticket:
    pairs = sorted(pairs, key=lambda pair: (-pair[1].points, not pair[1].sure, pair[1].name, pair[0].id))
    (node, worst), devices = pairs[0], _devices(pairs, policy)
    kind, severity = _kind(key), _severity(pairs)
    return Ticket(
        name,
        clean(key, TEXT_LIMIT),
        kind,
        clean(worst.fix.title, TITLE_LIMIT) or name,
        severity,
        worst.points,
        clean(
            f"{worst.points:g}, those of {worst.name} on {node.text}"
            + (f", the most severe of {len(pairs):,} findings" if pairs[1:] else ""),
            TEXT_LIMIT,
        ),
        tuple(dict.fromkeys(clean(one.name, NAME_LIMIT) for _, one in pairs)),
        tuple(_why(pairs, kind)),
        devices,
        _owner(devices) or policy.owner,
        tuple(_steps(pairs, devices, kind)),
        clean(worst.fix.test, TEXT_LIMIT),
        first,
        policy.due(first, severity),
    )


def _kind(key: str) -> str:
    kind = key.partition("|")[0]
    return kind if kind in (UPDATE, FIND_OUT) else SETTING


def _severity(pairs: Sequence[Pair]) -> Severity:
    """The highest severity that is certain. If none is, medium at most: there may be no fault."""
    certain = [one.severity for _, one in pairs if one.sure]
    return max(certain) if certain else min(Severity.medium, max(one.severity for _, one in pairs))


def _devices(pairs: Sequence[Pair], policy: Policy) -> tuple[Affected, ...]:
    """Distinct devices, most severe first."""
    nodes: dict[str, Node] = {}
    several: dict[str, list[Weakness]] = {}
    for node, weakness in pairs:
        nodes[node.id] = node
        several.setdefault(node.id, []).append(weakness)
    return tuple(_affected(nodes[name], found, policy) for name, found in several.items())


def _affected(node: Node, found: Sequence[Weakness], policy: Policy) -> Affected:
    worst = found[0]
    words = {
        name: clean(getattr(node, name), NAME_LIMIT)
        for name in ("id", "name", "address", "type", "vendor", "model", "firmware", "segment")
    }
    proof = Proof(*(clean(text, TEXT_LIMIT) for text in worst.proof))
    names = tuple(dict.fromkeys(clean(one.name, NAME_LIMIT) for one in found))
    sure = any(one.sure for one in found)
    return Affected(**words, owner=policy.owner_of(node), names=names, points=worst.points, sure=sure, proof=proof)


def _owner(devices: Sequence[Affected]) -> str:
    """The owner of most devices."""
    owners = Counter(one.owner for one in devices if one.owner)
    return min(owners, key=lambda name: (-owners[name], name), default="")


def _why(pairs: Sequence[Pair], kind: str) -> Iterator[str]:
    """For a setting, its reason; for firmware, a line for each CVE."""
    if kind == SETTING:
        yield from list(dict.fromkeys(clean(one.why, WHY_LENGTH) for _, one in pairs if one.why))[:WHY_LIMIT]
        return
    reasons = {one.name: one for _, one in reversed(pairs)}
    ordered = [reasons[name] for name in dict.fromkeys(one.name for _, one in pairs)]
    yield from (clean(_cve(one), WHY_LENGTH) for one in ordered[:WHY_LIMIT])
    if len(ordered) > WHY_LIMIT:
        yield f"and {counted(len(ordered) - WHY_LIMIT, 'more CVE')}"


def _cve(one: Weakness) -> str:
    title = "" if one.title == one.name else f": {one.title}"
    return f"{one.name} ({one.severity.name}, {one.points:g} points){title}; {one.why}"


def _steps(pairs: Sequence[Pair], devices: Sequence[Affected], kind: str) -> Iterator[Step]:
    """The general steps, then those for each vendor of the devices."""
    texts: dict[str, list[str]] = {}
    for _, one in pairs:
        texts.setdefault(clean(one.fix.steps, TEXT_LIMIT), []).append(one.name)
    steps = [(text, list(dict.fromkeys(names))) for text, names in texts.items() if text]
    for text, names in steps[:STEPS_LIMIT]:
        yield Step("", f"{text} ({_listed(names)})" if kind == UPDATE else text)
    if len(steps) > STEPS_LIMIT:
        yield Step("", f"and {counted(len(steps) - STEPS_LIMIT, 'more step')}: see `sensor vulns device`")
    makers = pairs[0][1].fix.makers
    vendors = Counter(one.vendor for one in devices if one.vendor in makers)
    yield from (Step(vendor, clean(makers[vendor], TEXT_LIMIT)) for vendor, _ in vendors.most_common(MAKERS_LIMIT))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - CVES_SHOWN} more" if len(names) > CVES_SHOWN else ""
    return ", ".join(names[:CVES_SHOWN]) + more

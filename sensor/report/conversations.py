"""Conversations between groups of devices: types within a segment if there are few segments, otherwise types alone."""

from __future__ import annotations

from collections import Counter

from sensor.core.phrases import segment_text
from sensor.core.service_names import service_text
from sensor.inventory.habits import OUTSIDE
from sensor.posture.site import Site
from sensor.report.model import Conversation
from sensor.report.phrases import kind

GROUPS_LIMIT, CONVERSATIONS_LIMIT, SERVICES_SHOWN, SEGMENTS_FEW = 10, 36, 3, 4
THE_INTERNET, OTHERS = "internet", "others"


def conversations_of(site: Site) -> list[Conversation]:
    """Most connections first; empty without a baseline. Clients and servers over the limit form one group."""
    pairs: dict[tuple[str, str], Counter[int]] = {}
    group = _Grouping(site)
    for name, habits in (site.seen.habits or {}).items():
        if name not in site.nodes:
            continue
        for peer, service in habits.uses:
            pairs.setdefault((group(name), group(peer)), Counter())[service] += 1
        # For internal clients the server's entry counts.
        for service, (_, clients) in habits.serves.items():
            for client in clients:
                if client not in site.nodes:
                    pairs.setdefault((group(client), group(name)), Counter())[service] += 1
    return _conversations(pairs)


class _Grouping:
    """Group names of devices, and of addresses without a device, whether they are external."""

    def __init__(self, site: Site) -> None:
        self._nodes = site.nodes
        self._segments = len({node.segment for node in site.nodes.values() if not node.gone}) <= SEGMENTS_FEW

    def __call__(self, name: str) -> str:
        node = self._nodes.get(name)
        if node is None:
            return THE_INTERNET if name == OUTSIDE else "no known device"
        kind_text = kind(node.type or "unknown")
        return f"{kind_text}, {segment_text(node.segment)}" if self._segments and node.segment else kind_text


def _conversations(pairs: dict[tuple[str, str], Counter[int]]) -> list[Conversation]:
    clients, servers = _largest(pairs, 0), _largest(pairs, 1)
    merged: dict[tuple[str, str], Counter[int]] = {}
    for (client, server), services in pairs.items():
        ends = client if client in clients else OTHERS, server if server in servers else OTHERS
        merged.setdefault(ends, Counter()).update(services)
    found = [
        Conversation(client=client, server=server, count=services.total(), services=_services(services))
        for (client, server), services in merged.items()
    ]
    return sorted(found, key=lambda conversation: (-conversation.count, conversation.client, conversation.server))[
        :CONVERSATIONS_LIMIT
    ]


def _largest(pairs: dict[tuple[str, str], Counter[int]], side: int) -> set[str]:
    sums: Counter[str] = Counter()
    for pair, services in pairs.items():
        sums[pair[side]] += services.total()
    return set(sorted(sums, key=lambda name: (-sums[name], name))[:GROUPS_LIMIT])


def _services(services: Counter[int]) -> list[str]:
    return [service_text(one) for one in sorted(services, key=lambda one: (-services[one], one))[:SERVICES_SHOWN]]

"""Connections in the traffic records that firewall rules would have blocked."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from sensor.core import addresses
from sensor.core.ip_protocols import TCP, UDP
from sensor.records.query import Query
from sensor.records.stored_kinds import ANSWERED

# Limit on different pairs and services that are compared, the most frequent first.
PAIRS_MOST = 200_000
_NUMBERS = {"tcp": TCP, "udp": UDP}
_PAIRS = f"""
SELECT src_ip, dst_ip, proto, dst_port, any_value(src_device), any_value(dst_device), count(*) AS number,
    count(*) FILTER ({ANSWERED}), sum(coalesce(src_bytes, 0) + coalesce(dst_bytes, 0))::BIGINT,
    min(ts)::VARCHAR, max(ts)::VARCHAR, any_value(sni)
FROM conn WHERE src_ip IS NOT NULL AND dst_ip IS NOT NULL GROUP BY 1, 2, 3, 4 ORDER BY number DESC
"""
# What a backtest on records cannot know, in words for users.
LIMITS = (
    "connections that the sensor did not see, or that were open at the end, are missing",
    "a host that is blocked may use another server or port; what depends on it may fail later",
    "addresses are those of the records: a host that changes its address is matched by the old one",
)


class Block(Protocol):
    """A CIDR block."""

    def __getitem__(self, place: int) -> object: ...


class Match(Protocol):
    """Protocol (0: all) and port of the server (0: all)."""

    @property
    def proto(self) -> int: ...
    @property
    def port(self) -> int: ...


class Rule(Protocol):
    """Drop from the sources to the destinations, or ``allow``; none of one: any address. ``names``: destinations by
    host name, whose addresses are unknown.
    """

    @property
    def sources(self) -> Sequence[Block]: ...
    @property
    def destinations(self) -> Sequence[Block]: ...
    @property
    def match(self) -> Match: ...
    @property
    def allow(self) -> bool: ...
    @property
    def names(self) -> Sequence[str]: ...


class Blocked(NamedTuple):
    """Connections of one client with one service of one server. ``answered``: those that the server accepted;
    ``unsure``: a rule allows the server by a host name, so it may be exempt. Times in SQL notation.
    """

    client: str
    server: str
    proto: str
    port: int
    client_device: str
    server_device: str
    connections: int
    answered: int
    bytes: int
    first: str
    last: str
    sni: str
    unsure: bool


class Connections:
    """Recorded connections by pair and service. ``compared``: number of these; ``more``: there are others."""

    def __init__(self, query: Query) -> None:
        """Raises QueryError."""
        answer = query.run(_PAIRS, most=PAIRS_MOST)
        self._pairs = [_pair(row) for row in answer.rows]
        self.compared, self.more = len(self._pairs), answer.more

    def blocked(self, rules: Iterable[Rule], spared: frozenset[str] = frozenset()) -> list[Blocked]:
        """What the rules would have blocked; the first that matches decides. ``spared``: ids or addresses of exempt
        hosts.
        """
        made, found = [_Ready(rule) for rule in rules], list[Blocked]()
        for pair, ends in self._pairs:
            verdict = _verdict(made, *ends)
            if verdict is not None and not spared & {pair.client, pair.client_device, pair.server, pair.server_device}:
                found.append(pair._replace(unsure=verdict == "unsure"))
        return found


def _pair(row: Sequence[Any]) -> tuple[Blocked, tuple[int, int, int, int]]:
    """A row of ``_PAIRS``, and its ends as numbers: client, server, protocol, port."""
    client, server, proto, port, one, other, number, answered, size, first, last, sni = row
    pair = Blocked(
        client, server, proto or "", port or 0, one or "", other or "", number, answered, size, first, last, sni or "",
        unsure=False,
    )  # fmt: skip
    return pair, (addresses.parse(client), addresses.parse(server), _NUMBERS.get(proto, -1), port or 0)


class _Ready:
    """A rule with its blocks as sorted ranges of addresses."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._sources, self._destinations = _ranges(rule.sources), _ranges(rule.destinations)

    def matches(self, client: int, server: int, proto: int, port: int) -> bool:
        match = self.rule.match
        return (
            match.proto in (0, proto)
            and match.port in (0, port)
            and (not self.rule.sources or _within(self._sources, client))
            and (not self.rule.destinations or _within(self._destinations, server))
        )


def _verdict(rules: Iterable[_Ready], client: int, server: int, proto: int, port: int) -> str | None:
    """``blocked``, ``unsure``, or None if it passes."""
    unsure = False
    for one in rules:
        if one.matches(client, server, proto, port):
            if not one.rule.allow:
                return "unsure" if unsure else "blocked"
            if not one.rule.names:
                return None
            unsure = True
    return None


def _ranges(blocks: Sequence[Block]) -> list[tuple[int, int]]:
    """First and last address of merged blocks, in order."""
    merged = list[tuple[int, int]]()
    for first, last in sorted(_ends(blocks)):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _ends(blocks: Sequence[Block]) -> Iterator[tuple[int, int]]:
    for block in blocks:
        yield addresses.parse(str(block[0])), addresses.parse(str(block[-1]))


def _within(ranges: Sequence[tuple[int, int]], address: int) -> bool:
    at = bisect.bisect_right(ranges, (address, 1 << 129)) - 1
    return at >= 0 and address <= ranges[at][1]

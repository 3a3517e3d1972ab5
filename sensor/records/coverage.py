"""Coverage: what the sensor could not see in the time range of an answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sensor.core.phrases import counted
from sensor.records.query import Query

# Longest time without packets, in seconds, that is not a gap.
QUIET_S = 300
GAPS_SHOWN = 5
SUMS = ("packets", "lost", "shed", "dropped_records", "connections", "one_way", "hellos", "encrypted_hellos")


class Coverage(NamedTuple):
    """``first`` and ``last``: time of the first and last packet; ``gaps``: longer times without packets between them;
    ``vlans``: VLANs seen; ``one_way``: of ``connections``, those of which one side only was seen;
    ``encrypted_hellos``: of ``hellos``, those with ECH; ``unreadable``: unreadable files, as text.
    """

    first: str
    last: str
    packets: int
    lost: int
    shed: int
    dropped: int
    connections: int
    one_way: int
    hellos: int
    encrypted_hellos: int
    gaps: Sequence[tuple[str, str]]
    vlans: Sequence[int]
    unreadable: Sequence[str]

    @property
    def whole(self) -> bool:
        """Whether no data is known to be missing."""
        return bool(self.packets) and not (self.lost or self.shed or self.dropped or self.gaps or self.unreadable)


def coverage(query: Query) -> Coverage:
    """The coverage of a query's time range."""
    sums = ", ".join(f"coalesce(sum({name}), 0)::BIGINT" for name in SUMS)
    first, last, packets, lost, shed, dropped, connections, one_way, hellos, encrypted = query.run(
        f"SELECT min(ts), max(until), {sums} FROM coverage"
    ).rows[0]
    gaps = query.run(
        "SELECT reached, ts FROM (SELECT ts, max(until) OVER (ORDER BY ts, until ROWS BETWEEN UNBOUNDED "
        "PRECEDING AND 1 PRECEDING) AS reached FROM coverage)"
        f" WHERE ts - reached > INTERVAL {QUIET_S} SECOND ORDER BY ts - reached DESC"
    ).rows
    vlans = query.run("SELECT DISTINCT vlan FROM coverage WHERE vlan IS NOT NULL ORDER BY vlan").rows
    return Coverage(
        first or "",
        last or "",
        packets,
        lost,
        shed,
        dropped,
        connections,
        one_way,
        hellos,
        encrypted,
        [(one, other) for one, other in gaps],
        [vlan for (vlan,) in vlans],
        query.left_out,
    )


def sentences(seen: Coverage) -> Iterator[str]:
    """The coverage as sentences for users, the most important first."""
    if not seen.packets:
        yield "coverage: unknown: no packet was counted in this period"
    else:
        vlans = f", VLAN {', '.join(map(str, seen.vlans))}" if seen.vlans else ""
        loss = f"{counted(seen.lost, 'packet')} dropped" if seen.lost else "no packets dropped"
        packets = counted(seen.packets, "packet")
        yield f"coverage: {clock(seen.first)} to {clock(seen.last)} UTC, {packets}{vlans}, {loss}"
    if seen.shed:
        yield f"not parsed: {seen.shed:,} messages, shed under load or in a flood"
    if seen.dropped:
        yield f"not recorded: {seen.dropped:,} rows, because the disk was too slow or full"
    if seen.one_way:
        yield f"one direction only: {seen.one_way:,} of {seen.connections:,} TCP connections"
    if seen.encrypted_hellos:
        yield f"server name perhaps hidden (ECH): {seen.encrypted_hellos:,} of {seen.hellos:,} TLS sessions"
    for begin, end in seen.gaps[:GAPS_SHOWN]:
        yield f"no packets: {clock(begin)} to {clock(end)} UTC"
    if len(seen.gaps) > GAPS_SHOWN:
        yield f"no packets: {len(seen.gaps) - GAPS_SHOWN:,} more times"
    for line in seen.unreadable:
        yield f"unreadable: {line}"


def clock(moment: str) -> str:
    """A time without fractions of a second."""
    return datetime.fromisoformat(moment).strftime("%Y-%m-%d %H:%M:%S") if moment else "?"

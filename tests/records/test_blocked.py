"""Firewall rules on past connections: which they would have blocked, which are exempt, and which are unknown."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sensor.posture.firewall.model import Match, Rule
from sensor.records.blocked import Connections
from sensor.records.hunt_tests import write_rows
from sensor.records.query import Query

pytestmark = pytest.mark.usefixtures("queries_within")

ANY = Match()


def _conn(client: str, server: str, port: int | None = 443, proto: str = "tcp", **more: Any) -> dict[str, Any]:
    usual = {"state": "SF", "dst_packets": 3, "src_bytes": 100, "dst_bytes": 900}
    return {"ts": 10, "src_ip": client, "dst_ip": server, "dst_port": port, "proto": proto} | usual | more


@pytest.fixture
def query(tmp_path: Path) -> Iterator[Query]:
    rows = [
        *[_conn("10.0.0.5", "203.0.113.66", ts=n, sni="www.evil.example") for n in range(3)],
        _conn("10.0.0.5", "203.0.113.66", 53, "udp"),
        _conn("203.0.113.66", "10.0.0.9", 22, state="REJ", dst_packets=1),
        _conn("10.0.0.6", "10.0.0.9", 445, src_device="dev-b"),
        _conn("10.0.0.7", "10.0.0.9", 445),
        _conn("fd00::5", "2001:db8::66"),
        _conn("10.0.0.7", "224.0.0.251", None, "2", state=None),
    ]
    write_rows(tmp_path / "records", {"conn": rows})
    made = Query(tmp_path / "records")
    yield made
    made.close()


def rule(sources: str = "", destinations: str = "", match: Match = ANY, **more: Any) -> Rule:
    blocks = [tuple(ipaddress.ip_network(text) for text in ends.split()) for ends in (sources, destinations)]
    version = 6 if ":" in sources + destinations else 4
    return Rule("rule", version, *blocks, match, **more)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([rule(destinations="203.0.113.66/32")], {("203.0.113.66", 443): (3, 3), ("203.0.113.66", 53): (1, 1)}),
        ([rule(destinations="203.0.113.0/24", match=Match(6, 443))], {("203.0.113.66", 443): (3, 3)}),
        ([rule(sources="203.0.113.66/32")], {("10.0.0.9", 22): (1, 0)}),
        ([rule(destinations="2001:db8::/32")], {("2001:db8::66", 443): (1, 1)}),
        ([rule("10.0.0.0/30 10.0.0.4/30", "10.0.0.9/32", Match(6, 445))], {("10.0.0.9", 445): (2, 2)}),
        ([rule("10.0.0.8/29", "10.0.0.9/32")], {}),
        (
            [rule("10.0.0.5/32", "203.0.113.0/24", Match(6, 443), allow=True), rule("10.0.0.5/32")],
            {("203.0.113.66", 53): (1, 1)},
        ),
    ],
)
def test_what_rules_would_have_blocked(
    query: Query, rules: list[Rule], expected: dict[tuple[str, int], tuple[int, int]]
) -> None:
    """Endpoints and services are matched in both address families; a preceding allow rule exempts; rejected connections
    are counted separately.
    """
    counts = dict[tuple[str, int], tuple[int, int]]()
    for one in Connections(query).blocked(rules):
        before = counts.get((one.server, one.port), (0, 0))
        counts[one.server, one.port] = (before[0] + one.connections, before[1] + one.answered)
    assert counts == expected


def test_exempt_hosts(query: Query) -> None:
    """Hosts are exempted by device or address."""
    found = Connections(query).blocked([rule(destinations="10.0.0.9/32", match=Match(6, 445))], frozenset(("dev-b",)))
    assert [one.client for one in found] == ["10.0.0.7"]


def test_host_names_stay_unknown(query: Query) -> None:
    """A rule that allows a name may exempt any address: whether such a connection is blocked is unknown."""
    named = rule("10.0.0.5/32", match=Match(6, 443), allow=True, names=("www.evil.example",))
    found = Connections(query).blocked([named, rule("10.0.0.5/32")])
    assert {(one.port, one.unsure) for one in found} == {(443, True), (53, False)}

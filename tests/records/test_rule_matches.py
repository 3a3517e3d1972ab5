"""A rule on past traffic: it matches the same in the records as in live traffic, with the original times, and is
rejected if the records lack required data.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sensor.core import addresses
from sensor.core.addresses import Networks
from sensor.core.time_units import SECOND
from sensor.records.hunt_tests import START_S, write_rows
from sensor.records.past_signals import event_class
from sensor.records.query import Query
from sensor.records.rule_matches import Matches, MissingKind, retrospective, rule_matches, unknown_in_records
from sensor.records.stored_kinds import DEVICES, FLOWS, KINDS
from sensor.rules.fields import event_classes, fields_of
from sensor.rules.load import EmptyContext, Loaded, load_rules
from sensor.rules.uses import uses

pytestmark = pytest.mark.usefixtures("queries_within")

CLIENT, SERVER = "10.0.0.5", "203.0.113.66"
NOW = (START_S + 86_400) * SECOND


def _ends(ts: float, **more: Any) -> dict[str, Any]:
    usual = {
        "src_ip": CLIENT, "src_port": 50000, "src_mac": "02:00:00:00:00:05", "src_device": "dev-a", "dst_ip": SERVER,
        "dst_port": 443, "proto": "tcp", "uid": int(ts),
    }  # fmt: skip
    return {"ts": ts} | usual | more


@pytest.fixture
def query(tmp_path: Path) -> Iterator[Query]:
    """A printer that became a camera, and the traffic of it and another device."""
    device = {"device": "dev-a", "ips": [CLIENT], "macs": ["02:00:00:00:00:05"]}
    rows = {
        "conn": [
            *(_ends(ts, state="SF", duration=5.0, src_bytes=900 * ts, dst_packets=3) for ts in (100, 200, 300)),
            _ends(400, state="REJ", dst_port=23, src_device=None, src_ip="10.0.0.6"),
        ],
        "dns": [
            _ends(90 + n, dst_ip="10.0.0.1", dst_port=53, proto="udp", service="dns", query=f"a{n}.evil.example",
                  qtype="TXT", rcode="NXDOMAIN" if n % 2 else "NOERROR")
            for n in range(6)
        ],
        "tls": [_ends(100, sni="www.evil.example", ja4="t13d1516h2_8daaf6152771_02713d6af862", version="TLS 1.2")],
        "device_history": [
            {"ts": 0, "action": "new", "type": "printer", **device},
            {"ts": 250, "action": "changed", "type": "camera", **device},
        ],
    }  # fmt: skip
    write_rows(tmp_path / "records", rows)
    made = Query(tmp_path / "records")
    yield made
    made.close()


def rule(tmp_path: Path, body: str) -> Loaded:
    path = tmp_path / "ours.yaml"
    path.write_text(f"rules:\n  - id: ours\n    title: Ours\n{body}")
    found, faults = load_rules([path])
    assert faults == []
    return found[0]


def match(query: Query, one: Loaded, **more: Any) -> Matches:
    read = uses(one.rule, one.sets)
    assert unknown_in_records(read) == []
    return rule_matches(query, read, one.detector, Networks(), **more)


def times(found: Matches) -> list[int]:
    return [alert.ts // SECOND - START_S for alert in found.alerts]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("    when: dns.query\n    where: {name: {ends: .evil.example}}\n", [90]),
        ("    when: dns.query\n    again: 1s\n    where: {name: {begins: A4}, type: 16}\n", [94]),
        ("    when: dns.query\n    where: {type: 1}\n", []),
        ("    when: dns.response\n    by: dst\n    where: {rcode: 3, dst: 10.0.0.0/24}\n", [91]),
        ("    when: flow.ended\n    again: 1s\n    where: {src.bytes: {above: 100000}, dst: outside}\n", [205, 305]),
        ("    when: dns.query\n    where: {dst: '::ffff:10.0.0.1'}\n", [90]),
        ("    when: flow.ended\n    where: {duration_s: {above: 5.5}}\n", []),
        ("    when: flow.refused\n    where: {dst.port: [22, 23]}\n", [400]),
        ("    when: flow.answered\n    again: 1s\n    where: {src.type: camera}\n", [300]),
        ("    when: flow.new\n    again: 1s\n    where: {src.type: printer}\n", [100, 200]),
        ("    when: tls.client_hello\n    where: {sni: [x.example, WWW.evil.example]}\n", [100]),
        ("    when: tls.server_hello\n    where: {version: TLS 1.2, src: 203.0.113.66}\n", [100]),
        ("    when: device.changed\n    where: {src.type: camera}\n", [250]),
        ("    when: dns.query\n    count: 4\n    distinct: name\n    within: 1m\n", [93]),
        ("    when: dns.query\n    count: 7\n    within: 1m\n", []),
        (
            (
                "    within: 5m\n    by: src\n    sequence:\n"
                "      - {when: dns.query, where: {name: {like: a*.evil.example}}}\n"
                "      - {when: flow.ended, where: {dst.port: 443}}\n"
            ),
            [105],
        ),
    ],
)  # fmt: skip
def test_what_a_rule_would_have_raised(tmp_path: Path, query: Query, body: str, expected: list[int]) -> None:
    """Messages of both sides, connections, devices as of that time, counts and sequences."""
    assert times(match(query, rule(tmp_path, body))) == expected


@pytest.mark.parametrize(
    ("body", "lack"),
    [
        ("    when: arp.announcement\n", MissingKind("arp.announcement")),
        ("    when: dns.query\n    where: {ttl: {below: 5}}\n", MissingKind("dns.query", "ttl")),
        ("    when: http.request\n    where: {headers: {contains: x}}\n", MissingKind("http.request", "headers")),
        ("    when: flow.ended\n    where: {src.owner: alice}\n", MissingKind("flow.ended", "src.owner")),
        ("    when: flow.new\n    unless: {dst.domain: {ends: .example}}\n", MissingKind("flow.new", "dst.domain")),
    ],
)
def test_what_the_records_do_not_keep(tmp_path: Path, body: str, lack: MissingKind) -> None:
    """A rule that needs more is rejected instead of evaluated on empty values: no match would prove nothing."""
    one = rule(tmp_path, body)
    assert unknown_in_records(uses(one.rule, one.sets)) == [lack]


def test_each_kept_field_is_one_of_rules() -> None:
    """A renamed kind or field would be silently unknown."""
    for kind, some in KINDS.items():
        known = fields_of([kind], EmptyContext())
        assert some, kind
        for stored in some:
            assert stored.fields.keys() <= known.keys(), kind
            if not kind.startswith((FLOWS, DEVICES)):
                assert event_class(stored.event) is event_classes()[kind]


def test_the_newest_rows_first(tmp_path: Path, query: Query) -> None:
    """A limit on rows excludes whole old hours, and is reported."""
    one = rule(tmp_path, "    when: flow.new\n    again: 1s\n")
    whole = match(query, one)
    assert (whole.examined.rows, whole.examined.more, len(whole.alerts)) == (4, False, 4)
    assert match(query, one, most=1).examined.more


def test_the_newest_alerts(tmp_path: Path, query: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit on alerts keeps the newest, and the number of all is known."""
    monkeypatch.setattr("sensor.records.rule_matches.FINDINGS_MOST", 2)
    found = match(query, rule(tmp_path, "    when: flow.new\n    again: 1s\n"))
    assert (times(found), found.raised) == ([300, 400], 4)


def test_rests_between_steps(tmp_path: Path) -> None:
    """A search beside the engine pauses, so that the engine can run."""
    write_rows(tmp_path / "records", {"conn": [_ends(n) for n in range(1100)]})
    query, rests = Query(tmp_path / "records"), list[int]()
    try:
        match(query, rule(tmp_path, "    when: flow.new\n"), rest=lambda: rests.append(1))
    finally:
        query.close()
    assert len(rests) == 2


def test_a_past_match_has_the_times_of_the_traffic(tmp_path: Path, query: Query) -> None:
    """Repetitions are one alert with the present time, and the first and last time of the traffic."""
    one = rule(tmp_path, "    when: flow.new\n    again: 1s\n    where: {dst.port: 443}\n")
    (alert,) = retrospective(match(query, one).alerts, "ours", NOW)
    assert (alert.ts, alert.first, alert.proof[0].ts) == (NOW, (START_S + 100) * SECOND, (START_S + 300) * SECOND)
    assert (alert.detector, alert.count, alert.numbers["retrospective"]) == ("custom.ours", 3, 1)
    assert (alert.numbers["first_match"], alert.actor.mac) == ("2026-01-01 00:01:40", 0x020000000005)
    assert addresses.text(alert.actor.address) == CLIENT

"""Past contacts with new indicators: alerts with the times of the contacts, once, and only for new entries."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from sensor.core import addresses
from sensor.core.alert import Alert
from sensor.core.time_units import SECOND
from sensor.intel.store import ThreatLists
from sensor.records.hunt_tests import START_S, write_rows
from sensor.records.lookback import look_back
from sensor.runtime.hunting import Hunting

pytestmark = pytest.mark.usefixtures("queries_within")

NOW = (START_S + 86_400) * SECOND
CLIENT, ADDRESS, JA4 = "10.0.0.5", "203.0.113.66", "t13d1516h2_8daaf6152771_02713d6af862"
HASH = "ab" * 32


def _ends(ts: float, **more: Any) -> dict[str, Any]:
    return {
        "ts": ts,
        "src_ip": CLIENT,
        "src_device": "dev-a",
        "dst_ip": ADDRESS,
        "dst_port": 443,
        "proto": "tcp",
    } | more


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A device that contacted an address three times, queried a name, and used a client known for malware."""
    inside = _ends(50, dst_ip="10.0.0.9", direction="internal")
    rows = {
        "conn": [*(_ends(ts, direction="outbound", state="SF") for ts in (100, 200, 300)), inside],
        "dns": [
            _ends(90, dst_ip="10.0.0.1", dst_port=53, service="dns", query="www.bad.example"),
            _ends(91, query="good.example"),
        ],
        "tls": [_ends(100, sni="www.bad.example", ja4=JA4, sha256=HASH)],
        "device_history": [{"device": "dev-a", "ips": [CLIENT], "macs": ["02:00:00:00:00:05"], "action": "new"}],
    }
    write_rows(tmp_path / "records", rows)
    return tmp_path / "records"


def lists(folder: Path, *lines: str, name: str = "bad") -> ThreatLists:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))
    return ThreatLists(sorted(folder.glob("*.txt")))


NONE = ThreatLists()


def reported(alerts: list[Alert]) -> set[tuple[str, str, int]]:
    """Kind, indicator and number of contacts."""
    return {(alert.detector.rpartition("_")[2], alert.key.rpartition("|")[2], alert.count) for alert in alerts}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (ADDRESS, {("address", ADDRESS, 3)}),
        ("203.0.113.0/24", {("address", ADDRESS, 3)}),
        ("bad.example", {("domain", "www.bad.example", 2)}),
        (JA4, {("fingerprint", JA4, 1)}),
        (HASH, {("fingerprint", HASH, 1)}),
        ("198.51.100.1", set()),
        ("10.0.0.9", set()),
        ("other.example", set()),
    ],
)
def test_what_a_new_entry_names(tmp_path: Path, records: Path, line: str, found: set[tuple[str, str, int]]) -> None:
    """Addresses, networks, domains with subdomains, JA4 and certificates are found; internal contacts are excluded."""
    assert reported(look_back(records, NONE, lists(tmp_path / "lists", line), NOW)) == found


def test_an_alert_has_the_times_of_the_contacts(tmp_path: Path, records: Path) -> None:
    (alert,) = look_back(records, NONE, lists(tmp_path / "lists", f"{ADDRESS} botnet"), NOW)
    assert (alert.ts, alert.first, alert.proof[0].ts) == (NOW, (START_S + 100) * SECOND, (START_S + 300) * SECOND)
    assert (alert.numbers["retrospective"], alert.numbers["last_contact"]) == (1, "2026-01-01 00:05:00")
    assert (alert.actor.mac, alert.actor.address) == (0x020000000005, addresses.parse(CLIENT))
    assert alert.target is not None
    assert addresses.text(alert.target.address) == ADDRESS


def test_what_was_listed_before_was_reported_then(tmp_path: Path, records: Path) -> None:
    """An indicator that was listed before, by its own entry or by its network, is not reported again."""
    before = lists(tmp_path / "before", "203.0.113.0/24", "bad.example")
    after = lists(tmp_path / "after", ADDRESS, "www.bad.example", JA4)
    assert reported(look_back(records, before, after, NOW)) == {("fingerprint", JA4, 1)}
    assert look_back(records, after, after, NOW) == []


def test_an_allow_list_takes_back(tmp_path: Path, records: Path) -> None:
    lists(tmp_path / "lists", "bad.example", name="allow")
    assert look_back(records, NONE, lists(tmp_path / "lists", "www.bad.example"), NOW) == []


def test_old_records_are_not_searched(tmp_path: Path, records: Path) -> None:
    after = lists(tmp_path / "lists", ADDRESS)
    assert look_back(records, NONE, after, NOW + 40 * 86_400 * SECOND) == []


def test_lists_that_are_exchanged_while_the_sensor_runs(tmp_path: Path, records: Path) -> None:
    """The former lists give the same answers, although the lists were replaced meanwhile."""
    now = lists(tmp_path / "lists", "198.51.100.1")
    before = copy.copy(now)
    lists(tmp_path / "lists", "198.51.100.1", ADDRESS)
    now.refresh()
    hunting = Hunting([], records)
    hunting.look_back(before, copy.copy(now))
    assert hunting.look(NOW).alerts == ()
    thread = hunting._thread
    assert thread is not None
    thread.join()
    assert reported([*hunting.look(NOW + SECOND).alerts]) == {("address", ADDRESS, 3)}

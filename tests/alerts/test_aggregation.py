"""Folding of alerts: which findings are reported, how often, and the bounds."""

from __future__ import annotations

from sensor.alerts.aggregation import LOW_SUPPRESSION, PACKET_LIMIT, SUPPRESSION, TECHNIQUES_LIMIT, AlertAggregator
from sensor.core.alert import Alert, Severity
from sensor.core.attack import TECHNIQUES
from sensor.core.event import Event
from sensor.core.observation import Subject
from sensor.core.packet import Packet
from sensor.core.time_units import DAY, SECOND


def made(ts: float, key: str = "k", severity: Severity = Severity.medium, target: int = 1) -> Alert:
    """An alert at ``ts`` seconds."""
    ns = int(ts * SECOND)
    return Alert(
        ns,
        "d",
        "t",
        severity,
        0.5,
        (),
        Subject(1),
        f"at {ts}",
        ("w",),
        {},
        "a",
        "f",
        key,
        targets=(Subject(0, target),),
        proof=(Event(Packet(ts=ns)),),
    )


def actions(filed: list[tuple[str, Alert]]) -> list[tuple[str, int]]:
    return [(action, alert.count) for action, alert in filed]


def test_the_first_opens_and_repeats_are_counted() -> None:
    """One open record, none for repeats, and the total count at the end."""
    desk = AlertAggregator()
    assert actions(desk.take(made(10))) == [("open", 1)]
    assert [desk.take(made(10 + n, target=n)) for n in range(2, 6)] == [[]] * 4
    [(action, alert)] = desk.finish(20 * SECOND)
    assert (action, alert.count, alert.first, alert.ts) == ("update", 5, 10 * SECOND, 15 * SECOND)
    assert [target.address for target in alert.targets] == [1, 2, 3, 4, 5]
    assert desk.finish(20 * SECOND) == []
    assert desk.folded == 4


def test_an_update_when_the_count_is_tenfold_and_every_five_minutes() -> None:
    """Two open repeats are not reported, the tenth is, and so is the first after five minutes."""
    desk = AlertAggregator()
    desk.take(made(0))
    assert [actions(desk.take(made(n))) for n in range(2, 12)] == [[]] * 8 + [[("update", 10)], []]
    assert actions(desk.take(made(400))) == [("update", 12)]
    assert actions(desk.take(made(401))) == []
    assert actions(desk.take(made(699))) == []
    assert actions(desk.take(made(700))) == [("update", 15)]


def test_a_rise_in_severity_is_reported_and_never_falls() -> None:
    """The text of the more severe finding is kept when a less severe repeat follows."""
    desk = AlertAggregator()
    desk.take(made(0))
    [(action, alert)] = desk.take(made(2, severity=Severity.high))
    assert (action, alert.severity) == ("update", Severity.high)
    desk.take(made(4, severity=Severity.low))
    [(_, alert)] = desk.finish(5 * SECOND)
    assert (alert.severity, alert.summary, alert.count) == (Severity.high, "at 2", 3)


def test_techniques_of_all_repeats() -> None:
    """Each is listed once, those of the latest finding first; their number is bounded."""
    desk = AlertAggregator()
    for n, technique in enumerate(("T1190", "T1505.003", "T1190")):
        alert = made(n)
        alert.techniques = (TECHNIQUES[technique],)
        desk.take(alert)
    [(_, joined)] = desk.finish(20 * SECOND)
    assert [each.technique for each in joined.techniques] == ["T1190", "T1505.003"]
    for n, each in enumerate(TECHNIQUES.values()):
        alert = made(10 + n / 100)
        alert.techniques = (each,)
        desk.take(alert)
    assert len(desk.finish(60 * SECOND)[0][1].techniques) == TECHNIQUES_LIMIT


def test_at_most_one_a_second_and_key() -> None:
    """Changes within a second of the last record wait for the next tick after it."""
    desk = AlertAggregator()
    desk.take(made(0.2))
    assert desk.take(made(0.3, severity=Severity.high)) == []
    assert desk.take(made(0.4, severity=Severity.critical)) == []
    assert desk.tick(SECOND) == []
    [(action, alert)] = desk.tick(2 * SECOND)
    assert (action, alert.severity, alert.count) == ("update", Severity.critical, 3)
    assert desk.tick(3 * SECOND) == []


def test_changes_after_a_late_report_are_reported_as_well() -> None:
    """They wait for the next second again."""
    desk = AlertAggregator()
    desk.take(made(0.2))
    assert desk.take(made(0.4, severity=Severity.high)) == []
    assert actions(desk.tick(2 * SECOND)) == [("update", 2)]
    assert desk.take(made(2.5, severity=Severity.critical)) == []
    assert actions(desk.tick(4 * SECOND)) == [("update", 3)]


def test_after_suppression_it_is_a_new_finding() -> None:
    """Silence for the suppression period closes the alert with the total count, also without a later finding."""
    desk = AlertAggregator(suppression=100 * SECOND)
    desk.take(made(0))
    desk.take(made(1))
    assert actions(desk.take(made(200))) == [("close", 2), ("open", 1)]
    assert desk.tick(250 * SECOND) == []
    desk.take(made(210))
    assert actions(desk.tick(310 * SECOND)) == [("close", 2)]
    assert len(desk) == 0


def test_what_repeats_each_workday_is_one_alert_if_it_is_below_medium() -> None:
    """From Friday to Tuesday after a holiday; an attack is another alert each day."""
    day = DAY // SECOND
    for severity, opened in ((Severity.info, 1), (Severity.low, 1), (Severity.medium, 3)):
        desk, filed = AlertAggregator(), list[tuple[str, Alert]]()
        for at in (0, day, 5 * day - 60):
            filed += desk.tick(int(at * SECOND)) + desk.take(made(at, severity=severity))
        assert [action for action, _ in filed].count("open") == opened
        assert filed[-1][1].count == (3 if opened == 1 else 1)
        assert actions(desk.tick((9 * day - 61) * SECOND)) == ([] if opened == 1 else [("close", 1)])
        assert actions(desk.tick((9 * day - 60) * SECOND)) == ([("close", 3)] if opened == 1 else [])


def test_a_low_alert_that_becomes_more_severe_closes_as_others() -> None:
    desk = AlertAggregator()
    desk.take(made(0, severity=Severity.low))
    desk.take(made(DAY // SECOND, severity=Severity.high))
    desk.take(made(DAY // SECOND + 9, severity=Severity.low))
    assert len(desk) == 1
    [(action, alert)] = desk.tick(DAY + 9 * SECOND + SUPPRESSION)
    assert (action, alert.count, alert.severity) == ("close", 3, Severity.high)
    assert len(desk) == 0


def test_many_low_alerts_evict_no_others() -> None:
    """They have a quarter of the keys."""
    desk = AlertAggregator(keys=8)
    desk.take(made(0, "attack"))
    filed = [one for n in range(20) for one in desk.take(made(1 + n, f"low{n}", Severity.low))]
    assert [action for action, _ in filed].count("close") == 18
    assert desk.severities() == {"medium": 1, "low": 2}


def test_keys_are_bounded_and_the_last_words_are_not_lost() -> None:
    """The least recently used key is evicted, and its count is reported."""
    desk = AlertAggregator(keys=2)
    desk.take(made(0, "a"))
    desk.take(made(1, "a"))
    desk.take(made(2, "b"))
    filed = desk.take(made(3, "c"))
    assert [(action, alert.key, alert.count) for action, alert in filed] == [("close", "a", 2), ("open", "c", 1)]
    assert len(desk) == 2


def test_one_packet_cannot_flood_the_desk() -> None:
    """Alerts of one packet beyond 64 are dropped and counted."""
    desk = AlertAggregator()
    filed = [desk.take(made(1, f"k{n}")) for n in range(100)]
    assert sum(map(bool, filed)) == PACKET_LIMIT
    assert desk.dropped == 36
    assert desk.take(made(2, "k99"))


def test_open_ones_by_severity() -> None:
    """Open alerts are counted by current severity; closed ones are not counted."""
    desk = AlertAggregator()
    for key, severity in (("a", Severity.low), ("b", Severity.low), ("c", Severity.high)):
        desk.take(made(0, key, severity))
    desk.take(made(2, "a", Severity.critical))
    assert desk.severities() == {"critical": 1, "low": 1, "high": 1}
    desk.tick(10_000 * SECOND)
    assert desk.severities() == {"low": 1}
    desk.tick(LOW_SUPPRESSION)
    assert desk.severities() == {}

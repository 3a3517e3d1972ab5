"""The queue of lines for the disk is in order and bounded, and drops the least important first."""

from __future__ import annotations

from sensor.eventlog.backlog import Backlog


def filled(limit: int, *kinds: str) -> Backlog:
    backlog = Backlog(limit)
    for number, kind in enumerate(kinds):
        backlog.add(kind, f"{kind}{number}".encode().ljust(100))
    return backlog


def kinds(backlog: Backlog) -> list[str]:
    return [line.decode().strip() for line in backlog.take(1 << 30)]


def test_lines_come_out_as_they_went_in() -> None:
    """Lines keep their order when taken block by block, also a line larger than a block."""
    backlog = filled(10_000, "device", "alert", "sensor")
    assert (len(backlog), backlog.size, backlog.urgent) == (3, 300, True)
    assert [line.strip() for line in backlog.take(250)] == [b"device0", b"alert1"]
    assert (len(backlog), backlog.size, backlog.urgent) == (1, 100, False)
    assert [line.strip() for line in backlog.take(1)] == [b"sensor2"]
    assert backlog.take(1) == []


def test_what_is_worth_least_goes_first_and_alerts_last() -> None:
    """Each kind is dropped after the less important ones, its oldest first, and all dropped lines are counted."""
    backlog = filled(600, "alert", "flow", "device", "incident", "sensor", "flow")
    assert not backlog.given_up
    goes = ["flow", "flow", "sensor", "device", "alert"]
    for place, kind in enumerate(goes):
        backlog.add("alert", f"new{place}".encode().ljust(100))
        assert backlog.given_up.total() == place + 1
        assert backlog.given_up[kind] == goes[: place + 1].count(kind)
    assert kinds(backlog) == ["incident3", "new0", "new1", "new2", "new3", "new4"]


def test_what_comes_is_given_up_itself_where_all_else_is_worth_more() -> None:
    """Alerts are not dropped in favor of flows."""
    backlog = filled(300, "alert", "alert", "alert", "flow")
    assert dict(backlog.given_up) == {"flow": 1}
    assert kinds(backlog) == ["alert0", "alert1", "alert2"]


def test_the_bound_holds_and_the_count_is_exact() -> None:
    """In a flood of all kinds, queued and dropped lines add up to all lines."""
    backlog = Backlog(64_000)
    for number in range(5_000):
        backlog.add(("flow", "device", "sensor", "alert")[number % 4], b"x" * (number % 300 + 1))
        assert backlog.size <= 64_000
    assert len(backlog) + backlog.given_up.total() == 5_000
    assert backlog.size > 64_000 - 300
    assert backlog.given_up["flow"] == 1250
    assert backlog.given_up["alert"] < 1250

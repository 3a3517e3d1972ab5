"""Rate limits of the process log, and the count of suppressed messages."""

from __future__ import annotations

from sensor.logs.limit import ALL, EACH, EVENTS, REST, WINDOW_S, LeftOut, Limiter


def test_the_same_event_of_the_same_unit() -> None:
    """A message is logged a few times a minute, then the number of suppressed ones; the next minute starts again."""
    limiter = Limiter()
    assert [limiter.may("broke", "dns", second) for second in range(10)] == [True] * EACH + [False] * (10 - EACH)
    assert limiter.may("broke", "smb", 9)
    assert limiter.may("mended", "dns", 9)
    assert list(limiter.over(WINDOW_S - 1)) == []
    assert list(limiter.over(WINDOW_S)) == [LeftOut("broke", "dns", 10 - EACH)]
    assert list(limiter.over(10 * WINDOW_S)) == []
    assert limiter.may("broke", "dns", 10 * WINDOW_S)


def test_at_the_end_nothing_stays_untold() -> None:
    limiter = Limiter(each=1)
    for _ in range(3):
        limiter.may("broke", "dns", 0)
    assert list(limiter.over(1)) == []
    assert list(limiter.over(1, end=True)) == [LeftOut("broke", "dns", 2)]


def test_many_different_events() -> None:
    """Different messages have a common limit, and every suppressed one is counted."""
    limiter = Limiter()
    text = sum(limiter.may(f"event {number}", "", 0) for number in range(10_000))
    assert text == ALL
    assert sum(one.times for one in limiter.over(WINDOW_S)) == 10_000 - ALL


def test_counts_outlive_a_full_table() -> None:
    """An event that was evicted before its count was logged is counted with the rest."""
    limiter = Limiter(each=1, together=10**6)
    for _ in range(5):
        limiter.may("first", "", 0)
    for number in range(EVENTS):
        limiter.may(f"event {number}", "", 0)
    assert list(limiter.over(WINDOW_S)) == [LeftOut(REST, "", 4)]

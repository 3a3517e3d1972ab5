"""Recent packet loss: shares of about the last minute, independent of earlier ones."""

from __future__ import annotations

from sensor.runtime.recent_loss import WINDOW_S, RecentLoss, Seen


def test_nothing_seen_is_nothing_lost() -> None:
    assert RecentLoss().shares(5.0, Seen()) == (0, 0)


def test_shares_are_those_since_the_beginning_at_first() -> None:
    recent = RecentLoss()
    assert recent.shares(5.0, Seen(lost=1, packets=3)) == (0.25, 0)
    assert recent.shares(5.0 + WINDOW_S, Seen(lost=1, packets=9, shed=1, read=1)) == (0.1, 0.5)


def test_a_bad_minute_shows_although_the_month_was_good_and_is_over_soon() -> None:
    """A month without loss, a minute with 50 % loss, and two minutes without loss."""
    recent, seen, shares = RecentLoss(), Seen(), []
    for second in range(0, 30 * 86_400, 600):
        seen = seen._replace(packets=seen.packets + 600)
        recent.shares(second, seen)
    start = 30 * 86_400
    for second in range(180):
        bad = second < 60
        seen = seen._replace(
            packets=seen.packets + 10, lost=seen.lost + 10 * bad, read=seen.read + 3, shed=seen.shed + 9 * bad
        )
        shares.append(recent.shares(start + second, seen))
    assert max(shares) == (0.5, 0.75)
    assert shares[59][0] > 0.4
    assert shares[-1] == (0, 0)

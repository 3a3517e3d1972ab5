"""The sender of benchmarks, with a clock of the test: its rate, and what it does after it was stopped for a while."""

from __future__ import annotations

from collections.abc import Iterator

from tests.perf.paced_sender import ARREARS_S, bursts

RATE = 50_000


class Clock:
    """Advances by each pause, and by ``late`` seconds more if they are set."""

    def __init__(self) -> None:
        self.now, self.late = 1000.0, 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds + self.late
        self.late = 0.0


def _sent(clock: Clock, sender: Iterator[int], seconds: float) -> int:
    """Packets until this many seconds passed."""
    end, total = clock.now + seconds, 0
    while clock.now < end:
        total += next(sender)
    return total


def test_it_keeps_the_rate() -> None:
    clock = Clock()
    sender = bursts(RATE, clock, clock.sleep)
    assert abs(_sent(clock, sender, 60) - 60 * RATE) <= RATE / 50


def test_after_a_short_delay_it_catches_up() -> None:
    clock = Clock()
    sender = bursts(RATE, clock, clock.sleep)
    _sent(clock, sender, 10)
    clock.late = ARREARS_S / 2
    assert abs(_sent(clock, sender, 10) - 10 * RATE) <= RATE / 50


def test_after_a_long_delay_it_is_not_faster() -> None:
    """It was stopped for 30 seconds: it sends the packets of a moment, and each second after it has the wanted rate."""
    clock = Clock()
    sender = bursts(RATE, clock, clock.sleep)
    _sent(clock, sender, 10)
    clock.late = 30.0
    _sent(clock, sender, 1)
    seconds = [_sent(clock, sender, 1) for _ in range(20)]
    assert max(seconds) <= RATE * 1.02
    assert min(seconds) >= RATE * 0.98
    clock.late = 30.0
    assert next(sender) <= max(ARREARS_S * RATE, RATE / 50)


def test_a_rate_below_one_packet_in_a_burst() -> None:
    clock = Clock()
    sender = bursts(7, clock, clock.sleep)
    assert abs(_sent(clock, sender, 10) - 70) <= 1

"""Message limits: senders above the limit, too many new hosts, and that no other host is affected."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from sensor.core.batch import ROW
from sensor.core.ip_protocols import TCP, UDP
from sensor.core.time_units import MINUTE, SECOND
from sensor.decode.kernels import TICK, Work
from sensor.decode.select import NEWCOMERS_BIT
from sensor.engine.message_limits import WINDOW, MessageLimits

ROUTER, PHONE = 0x0200_0000_0001, 0x0017_9400_0001


def text(
    count: int, *, mac: int = ROUTER, address: int = 1, step: int = 0, start: int = SECOND, proto: int = UDP
) -> npt.NDArray[np.void]:
    """Messages a microsecond apart; after this many, each from the next address."""
    rows = np.zeros(count, ROW)
    rows["proto"], rows["src_mac"] = proto, mac
    rows["src_lo"] = address + step * np.arange(count)
    rows["ts"] = start + 1000 * np.arange(count)
    return rows


def work(rows: npt.NDArray[np.void]) -> Work:
    """All of them are messages."""
    return Work(
        np.zeros(0, np.uint8), np.arange(len(rows), dtype=np.int32), np.ones(len(rows), np.uint64), np.zeros(0, TICK), 0
    )


def received(limits: MessageLimits, rows: npt.NDArray[np.void]) -> int:
    return len(limits.within(rows, work(rows)).chosen)


def test_what_is_within_the_limits_is_left_as_it_is() -> None:
    limits, rows = MessageLimits(messages=100, newcomers=100), text(100)
    whole = work(rows)
    assert limits.within(rows, whole) is whole
    assert limits.shed == 0


def test_a_sender_that_reports_too_much_is_not_listened_to_until_it_was_quiet() -> None:
    """The first hundred messages are read, the rest is counted; after ten minutes it is read again."""
    limits = MessageLimits(messages=100)
    assert received(limits, text(1_000)) == 100
    assert limits.shed == 900
    assert received(limits, text(10, start=2 * MINUTE)) == 0
    assert received(limits, text(10, start=2 * MINUTE + WINDOW + SECOND)) == 10


def test_conversations_over_tcp_are_not_cut_off() -> None:
    """A file server sends more selected segments than other hosts send messages."""
    assert received(MessageLimits(messages=100), text(1_000, proto=TCP)) == 1_000


@pytest.mark.parametrize("proto", [TCP, UDP])
def test_too_many_newcomers_behind_one_mac_are_received_from_their_second_message_on(proto: int) -> None:
    limits = MessageLimits(newcomers=100)
    assert received(limits, text(1_000, step=1, proto=proto)) == 100
    assert received(limits, text(1_000, step=1, proto=proto, start=2 * MINUTE)) == 1_000


def test_a_flood_behind_one_mac_affects_no_other_host() -> None:
    """The first message of a phone with another MAC is read during the flood."""
    limits = MessageLimits(newcomers=100)
    received(limits, text(1_000, step=1))
    assert received(limits, text(1, mac=PHONE, start=2 * SECOND)) == 1


def test_a_flood_does_not_make_unknown_hosts_of_those_who_send_again() -> None:
    """Thirty phones send every minute; after half a million spoofed addresses each of them is read at once."""
    limits = MessageLimits(newcomers=100)
    for minute in range(3):
        for number in range(30):
            received(limits, text(1, mac=PHONE + number, start=minute * MINUTE + SECOND))
    received(limits, text(500_000, step=1, start=3 * MINUTE))
    assert sum(received(limits, text(1, mac=PHONE + number, start=4 * MINUTE)) for number in range(30)) == 30


def test_newcomers_that_bring_a_mac_each_are_bounded_together() -> None:
    limits, rows = MessageLimits(newcomers=100, crowd=200), text(1_000)
    rows["src_mac"] += np.arange(1_000, dtype=np.uint64)
    assert received(limits, rows) == 200


def test_the_row_that_reports_a_flood_of_newcomers_stays() -> None:
    limits, rows = MessageLimits(newcomers=1), text(10, step=1)
    whole = work(rows)
    whole.wanted[7] |= np.uint64(1 << NEWCOMERS_BIT)
    assert limits.within(rows, whole).chosen.tolist() == [0, 7]


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_what_is_received_does_not_depend_on_how_rows_are_cut(size: int) -> None:
    """A sender above the limit and new hosts, in batches of any size, give the same result."""
    limits = MessageLimits(messages=300, newcomers=100)
    rows = np.concatenate((text(400), text(400, address=50, step=1), text(400)))
    rows["ts"] = SECOND + 1000 * np.arange(len(rows))
    kept: list[int] = []
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        kept += (limits.within(part, work(part)).chosen + start).tolist()
    assert kept == [*range(300), *range(400, 499)]  # a sender above the limit was a new host too

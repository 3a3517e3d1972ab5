"""Lines as events: the kernel gives the same events as the function that decides about unusual lines, and gives all of
those to it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from sensor.hub import batch
from sensor.hub.batch import Event, HubLine, Quarantined, event_of
from sensor.hub.lines import LINE_LIMIT, events_of, moment
from sensor.tables.lines import time_ns
from tests.outputs.batches import entries
from tests.sampling import chance, count

NOW = datetime(2026, 11, 29, tzinfo=UTC)
LATEST = NOW + batch.CLOCK_LIMIT
AT = b'"ts":"2026-11-24'
_line = msgspec.json.Decoder(HubLine).decode


def parts(event: Event) -> tuple[Any, ...]:
    return event.seq, event.ts, msgspec.structs.asdict(event.line), event.text


def through(seq: int, text: bytes) -> tuple[list[Event], list[int]]:
    """The events of a line, and numbers of those that the kernel left to the function."""
    left: list[int] = []

    def other(number: int, line: bytes) -> Event:
        left.append(number)
        return event_of(NOW, number, line)

    return events_of([seq], [text], _line, Event, LATEST, other), left


def test_usual_lines_are_decided_by_the_kernel() -> None:
    """Records of all kinds, one of them with escaped characters."""
    for entry in entries(40):
        found, left = through(entry.seq, entry.payload)
        assert left == []
        assert [parts(one) for one in found] == [parts(event_of(NOW, entry.seq, entry.payload))]
    text = b'{"ts":"2026-11-24T08:17:01.250000Z","kind":"alert","msg":"a\\n\\"b\\\\","sensor":{"seq":7}}'
    found, left = through(7, text)
    assert (found[0].line.msg, left) == ('a\n"b\\', [])


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (AT, b'"ts":"2027-11-24', "event_time"),
        (AT, b'"ts":"2026-11-31', "undecodable"),
        (b'"kind":', b'"kind":1,"k":', "undecodable"),
        (b'"seq":3', b'"seq":4', "wrong_numbers"),
        (b'"kind":', b'"note":"\\u0000","kind":', ""),
        (b'"kind":', '"note":"ü","kind":'.encode(), ""),
        (b'"kind":', b'"note":"\xff","kind":', "undecodable"),
        (b'"kind":', b'"note":"' + b"x" * LINE_LIMIT + b'","kind":', "undecodable"),
        (b'Z"', b'+00:00"', ""),
    ],
)
def test_unusual_lines_are_left_to_the_function(before: bytes, after: bytes, reason: str) -> None:
    text = entries(3)[-1].payload
    changed = text.replace(before, after, 1)
    assert changed != text
    if reason:
        with pytest.raises(Quarantined) as error:
            through(3, changed)
        assert error.value.reason == reason
    else:
        found, left = through(3, changed)
        assert left == [3]
        assert parts(found[0]) == parts(event_of(NOW, 3, changed))


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-11-24T08:17:01Z", "2026-11-24T08:17:01.2500000Z", "2026-11-24 08:17:01.250000Z",
        "2026-11-24T08:17:01.25000\u0660Z", "2026-11-24T08:17:01.25000/Z", "2026-11-24T08:17:01.25000:Z",
    ],
)  # fmt: skip
def test_times_of_another_form(text: str) -> None:
    assert moment(text) is None


@pytest.mark.parametrize("day", ["0000-01-01", "2026-00-10", "2026-13-10", "2025-02-29", "2026-01-00"])
def test_days_that_do_not_exist(day: str) -> None:
    assert moment(f"{day}T08:17:01.250000Z") is None


@pytest.mark.parametrize("clock", ["24:00:00", "23:60:00", "23:59:60", "99:99:99"])
def test_times_of_day_that_do_not_exist(clock: str) -> None:
    assert moment(f"2026-11-24T{clock}.000000Z") is None


def test_times_are_those_of_the_parser() -> None:
    dice, epoch = chance("hub", "moment"), datetime(1970, 1, 1, tzinfo=UTC)
    for _ in range(count(100_000, 2000)):
        at = datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=dice.randrange(9998 * 365 * 86_400 * 10**6))
        text = at.isoformat(timespec="microseconds").replace("+00:00", "Z")
        found = moment(text)
        assert found == at == epoch + timedelta(microseconds=time_ns(text) // 1000)
        assert found.tzinfo is UTC

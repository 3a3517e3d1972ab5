"""For any answers of a destination, contents of the log and crashes, every number is accounted for, nothing is lost,
and order is kept.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.core.output import Ack, BatchRejected, Entry, Filter, Retry
from sensor.delivery.forwarder import last_number
from sensor.delivery.runner import Runner
from sensor.eventlog.segments import cursors_of, segments
from tests.delivery.scripted import Desk, dead, lead, leave, runner
from tests.eventlog.segmented import Segmented

KINDS = st.lists(
    st.tuples(st.sampled_from(["device", "sensor", "alert", "incident"]), st.integers(1, 12)), min_size=1, max_size=8
)
STEP = st.sampled_from(["ack", "ack", "ack", "retry", "refuse", "break", "refuse one", "busy one"])


def answer(word: str) -> object:
    """A step of a script."""

    def partly(entries: Sequence[Entry]) -> Ack:
        place = len(entries) // 2
        return Ack(refused={place: "wrong"}) if word == "refuse one" else Ack(busy=(place,))

    return {"ack": Ack(), "retry": Retry("away"), "refuse": BatchRejected("never"), "break": ValueError("oops")}.get(
        word, partly
    )


def holds(one: Runner, log: Path) -> bool:
    """The equations of the position and of the status hold."""
    place, status = one.position, one.status(last_number(log))
    reported = status.delivered + status.filtered + status.refused + status.missing + status.pending
    return place.seq - place.begin + place.ahead + place.repeated == place.done and status.read == reported


@settings(max_examples=60)
@given(
    parts=KINDS,
    steps=st.lists(STEP, max_size=12),
    deaths=st.lists(st.integers(1, 6), max_size=3),
    events=st.sampled_from([1, 3, 10]),
    filtering=st.booleans(),
    lost=st.booleans(),
)
def test_every_number_is_accounted_for(
    parts: list[tuple[str, int]], steps: list[str], deaths: list[int], events: int, filtering: bool, lost: bool
) -> None:  # fmt: skip
    """Each number is delivered, filtered, refused, missing or pending at any time; finally none is pending or lost."""
    with tempfile.TemporaryDirectory() as folder:
        log = Segmented(Path(folder) / "events.jsonl")
        for kind, count in parts:
            log.add(count, kind)
            log.rotate()
        desk = Desk(*map(answer, steps))
        chosen = Filter(kinds=["device", "alert", "incident"]) if filtering else Filter()
        for place, turns in enumerate(deaths):
            one = runner(log.log, desk, batch_events=events, filter=chosen)
            for _ in range(turns):
                one.sender.again_at = 0.0
                list(one._guarded())
                assert holds(one, log.log)
            leave(one, crash=True)
            if lost and place == 0:
                segments(log.log)[0].path.unlink()
        log.add(1)  # only later numbers show that some are missing
        one = runner(log.log, desk, batch_events=events, filter=chosen)
        lead(one)
        leave(one)
        assert holds(one, log.log)
        place = one.position
        assert (place.seq, place.ahead, place.pending(log.last)) == (log.last, 0, 0)
        kinds = [*(kind for kind, count in parts for _ in range(count)), "device"]
        gone = set(range(1, parts[0][1] + 1)) if lost and deaths else set()
        wanted = {number for number, kind in enumerate(kinds, 1) if not filtering or kind != "sensor"}
        arrived = set(desk.got) | {letter["seq"] for letter in dead(log.log)}
        assert wanted - gone <= arrived <= wanted
        assert place.filtered <= len(kinds) - len(wanted)


@settings(max_examples=40)
@given(parts=KINDS, events=st.sampled_from([1, 4]), after=st.integers(1, 8))
def test_without_failures_everything_comes_once_and_in_order(
    parts: list[tuple[str, int]], events: int, after: int
) -> None:
    """Each lane is in order; a clean exit between any two turns repeats nothing."""
    with tempfile.TemporaryDirectory() as folder:
        log = Segmented(Path(folder) / "events.jsonl")
        for kind, count in parts:
            log.add(count, kind)
        desk = Desk()
        one = runner(log.log, desk, batch_events=events)
        for _ in range(after):
            list(one._guarded())
        leave(one)
        one = runner(log.log, desk, batch_events=events)
        lead(one)
        leave(one)
        assert Counter(desk.got) == Counter(range(1, log.last + 1))
        kinds = dict(enumerate((kind for kind, count in parts for _ in range(count)), 1))
        for lane in (("alert", "incident"), ("device", "sensor")):
            came = [number for number in desk.got if kinds[number] in lane]
            assert came == sorted(came)
        assert sorted(path.name for path in cursors_of(log.log).iterdir()) == ["one.before", "one.json"]

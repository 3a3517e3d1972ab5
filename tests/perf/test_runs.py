"""The arithmetic of the benchmark, on fixed figures, and its captures of messages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.perf import messages
from tests.perf.bench import Bench, Row, shed
from tests.perf.captures import Captures
from tests.perf.programs import Program
from tests.perf.runs import Ratio, Run, cpu, in_turns, middle, once

NOWHERE = Path("nowhere")


def test_ratios_are_those_of_pairs() -> None:
    """The median of ratios, not the ratio of medians: a pair in which both were slow counts as any other."""
    ratio = Ratio.of([2.0, 30.0, 4.0], [1.0, 10.0, 1.0])
    assert ratio == Ratio(3.0, 2.0, 4.0)
    assert str(ratio) == "3.00 × (2.00 to 4.00)"


def test_programs_take_turns(tmp_path: Path) -> None:
    log = tmp_path / "log"
    send = "import sys; open(sys.argv[1], 'a').write(sys.argv[2])"
    done = in_turns({name: [sys.executable, "-c", send, str(log), name] for name in "AB"}, 3)
    assert log.read_text() == "ABABAB"
    assert {name: len(runs) for name, runs in done.items()} == {"A": 3, "B": 3}


def test_a_run_reports_what_it_took() -> None:
    run = once([sys.executable, "-c", "x = bytearray(50_000_000); sum(range(10**6)); print('done')"])
    assert run.text == b"done\n"
    assert run.cpu > 0
    assert run.peak > 50


def test_starts_are_taken_off_and_peaks_are_the_largest() -> None:
    runs = [Run(3, 4, 90), Run(5, 6, 70), Run(4, 9, 80)]
    assert cpu(runs, 1.0) == [2, 4, 3]
    assert middle(runs) == Run(4, 6, 90)


def test_what_was_shed_is_read_from_the_summary() -> None:
    assert shed(Run(1, 1, 1, b'{"kind":"device"}\n{"kind":"sensor","capture":{"packets":9,"shed":12}}\n')) == 12
    assert shed(Run(1, 1, 1, b"9 packets")) is None


class Canned(Bench):
    """Fixed runs, by program and capture."""

    canned: dict[tuple[str, str], Iterator[float]]

    def turns(self, what: str, each: list[Program], path: Path, runs: int | None = None) -> dict[str, list[Run]]:
        return {
            one.name: [Run(next(self.canned[one.name, path.stem]), 0, 100) for _ in range(runs or self.runs)]
            for one in each
        }


def test_the_second_half_is_what_both_take_less_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The difference is computed per round, and excludes the start."""
    monkeypatch.setattr(Captures, "packets", staticmethod(lambda _: 1000))
    ours, theirs = (Program(name, lambda *_: []) for name in ("ours", "theirs"))
    bench = Canned(None, [ours, theirs], [], 2, NOWHERE)
    bench.canned = {
        ("ours", "once"): iter([3.0, 3.0]), ("ours", "twice"): iter([4.0, 5.0]), ("theirs", "once"): iter([5.0, 6.0]),
        ("theirs", "twice"): iter([9.0, 12.0]),
    }  # fmt: skip
    rows = list(bench.second_half(Path("once.pcap"), Path("twice.pcap"), [ours, theirs]))
    assert rows == [
        Row("twice, second half alone", "ours", "0 k packets/s"),
        Row("twice, second half alone", "theirs", "0 k packets/s", "3.50 × (3.00 to 4.00)"),
    ]


@pytest.mark.parametrize("kind", messages.KINDS)
def test_messages_are_reported_no_faster_than_they_are_read(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of messages is as requested, in order of time, and each pair is below the engine's budget."""
    monkeypatch.setattr(messages, "LONG", 3_600)
    monkeypatch.setattr(messages, "SHORT", 1_200)
    long, short = messages.captures(tmp_path, kind)
    assert (messages.count(long), messages.count(short)) == (3_600, 1_200)
    times = [ts for ts, _ in messages.text(messages.KINDS[kind], 1_200)]
    assert times == sorted(times)
    assert (times[-1] - times[0]) / 1e9 >= 1_200 / messages.PAIRS / messages.PACE / 2

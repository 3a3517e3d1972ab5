"""Long scenarios of reliability and their figures, as one table. ``make soak`` runs it; nothing else should run
meanwhile.

    python -m tests.reliability.soak [--only WORDS] [--share S] [--folder DIR]

Everything is real: the log, `sensor forward`, servers on loopback, kill -9. A share below 1 shortens all of it. A
failed scenario is in the table and sets the exit code; the later ones run regardless. DIR is the folder of logs and
other files: on the disk that is to be measured.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.reliability import kill_stories, outage_stories, run_stories, slow_stories, writing
from tests.reliability.destinations import MAKES, Destination, present
from tests.reliability.harness import Account

KILLS, KILLS_OF_DELIVERY, KILLS_OF_SENSOR, EVENTS = 200, 50, 5, 50_000
AWAY, DRAINED, WRITTEN = 180_000, 200_000, 500_000
SLOW_S, SLOW_RATE = 120, 500
EXACT = ("jetstream", "bulk", "postgresql")
AWAY_GOALS = {"http": 5000, "jetstream": 10_000, "kafka": 10_000}
RATE_GOALS = {"jetstream": 20_000, "kafka": 20_000, "http": 10_000, "bulk": 10_000, "postgresql": 0, "rsyslog": 0}


class Row(NamedTuple):
    """One line of the table. ``holds``: whether the figure meets the goal."""

    what: str
    figure: str
    goal: str
    holds: bool


Story = Callable[[Path, float], Iterator[Row]]


def of_kills(folder: Path, share: float) -> Iterator[Row]:
    done = kill_stories.writer_killed(folder / "maker", all_of_them(), round(KILLS * share), round(EVENTS * share))
    yield from _accounts(f"kill -9 of the writer of the log, {done.kills} × in {done.events:,} events", done.accounts)
    done = kill_stories.delivery_killed(folder / "delivery", all_of_them(), round(KILLS_OF_DELIVERY * share))
    yield from _accounts(
        f"kill -9 of `sensor forward` and of each receiver, {done.kills} × in {done.events:,} events", done.accounts
    )


def of_sensor(folder: Path, share: float) -> Iterator[Row]:
    what = "kill -9 of `sensor run` on a real interface"
    missing = [tool for tool in ("ip", "tcpreplay") if shutil.which(tool) is None]
    if os.geteuid() or missing:
        yield Row(
            what, f"not run: needs root{', ' + ', '.join(missing) if missing else ''}", "back within 2 s", holds=True
        )
        return
    runs = run_stories.sensor_killed(folder, MAKES["http"](), max(1, round(KILLS_OF_SENSOR * share)))
    yield from _accounts(f"{what}, {runs.kills} × in {runs.events:,} events", [runs.account])
    yield Row(
        "  time until it captures again, and reports it",
        f"{max(runs.back_s):.2f} s, {max(runs.reported_s):.2f} s",
        "within 2 s",
        max(runs.back_s) <= 2,
    )


def of_outages(folder: Path, share: float) -> Iterator[Row]:
    for name in (name for name in AWAY_GOALS if name in present()):
        outage = outage_stories.receiver_away(folder / name, MAKES[name](), round(AWAY * share))
        yield from _accounts(f"{name} down while {round(AWAY * share):,} events are written", [outage.account])
        yield Row(
            "  backlog delivered at",
            f"{outage.rate:,.0f} events/s",
            f"{AWAY_GOALS[name]:,}",
            outage.rate >= AWAY_GOALS[name],
        )
        yield Row("  memory growth of `sensor forward`", f"{outage.more_mb:.1f} MB", "20 MB", outage.more_mb <= 20)
        held = outage.alert_s <= 5
        yield Row(
            "  latency of a new alert, backlog at that time",
            f"{outage.alert_s:.2f} s, {outage.behind:,}",
            "within 5 s",
            held,
        )


def of_slow(folder: Path, share: float) -> Iterator[Row]:
    slow = slow_stories.slow_receivers(folder, SLOW_S * share, SLOW_RATE)
    for name, late in slow.late.items():
        yield Row(
            f"{len(slow.statuses)} slow receivers beside {name}: delivery latency, 99th percentile",
            f"{late:.2f} s",
            "2 s",
            late <= 2,
        )
    yield Row(
        "  threads of `sensor forward`",
        f"{slow.before.threads} → {slow.after.threads}",
        "the same",
        slow.after.threads <= slow.before.threads,
    )
    same = slow.after.files <= slow.before.files + 1
    yield Row(
        "  file descriptors of `sensor forward`, maximum of each minute",
        f"{slow.before.files} → {slow.after.files}",
        "the same",
        same,
    )


def of_rates(folder: Path, share: float) -> Iterator[Row]:
    for name, goal in RATE_GOALS.items():
        if name in present():
            rate = outage_stories.drained(folder / name, MAKES[name](**_straight(name)), round(DRAINED * share))
            yield Row(
                f"end to end, one output: {name}", f"{rate:,.0f} events/s", f"{goal:,}" if goal else "", rate >= goal
            )


def of_writing(folder: Path, share: float) -> Iterator[Row]:
    done = writing.written_down(folder, round(WRITTEN * share, -3))
    yield Row(
        f"log written, {done.size:.0f} bytes an event, groups of {writing.COMMIT_MS} ms",
        f"{done.rate:,.0f} events/s",
        "100,000",
        done.rate >= 100_000,
    )
    yield Row(
        "  encoding an event, and all of its reporting",
        f"{done.encode_us:.2f} us, {done.report_us:.2f} us",
        "2 us",
        done.encode_us <= 2,
    )


def all_of_them() -> list[Destination]:
    return [MAKES[name]() for name in present()]


def _straight(name: str) -> dict[str, bool]:
    """The mock of Kafka without the process in front of it, where nothing is killed."""
    return {"straight": True} if name == "kafka" else {}


def _accounts(what: str, accounts: list[Account]) -> Iterator[Row]:
    """One line for all, and one for each destination with duplicates."""
    whole = all(not (one.lost or one.strange or one.overtaken) for one in accounts)
    twice = sum(one.doubles for one in accounts if one.name in EXACT)
    figure = (
        f"{sum(one.lost for one in accounts)} lost, {twice} duplicated, "
        f"{sum(one.overtaken for one in accounts)} out of order"
    )
    yield Row(what, figure, "0, 0, 0", whole and not twice)
    repeats = [f"{one.name} {one.repeats:,}" for one in accounts if one.repeats]
    if repeats:
        yield Row("  duplicates with the same id, where allowed", ", ".join(repeats), "", holds=True)


STORIES: dict[str, Story] = {
    "writing": of_writing, "rates": of_rates, "outages": of_outages, "slow": of_slow, "sensor": of_sensor,
    "kills": of_kills,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(STORIES), help=f"scenarios: {', '.join(STORIES)}")
    parser.add_argument("--share", type=float, default=1)
    parser.add_argument("--folder", type=Path, default=Path("build/soak"))
    args = parser.parse_args()
    chosen = args.only.split(",")
    if unknown := set(chosen) - STORIES.keys():
        parser.error(f"--only: found {', '.join(sorted(unknown))}, expected some of {','.join(STORIES)}")
    args.folder.mkdir(parents=True, exist_ok=True)
    held = True
    print(f"{'what':78} {'measured':44} goal")
    for name, story in STORIES.items():
        if name in chosen:
            for row in reported(name, story, args.folder, args.share):
                print(f"{row.what:78} {row.figure:44} {row.goal}{'' if row.holds else '  MISSED'}", flush=True)
                held = held and row.holds
    return 0 if held else 1


def reported(name: str, story: Story, place: Path, share: float) -> Iterator[Row]:
    """The rows of a scenario, or where it failed."""
    with tempfile.TemporaryDirectory(dir=place.resolve()) as folder:
        try:
            yield from story(Path(folder), share)
        except Exception:  # noqa: BLE001 reported in the table
            yield Row(name, "failed: see below", "", holds=False)
            traceback.print_exc()


if __name__ == "__main__":
    sys.exit(main())

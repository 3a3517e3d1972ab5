"""Benchmarks in pairs: this state against a baseline built beside it and against installed peers. ``make bench`` calls
it.

    python -m tests.perf.bench [--captures DIR] [--baseline REV] [--runs N] [--only WORDS] [--no-peers] [--json FILE]

DIR holds mixed-1M.pcap, mixed-2x.pcap, mixed-4M.pcap, discovery.pcap, syn-flood.pcap and week.pcap; missing ones are
generated from the captures in pcaps/ (see captures.py) and named accordingly. Programs take turns on each capture (see
runs.py). Rates are packets per median CPU second, minus the CPU time of a replay of one packet; ratios are computed per
pair. The table is Markdown; ``--json`` writes all measurements.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tests.perf import captures, kernels, live, messages, programs, servers
from tests.perf.programs import Program
from tests.perf.runs import Ratio, Run, cpu, in_turns, in_words, middle, once

GROUPS = ("start", "replay", "memory", "messages", "servers", "kernels", "peers", "live")
BASELINE = "f5fe907"


class Row(NamedTuple):
    """One line of the table: the measurement, the program, and how many times as fast this state is (per pair; median,
    least and most).
    """

    what: str
    program: str
    figure: str
    times: str = ""


class Bench:
    """Shared data of all groups: captures, programs in the order of their turns (this state first), and the
    measurements for ``--json``.

    ``out``: a folder for output of programs.
    """

    def __init__(
        self, found: captures.Captures, states: Sequence[Program], others: Sequence[Program], runs: int, out: Path
    ) -> None:
        self.found, self.states, self.others, self.runs, self._out = found, list(states), list(others), runs, out
        self.measured: list[dict[str, Any]] = []
        self._starts: dict[str, float] = {}

    def turns(self, what: str, each: Sequence[Program], path: Path, runs: int | None = None) -> dict[str, list[Run]]:
        """Runs of the programs on a capture, in turns."""
        done = in_turns({one.name: one.command(path, self._out) for one in each}, runs or self.runs)
        for name, of in done.items():
            self.measured.append({"what": what, "program": name, "cpu_s": [one.cpu for one in of],
            "wall_s": [one.wall for one in of],
                                  "peak_mb": max(one.peak for one in of), "shed": shed(of[-1])})  # fmt: skip
        return done

    def start(self, program: Program) -> float:
        """CPU seconds of a replay of one packet."""
        if program.name not in self._starts:
            self._starts[program.name] = middle(self.turns("start", [program], self.found.one)[program.name]).cpu
        return self._starts[program.name]

    def compared(self, what: str, path: Path, each: Sequence[Program]) -> Iterator[Row]:
        """One row per program: rate, peak memory and shed messages, and the ratio to this state."""
        packets, done = captures.Captures.packets(path), self.turns(what, each, path)
        ours = cpu(done[each[0].name], self.start(each[0]))
        for program in each:
            runs = done[program.name]
            typical, seconds = middle(runs), cpu(runs, self.start(program))
            figure = (
                f"{in_words(packets / sorted(seconds)[len(seconds) // 2])}, {typical.cpu:.1f} s CPU, "
                f"{typical.wall:.1f} s, {typical.peak:.0f} MB"
            )
            left_out = shed(runs[-1])
            reported = f", {left_out:,} messages shed" if left_out is not None else ""
            yield Row(what, program.name, figure + reported, "" if program is each[0] else str(Ratio.of(seconds, ours)))

    def second_half(self, path: Path, twice: Path, each: Sequence[Program]) -> Iterator[Row]:
        """The second million alone: CPU seconds of both minus those of the first, of the runs of one round."""
        packets = captures.Captures.packets(path)
        alone: dict[str, list[float]] = {}
        for program in each:
            alone[program.name] = []
        for _ in range(self.runs):
            first, both = (self.turns(f"{one.stem}, one round", each, one, 1) for one in (path, twice))
            for program in each:
                alone[program.name].append(max(both[program.name][0].cpu - first[program.name][0].cpu, 1e-6))
        for program in each:
            seconds = alone[program.name]
            ratio = "" if program is each[0] else str(Ratio.of(seconds, alone[each[0].name]))
            yield Row(
                f"{twice.stem}, second half alone",
                program.name,
                in_words(packets / sorted(seconds)[len(seconds) // 2]),
                ratio,
            )


def shed(run: Run) -> int | None:
    """Shed messages according to the summary of a replay; None for programs without one."""
    line = run.text.strip().rpartition(b"\n")[2]
    try:
        return int(json.loads(line)["capture"]["shed"])
    except (ValueError, KeyError, TypeError):
        return None


def of_start(bench: Bench) -> Iterator[Row]:
    """Start times of whole processes."""
    done = bench.turns("100 packets", bench.states, bench.found.hundred)
    for program in bench.states:
        typical = middle(done[program.name])
        yield Row(
            "replay of 100 packets",
            program.name,
            f"{typical.wall:.2f} s, {typical.cpu:.2f} s CPU, {typical.peak:.0f} MB",
        )
    for program in bench.states:
        runs = [once([program.sensor, "--help"]) for _ in range(bench.runs)]
        yield Row("sensor --help", program.name, f"{middle(runs).wall:.3f} s, {middle(runs).cpu:.3f} s CPU")


def of_replay(bench: Bench) -> Iterator[Row]:
    """Throughput, against the baseline and suricata."""
    found, rivals = bench.found, [one for one in bench.others if one.name.startswith("suricata")]
    for path in (found.mixed, found.discovery, found.flood):
        yield from bench.compared(path.stem, path, [*bench.states, *rivals])
    yield from bench.second_half(found.mixed, found.twice, [*bench.states, *rivals])
    yield from bench.compared(found.week.stem, found.week, bench.states)


def of_memory(bench: Bench) -> Iterator[Row]:
    """Four times the packets of four times the hosts: measured once, since memory is the same in every run."""
    for program in bench.states:
        small, large = (
            bench.turns(path.stem, [program], path, 1)[program.name][0]
            for path in (bench.found.mixed, bench.found.large)
        )
        yield Row(
            "peak memory",
            program.name,
            f"{small.peak:.0f} MB, {bench.found.large.stem} {large.peak:.0f} MB ({large.peak / small.peak - 1:+.0%})",
        )


def of_messages(bench: Bench, folder: Path) -> Iterator[Row]:
    """The cost of a message with nothing new, and of a known observation."""
    for kind in messages.KINDS:
        long, short = messages.captures(folder, kind)
        more = messages.count(long) - messages.count(short)
        done = {path: bench.turns(path.stem, bench.states, path) for path in (long, short)}
        costs = {one.name: _each(done[long][one.name], done[short][one.name], more) for one in bench.states}
        for program in bench.states:
            each = costs[program.name]
            ratio = "" if program is bench.states[0] else str(Ratio.of(each, costs[bench.states[0].name]))
            left_out = shed(done[long][program.name][-1])
            yield Row(
                f"{kind} message, nothing new",
                program.name,
                f"{sorted(each)[len(each) // 2]:.1f} µs, {left_out or 0:,} messages shed",
                ratio,
            )
    for program in bench.states:
        reported = [
            int(once([str(program.python), str(Path(__file__).with_name("facts.py")), str(captures.OFFICE)]).text)
            for _ in range(bench.runs)
        ]
        bench.measured.append({"what": "fact already known", "program": program.name, "ns": reported})
        yield Row("fact already known", program.name, f"{min(reported) / 1000:.2f} µs")


def of_servers(bench: Bench, folder: Path) -> Iterator[Row]:
    """The cost of a packet of real servers, against the baseline and suricata."""
    each = [*bench.states, *(one for one in bench.others if one.name.startswith("suricata"))]
    for load in servers.LOADS:
        if why := servers.missing(load):
            yield Row(load.name, "", f"not run: {why}")
            continue
        try:
            path = servers.capture(load, folder)
        except RuntimeError as error:
            yield Row(load.name, "", f"failed: {error}")
            continue
        packets, done = captures.Captures.packets(path), bench.turns(load.name, each, path)
        seconds = {one.name: cpu(done[one.name], bench.start(one)) for one in each}
        for program in each:
            costs = seconds[program.name]
            ratio = "" if program is each[0] else str(Ratio.of(costs, seconds[each[0].name]))
            left_out = shed(done[program.name][-1])
            figure = f"{sorted(costs)[len(costs) // 2] / packets * 1e6:.2f} µs per packet of {packets:,}"
            figure += f", {left_out:,} messages shed" if left_out is not None else ""
            yield Row(load.name, program.name, figure, ratio)


def _each(long: list[Run], short: list[Run], more: int) -> list[float]:
    """µs of CPU per message, run by run."""
    return [max(one.cpu - other.cpu, 0) / more * 1e6 for one, other in zip(long, short, strict=True)]


def of_kernels(bench: Bench) -> Iterator[Row]:
    for what, figure, _ in kernels.measure(bench.found.mixed, bench.runs):
        yield Row(what, bench.states[0].name, figure)


def of_peers(bench: Bench) -> Iterator[Row]:
    """All programs on the mixed capture. Programs that fail are listed."""
    if absent := programs.missing():
        yield Row("peers that are not installed", ", ".join(absent), "")
    for peer in bench.others:
        try:
            yield from list(bench.compared(bench.found.mixed.stem, bench.found.mixed, [bench.states[0], peer]))[1:]
        except subprocess.CalledProcessError as error:
            yield Row(
                bench.found.mixed.stem, peer.name, f"failed: {error.stderr.decode(errors='replace').strip()[-80:]}"
            )


def of_live(bench: Bench) -> Iterator[Row]:
    """Each rate once per state: dropped packets and shed messages."""
    if why := live.lacking():
        yield Row("live, veth pair", "", f"not run: {why}")
        return
    for rate in live.RATES:
        for program in bench.states:
            received = live.one_run(bench.found.mixed, rate, program.sensor)
            bench.measured.append({"what": "live", "program": program.name, "rate": rate, **received._asdict()})
            figure = (
                f"sent {received.sent:,} at {received.speed / 1e3:.0f} k/s, dropped {received.dropped:,}, "
                f"{received.shed:,} messages shed, {received.cpu:.1f} s CPU"
            )
            yield Row(f"live, veth pair, {rate / 1e3:.0f} k packets/s", program.name, figure)


def machine() -> dict[str, str]:
    """The machine of the measurement, and the time."""
    reported = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    model = next(
        (line.partition(":")[2].strip() for line in reported.splitlines() if line.startswith("model name")),
        platform.processor(),
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"cpu": model, "cores": str(cores), "python": platform.python_version(), "date": time.strftime("%Y-%m-%d")}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captures", type=Path, default=Path(os.environ.get("CAPTURES") or "build/bench"))
    parser.add_argument(
        "--baseline", default=BASELINE, metavar="REV", help="commit to compare with; none: this state alone"
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default=",".join(GROUPS), help="which groups to run")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all that was measured")
    return parser.parse_args()


def found(folder: Path) -> captures.Captures:
    """The captures, made in another process: the peak memory of this one would be that of every program it starts."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(captures.find, folder).result()


def main() -> int:
    """Measure and print, each line as soon as it is available."""
    args = arguments()
    made = Path("build/bench")
    made.mkdir(parents=True, exist_ok=True)
    states = [programs.here()] + ([programs.baseline(args.baseline, made.resolve())] if args.baseline != "none" else [])
    with tempfile.TemporaryDirectory() as out:
        bench = Bench(
            found(args.captures),
            states,
            [] if args.no_peers else programs.peers(made.resolve()),
            args.runs,
            Path(out),
        )
        report(bench, args.only.split(","), made)
    if args.json:
        args.json.write_text(json.dumps({"machine": machine(), "measured": bench.measured}, indent=1) + "\n")
    return 0


def report(bench: Bench, chosen: Sequence[str], made: Path) -> None:
    """The table, group by group. ``made``: folder for captures of messages."""
    groups = {
        "start": of_start, "replay": of_replay, "memory": of_memory, "messages": partial(of_messages, folder=made),
        "servers": partial(of_servers, folder=made), "kernels": of_kernels,
        "peers": of_peers, "live": of_live,
    }  # fmt: skip
    print(
        ", ".join(f"{name} {value}" for name, value in machine().items()) + f"; median of {bench.runs} runs in turns\n"
    )
    print("| what | program | measured | this state is faster by |\n|---|---|---|---|")
    for name in chosen:
        for row in groups[name](bench):
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())

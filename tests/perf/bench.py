"""Benchmarks: whole runs of the installed program, printed as one table. ``make bench`` calls it.

    python -m tests.perf.bench [--captures DIR] [--runs N] [--only WORDS] [--no-peers]

DIR holds mixed-1M.pcap, mixed-4M.pcap, discovery.pcap and syn-flood.pcap; what is missing there is made from the captures in pcaps/ (see
captures.py) and named so in the table. Each figure is the best of N runs; the rate of a replay is packets by wall time less that of a replay
of one packet. Peers that are installed run on the same captures, one after the other, their own start-up taken off likewise. Nothing else should
run meanwhile.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.perf import captures, kernels, live

SENSOR = [sys.executable, "-m", "sensor"]
# As it is installed: modules that were run before are there compiled.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
SHIPPED_RULES = Path("/etc/suricata/rules")


class Run(NamedTuple):
    """One finished process: seconds of wall time, seconds of CPU, peak resident memory in MB (10**6 bytes)."""

    wall: float
    cpu: float
    peak: float


class Row(NamedTuple):
    """One line of the table."""

    what: str
    figure: str
    goal: str


def once(command: list[str]) -> Run:
    """Run a command with its output thrown away. CalledProcessError where it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT)
    assert process.stderr is not None
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=complaint[-2000:])
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)


def best(command: list[str], runs: int) -> Run:
    """The run with the shortest wall time; peak memory is the largest of all."""
    done = [once(command) for _ in range(runs)]
    fastest = min(done)
    return fastest._replace(peak=max(run.peak for run in done))


def replay(path: Path) -> list[str]:
    return [*SENSOR, "replay", str(path), "--events", os.devnull]


def rate(packets: int, run: Run, startup: Run) -> float:
    return packets / max(run.wall - startup.wall, 1e-6)


def in_words(per_second: float) -> str:
    return f"{per_second / 1e6:.2f} M packets/s" if per_second >= 1e6 else f"{per_second / 1e3:.0f} k packets/s"


def of_replay(found: captures.Captures, runs: int) -> Iterator[Row]:
    startup = best(replay(found.one), runs)
    small = best(replay(found.hundred), runs)
    mixed, flood, discovery, large = (best(replay(path), runs) for path in (found.mixed, found.flood, found.discovery, found.large))
    yield Row(f"replay {found.name(found.mixed)}, everything on", in_words(rate(found.packets(found.mixed), mixed, startup)), "2 M packets/s; aim for 3 M")
    flooded = in_words(rate(found.packets(found.flood), flood, startup))
    yield Row(f"replay {found.name(found.flood)}", f"{flooded}, {flood.peak:.0f} MB", "1.5 M packets/s, mixed + 32 MB")
    yield Row(f"replay {found.name(found.discovery)}", in_words(rate(found.packets(found.discovery), discovery, startup)), "120 k packets/s")
    yield Row(f"peak memory {found.name(found.mixed)}", f"{mixed.peak:.0f} MB", "under 250 MB")
    yield Row(f"peak memory {found.name(found.large)}", f"{large.peak:.0f} MB ({large.peak / mixed.peak - 1:+.0%})", "the same ± 10 %")
    yield Row("sensor --help", f"{best([*SENSOR, '--help'], runs).wall:.3f} s", "0.15 s")
    yield Row("replay of 100 packets", f"{small.wall:.3f} s", "0.6 s")


class Peer(NamedTuple):
    name: str
    command: Callable[[Path, str], list[str]]


def peers() -> Iterator[Peer]:
    """The peers installed here. ``{capture}, {empty folder}`` → command."""
    loop = str(Path(__file__).with_name("dpkt_loop.py"))
    if shutil.which("suricata"):
        yield Peer("suricata, one thread", lambda path, out: ["suricata", "-r", str(path), "-l", out, "--runmode", "single", "-S", os.devnull])
        if SHIPPED_RULES.is_dir():
            rules = Path(tempfile.gettempdir()) / "suricata-shipped.rules"
            rules.write_bytes(b"".join(file.read_bytes() for file in sorted(SHIPPED_RULES.glob("*.rules"))))
            yield Peer("suricata with its rules", lambda path, out: ["suricata", "-r", str(path), "-l", out, "--runmode", "single", "-S", str(rules)])
    if shutil.which("ndpiReader"):
        yield Peer("ndpiReader -q", lambda path, _: ["ndpiReader", "-q", "-i", str(path)])
    nfstream = "import sys, nfstream; print(sum(1 for _ in nfstream.NFStreamer(source=sys.argv[1])))"
    if importlib.util.find_spec("nfstream"):
        yield Peer("nfstream", lambda path, _: [sys.executable, "-c", nfstream, str(path)])
    yield Peer("dpkt parse loop", lambda path, _: [sys.executable, loop, str(path)])
    if shutil.which("tcpdump"):
        yield Peer("tcpdump -w /dev/null", lambda path, _: ["tcpdump", "-n", "-r", str(path), "-w", os.devnull])


PEERS = ("suricata", "ndpiReader", "nfstream", "tcpdump")


def of_peers(found: captures.Captures, runs: int) -> Iterator[Row]:
    missing = [name for name in PEERS if not shutil.which(name) and importlib.util.find_spec(name) is None]
    if missing:
        yield Row("peers that are not installed", ", ".join(missing), "")
    for peer in peers():
        with tempfile.TemporaryDirectory() as out:
            try:
                startup = best(peer.command(found.one, out), runs)
                run = best(peer.command(found.mixed, out), runs)
            except subprocess.CalledProcessError as error:
                yield Row(f"peer {peer.name}", f"failed: {error.stderr.decode(errors='replace').strip()[-80:]}", "")
                continue
        yield Row(f"peer {peer.name}, {found.name(found.mixed)}", f"{in_words(rate(found.packets(found.mixed), run, startup))}, {run.peak:.0f} MB", "")


def main() -> int:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--captures", type=Path, default=Path(os.environ.get("CAPTURES") or "build/bench"))
    ask.add_argument("--runs", type=int, default=5)
    ask.add_argument("--only", default="replay,kernels,live,peers", help="which groups to run")
    ask.add_argument("--no-peers", action="store_true")
    args = ask.parse_args()
    found = captures.find(args.captures)
    groups: dict[str, Callable[[], Iterator[Row]]] = {
        "replay": lambda: of_replay(found, args.runs),
        "kernels": lambda: (Row(*row) for row in kernels.measure(found.mixed, args.runs)),
        "live": lambda: (Row(*row) for row in live.measure(found.mixed)),
        "peers": lambda: of_peers(found, args.runs),
    }
    print(f"{'what':58} {'measured':34} goal")
    for name, rows in groups.items():
        if name in args.only.split(",") and not (name == "peers" and args.no_peers):
            for row in rows():
                print(f"{row.what:58} {row.figure:34} {row.goal}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

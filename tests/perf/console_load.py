"""The console under load, beside a sensor that captures: ``make console-bench``.

    python -m tests.perf.console_load [--seconds N] [--rate PPS] [--readers N] [--writers N] [--streams N]

A sensor captures on one end of a veth pair, and a sender writes the office, or another capture, into the other end in a
loop. Readers open one page after the other and pause, writers add comments through the API, and each of them keeps
streams of changes open, as a browser with several tabs does. It prints errors, latencies of requests, memory and CPU
time of the console, and packets that the sensor lost. Needs httpx, and root and ip for the sensor: without them the
console shows a replay of the office, and the output states it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx

from sensor.console.security.keys import Keys
from sensor.console.security.store import StateStore
from sensor.eventlog.paths import RUN_LOG
from tests.perf.live import lacking, namespaces, wait_for
from tests.perf.runs import ENVIRONMENT

ROOT = Path(__file__).parents[2]
PCAPS = ROOT / "pcaps"
PAGES = (
    "/", "/alerts", "/alerts?state=open&severity=medium", "/devices", "/devices?text=cam", "/incidents", "/timeline",
    "/recommendations", "/map", "/posture", "/health", "/search?q=10.20.10",
)  # fmt: skip
SENSOR, INTEL = [sys.executable, "-m", "sensor"], str(PCAPS / "office.intel.txt")
SAMPLE_S, LIMIT_S = 5.0, 300.0
# One for all clients: reading the certificate authorities for each of them would stop them all for seconds.
TLS = ssl.create_default_context()


class Load(NamedTuple):
    """``pause``: mean seconds between two requests of one client; ``rate``: packets/s."""

    seconds: float
    rate: int
    readers: int
    writers: int
    streams: int
    pause: float


class Measured:
    """Measurements of the clients: milliseconds of each request, errors, events of the streams."""

    def __init__(self) -> None:
        self.read_ms: list[float] = []
        self.written_ms: list[float] = []
        self.errors: list[str] = []
        self.events = 0


async def load(url: str, load_: Load, sessions: list[str], token: str, alerts: list[str]) -> Measured:
    """Open all streams, then run all clients for the time of the load."""
    found, begun = Measured(), asyncio.Semaphore(0)
    streams = [
        asyncio.create_task(_listen(url, session, begun, found)) for session in sessions for _ in range(load_.streams)
    ]
    for _ in streams:
        await asyncio.wait_for(begun.acquire(), LIMIT_S)
    end = time.monotonic() + load_.seconds
    tasks = [asyncio.create_task(_read(url, session, load_, end, found)) for session in sessions[: load_.readers]]
    tasks += [asyncio.create_task(_write(url, token, alerts, load_, end, found)) for _ in range(load_.writers)]
    await asyncio.gather(*tasks)
    for stream in streams:
        stream.cancel()
    for ended in await asyncio.gather(*streams, return_exceptions=True):
        if not isinstance(ended, asyncio.CancelledError | None):
            found.errors.append(f"GET /live: {ended!r}")
    return found


async def _read(url: str, session: str, load_: Load, end: float, found: Measured) -> None:
    async with httpx.AsyncClient(base_url=url, cookies={"sensor": session}, timeout=60, verify=TLS) as client:
        async for draw in _turns(load_, end):
            await _timed(client, "GET", draw.choice(PAGES), found.read_ms, found)


async def _write(url: str, token: str, alerts: list[str], load_: Load, end: float, found: Measured) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, verify=TLS) as client:
        async for draw in _turns(load_, end):
            path = f"/api/v1/alerts/{draw.choice(alerts)}/notes"
            await _timed(client, "POST", path, found.written_ms, found, json={"action": "comment", "text": "load"})


async def _turns(load_: Load, end: float) -> AsyncIterator[random.Random]:
    """Requests in sequence, with random pauses so that clients are not synchronized."""
    draw = random.Random()
    await asyncio.sleep(draw.uniform(0, load_.pause))
    while time.monotonic() < end:
        yield draw
        await asyncio.sleep(draw.uniform(0.5, 1.5) * load_.pause)


async def _timed(
    client: httpx.AsyncClient, method: str, path: str, took: list[float], found: Measured, **sent: object
) -> None:
    began = time.perf_counter()
    try:
        answer = await client.request(method, path, **sent)  # type: ignore[arg-type]
    except httpx.HTTPError as error:
        found.errors.append(f"{method} {path}: {error!r}")
        return
    took.append((time.perf_counter() - began) * 1000)
    if answer.status_code >= 400:
        found.errors.append(f"{method} {path}: {answer.status_code} {answer.text[-200:]!r}")


async def _listen(url: str, session: str, begun: asyncio.Semaphore, found: Measured) -> None:
    """Count the events of a stream until it is cancelled; ``begun`` is released when it is open, or was refused."""
    async with (
        httpx.AsyncClient(base_url=url, cookies={"sensor": session}, timeout=60, verify=TLS) as client,
        client.stream("GET", "/live") as answer,
    ):
        begun.release()
        if answer.status_code != 200:
            found.errors.append(f"GET /live: {answer.status_code}")
            return
        async for line in answer.aiter_lines():
            found.events += line.startswith("event:")


class Memory:
    """Resident memory of a process, MB (10**6 bytes), sampled by a task."""

    def __init__(self, process: int) -> None:
        self._status, self.samples = Path(f"/proc/{process}/status"), list[float]()

    async def watch(self) -> None:
        while True:
            line = next(line for line in self._status.read_text().splitlines() if line.startswith("VmRSS"))
            self.samples.append(int(line.split()[1]) * 1024 / 1e6)
            await asyncio.sleep(SAMPLE_S)


@contextlib.contextmanager
def sensing(folder: Path, capture: Path, rate: int) -> Iterator[dict[str, int]]:
    """A sensor that captures the packets of the sender; its last statistics afterwards."""
    here, there = f"console-src-{os.getpid()}", f"console-dst-{os.getpid()}"
    log, figures = folder / RUN_LOG, dict[str, int]()
    with namespaces(here, there):
        run = [*SENSOR, "run", "-i", "vb", "--intel", INTEL, "--state", str(folder), "--events", str(log)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": ENVIRONMENT, "cwd": folder}
        sensor = subprocess.Popen(["ip", "netns", "exec", there, *run], **quiet)  # type: ignore[call-overload]
        send = [sys.executable, "-m", "tests.perf.paced_sender", "va", str(rate), str(capture)]
        sender: subprocess.Popen[bytes] | None = None
        try:
            wait_for(lambda: log.exists() and b'"started"' in log.read_bytes())
            beside = quiet | {"cwd": ROOT}
            sender = subprocess.Popen(["ip", "netns", "exec", here, *send], **beside)  # type: ignore[call-overload]
            wait_for(lambda: log.read_bytes().count(b'"kind":"alert"') > 3, LIMIT_S)
            yield figures
        finally:
            for process in filter(None, (sender, sensor)):
                process.send_signal(signal.SIGINT)
                process.wait(60)
        lines = (line for line in reversed(log.read_bytes().splitlines()) if b'"summary"' in line)
        summary = json.loads(next(lines))["capture"]
        figures.update({name: summary[name] for name in ("packets", "dropped", "shed")})


async def measured(console: subprocess.Popen[str], folder: Path, load_: Load) -> tuple[Measured, Memory]:
    url = str(console.stdout.readline()).split()[1] if console.stdout is not None else ""
    keys = Keys(StateStore(folder))
    sessions = [keys.open(f"client {number}", "write") for number in range(load_.readers + load_.writers)]
    token = keys.add_token("load", "write", 1.0)[1]
    async with httpx.AsyncClient(
        base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60, verify=TLS
    ) as client:
        answer = (await client.get("/api/v1/alerts")).json()
    memory = Memory(console.pid)
    watching = asyncio.create_task(memory.watch())
    found = await load(url, load_, sessions, token, [one["id"] for one in answer["items"]])
    watching.cancel()
    return found, memory


def at(sorted_ms: list[float], share: float) -> float:
    """A percentile."""
    return sorted_ms[min(int(len(sorted_ms) * share), len(sorted_ms) - 1)] if sorted_ms else 0.0


def report(load_: Load, found: Measured, memory: Memory, cpu: float, figures: dict[str, int]) -> None:
    clients = f"{load_.readers} reading, {load_.writers} writing, {load_.streams} streams each"
    print(f"{clients}, {load_.pause:.0f} s between requests, {load_.seconds:.0f} s; load {os.getloadavg()[0]:.1f}")
    for name, took in (("read", sorted(found.read_ms)), ("written", sorted(found.written_ms))):
        print(f"{name:10}{len(took):8,} requests, p50 {at(took, 0.5):7.0f} ms, p99 {at(took, 0.99):7.0f} ms")
    print(f"{'streams':10}{found.events:8,} events")
    print(f"{'errors':10}{len(found.errors):8,} {'; '.join(found.errors[:3])}")
    first, most, last = memory.samples[0], max(memory.samples), memory.samples[-1]
    print(f"{'console':10}{cpu:8.1f} s of CPU time, {first:.0f}, at most {most:.0f}, at the end {last:.0f} MB")
    if figures:
        print(f"{'sensor':10}{figures['packets']:8,} packets, {figures['dropped']:,} dropped, {figures['shed']:,} shed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--rate", type=int, default=50_000, help="packets/s")
    parser.add_argument("--capture", type=Path, default=PCAPS / "office.pcapng", help="what is sent in a loop")
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--writers", type=int, default=5)
    parser.add_argument("--streams", type=int, default=5, help="of each client")
    parser.add_argument("--pause", type=float, default=5.0, help="mean seconds between two requests of a client")
    args = parser.parse_args()
    load_ = Load(args.seconds, args.rate, args.readers, args.writers, args.streams, args.pause)
    with tempfile.TemporaryDirectory() as name:
        _run(Path(name), args.capture, load_)


def _run(folder: Path, capture: Path, load_: Load) -> None:
    why = lacking(("ip",))
    if why:
        print(f"no sensor: {why}")
        office = [str(PCAPS / "office.pcapng"), "--intel", INTEL, "--state", str(folder)]
        subprocess.run([*SENSOR, "replay", *office], check=True, stdout=subprocess.DEVNULL)
    with contextlib.ExitStack() as stack:
        figures = stack.enter_context(sensing(folder, capture, load_.rate)) if not why else {}
        console = subprocess.Popen(
            [*SENSOR, "console", "--state", str(folder), "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True
        )
        try:
            found, memory = asyncio.run(measured(console, folder, load_))
        finally:
            console.terminate()
            _, _, usage = os.wait4(console.pid, 0)
            console.returncode = 0
            if console.stdout is not None:
                console.stdout.close()
    report(load_, found, memory, usage.ru_utime + usage.ru_stime, figures)


if __name__ == "__main__":
    main()

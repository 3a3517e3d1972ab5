"""Benchmarks of search and hunting on generated connections: ``make records-bench``.

    python -m tests.perf.records_bench [--rows N] [--hunt-rows N] [--writer-rows N] [--folder DIR]

A month of connections of 400 devices is written by the writer's own code, with the addresses of an office: few that
are frequent, many that are rare. For hunts, an hour is written per file and the files of each day are merged, as
maintenance does; for searches, the merged files are written directly, with a day of connections that repeats at later
times, since random numbers for all cost more than the files. Searches and hunts run as the commands run them. Memory is
the peak of the process that answers (VmHWM).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sensor.core.addresses import V4
from sensor.records.block import HEAD
from sensor.records.columns import decoded, filled, hashes
from sensor.records.community_sql import prefix_of
from sensor.records.derived import community_of
from sensor.records.hunts_library import hunt, library
from sensor.records.manifest import OF_DAY
from sensor.records.query import Query
from sensor.records.schema import CONN
from sensor.records.search import Row, search, understood
from sensor.records.talkers import GROUPINGS, talkers
from sensor.records.upkeep import DAY, Upkeep
from sensor.records.writer import HOUR_US, ProcessedRows, Writer
from tests.perf.records_writer import cost

HOURS, DEVICES, START_HOUR = 720, 400, 490_000
RARE = "203.0.113.66"
HUNTS = ("top_talkers", "beacons", "long_connections", "data_out", "new_admin_protocol")


def made(rows: int, hour: int, random: np.random.Generator) -> pa.Table:
    """The connections of one hour, in order of time."""
    device = np.minimum(random.zipf(1.3, rows), DEVICES)
    other = np.minimum(random.zipf(1.2, rows), 200_000)
    ports = random.choice(
        [443, 53, 80, 445, 123, 22, 3389, 8080], rows, p=[0.45, 0.3, 0.08, 0.07, 0.04, 0.02, 0.02, 0.02]
    )
    ts = np.sort(random.integers(0, HOUR_US, rows)) + (START_HOUR + hour) * HOUR_US
    sources = pa.array([f"10.20.{n // 200}.{n % 200 + 1}" for n in range(DEVICES + 1)])
    names = pa.array([f"dev-{n:05x}" for n in range(DEVICES + 1)])
    targets = pa.array([f"198.{18 + n // 65536}.{n // 256 % 256}.{n % 256}" for n in range(200_001)])
    size, back = (np.minimum(random.lognormal(mean, 2, rows), 1e9).astype(np.int64) for mean in (7, 8))
    services = pa.array(["tls", "dns", "http", "smb", "ntp", "ssh", "rdp", "http"])
    order = np.array([443, 53, 80, 445, 123, 22, 3389, 8080])
    place = np.argsort(order)[np.searchsorted(np.sort(order), ports)]
    heads = np.zeros(rows, HEAD)
    heads["src_lo"] = V4 | 0x0A140000 + (device // 200 << 8) + device % 200 + 1
    heads["dst_lo"] = V4 | 0xC6120000 + other
    heads["sport"], heads["dport"] = random.integers(1024, 65535, rows), ports
    heads["proto"] = np.where(np.isin(ports, [53, 123]), 17, 6)
    destinations = targets.take(pa.array(other))
    if hour % 97 == 0:
        destinations = pa.concat_arrays([pa.array([RARE]), destinations[1:]])
    columns = {
        "ts": pa.array(ts, pa.timestamp("us")),
        "uid": pa.array(np.arange(rows) + hour * 1_000_000, pa.int64()),
        "sensor": pa.array(["office"]).take(pa.array(np.zeros(rows, np.int32))),
        "src_ip": sources.take(pa.array(device)),
        "src_port": pa.array(heads["sport"].astype(np.int64)),
        "src_device": names.take(pa.array(device)),
        "dst_ip": destinations,
        "dst_port": pa.array(ports),
        "proto": pa.array(["tcp", "udp"]).take(pa.array(np.isin(ports, [53, 123]).astype(np.int32))),
        "service": services.take(pa.array(place)),
        "direction": pa.array(["outbound"]).take(pa.array(np.zeros(rows, np.int32))),
        "duration": pa.array(np.round(random.exponential(8, rows), 3)),
        "state": pa.array(["SF", "S0", "REJ"]).take(pa.array(random.choice(3, rows, p=[0.9, 0.07, 0.03]))),
        "history": pa.array(["ShADadFf", "Dd"]).take(pa.array(np.isin(ports, [53, 123]).astype(np.int32))),
        "src_bytes": pa.array(size),
        "dst_bytes": pa.array(back),
        "src_packets": pa.array(size // 900 + 1),
        "dst_packets": pa.array(back // 1200 + 1),
        "src_payload": pa.array(size),
        "dst_payload": pa.array(back),
        "missed_bytes": pa.array(np.zeros(rows, np.int64)),
        "community_hash": hashes(heads),
        "end_reason": pa.array(["finished"]).take(pa.array(np.zeros(rows, np.int32))),
    }
    return filled(CONN, columns, rows)


class Written(NamedTuple):
    """CPU seconds to write the files, and to merge those of a day (None: they were written as such); the number of
    files, rows and bytes.
    """

    seconds: float
    compaction: float | None
    files: int
    rows: int
    bytes: int


def write(folder: Path, rows: int) -> Written:
    """Write a month of so many connections."""
    random, spent = np.random.default_rng(7), 0.0
    writer = Writer(folder, print, durable=False)
    try:
        for hour in range(HOURS):
            table = made(rows // HOURS, hour, random)
            begun = time.process_time()
            one = ProcessedRows({}, {})
            one.add("conn", START_HOUR + hour, table)
            writer.save(one)
            spent += time.process_time() - begun
        begun = time.process_time()
        upkeep = Upkeep(writer, None, 1_000)
        upkeep.compact(final=True)
        compaction = time.process_time() - begun
        upkeep.delete(0.0)
        files = writer.manifest.files()
        sums = (sum(file.rows for file in files), sum(file.size for file in files))
        return Written(spent, compaction, len(files), *sums)
    finally:
        writer.close()


def write_merged(folder: Path, rows: int) -> Written:
    """Write the same files as ``write`` leaves, without those of single hours."""
    random, each = np.random.default_rng(7), rows // HOURS
    pool = [made(each, hour, random) for hour in range(1, 25)]
    hours = max(1, DAY.rows // each)
    writer = Writer(folder, print, durable=False)
    begun = time.process_time()
    try:
        for day in range(0, HOURS, 24):
            for at in range(day, day + 24, hours):
                some = (moved(pool[hour % 24], hour) for hour in range(at, min(at + hours, day + 24)))
                with writer.manifest.transaction():
                    writer.manifest.add(writer.file("conn", START_HOUR + at, some, compact=OF_DAY))
        files = writer.manifest.files()
        seconds = time.process_time() - begun
        return Written(seconds, None, len(files), sum(file.rows for file in files), sum(file.size for file in files))
    finally:
        writer.close()


def moved(table: pa.Table, hour: int) -> pa.Table:
    """The connections of an hour at another one; some hours have one with the rare address."""
    us = np.asarray(table["ts"].cast(pa.int64())) % HOUR_US + (START_HOUR + hour) * HOUR_US
    uids = np.asarray(table["uid"]) % 1_000_000 + hour * 1_000_000
    for name, cells in (("ts", pa.array(us, pa.timestamp("us"))), ("uid", pa.array(uids))):
        table = table.set_column(table.schema.get_field_index(name), name, cells)
    if hour % 97 == 0:
        table = first_replaced(table, "dst_ip", RARE)
        text = community_of(table.slice(0, 1).to_pylist()[0])
        table = first_replaced(table, "community_hash", prefix_of(text or ""))
    return table


def first_replaced(table: pa.Table, name: str, value: object) -> pa.Table:
    """The table with another value in the first row of a column."""
    column = decoded(table[name].combine_chunks())
    changed = pa.concat_arrays([pa.array([value], column.type), column[1:]])
    place = table.schema.get_field_index(name)
    return table.set_column(place, name, changed.cast(table.schema.field(place).type))


class Spent(NamedTuple):
    """Seconds to the answer, CPU seconds of the process that answers (independent of other load), and its MiB."""

    seconds: float
    cpu: float
    mib: int


def _spent(begun: float, pid: int) -> Spent:
    """The cost since ``begun``, a time of ``time.monotonic``."""
    seconds = time.monotonic() - begun
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return Spent(seconds, sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"), _peak_mib(pid))


def _peak_mib(pid: int) -> int:
    """The peak memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) >> 10
    return 0


def searched(folder: Path, text: str) -> tuple[list[Row], Spent]:
    """The rows of a rare value, and the cost to find them."""
    begun = time.monotonic()
    query = Query(folder)
    try:
        rows, _ = search(query, understood(text, query))
        return rows, _spent(begun, query.pid)
    finally:
        query.close()


def hunted(folder: Path) -> Iterator[tuple[str, Spent]]:
    """Each hunt with its cost."""
    for name in HUNTS:
        one = hunt(library()[name])
        query = Query(folder)
        try:
            begun = time.monotonic()
            query.run(one.sql)
            yield name, _spent(begun, query.pid)
        finally:
            query.close()


def grouped(folder: Path) -> Iterator[tuple[str, Spent]]:
    """Each grouping of top talkers with its cost."""
    for by in GROUPINGS:
        query = Query(folder)
        try:
            begun = time.monotonic()
            talkers(query, by, "bytes", limit=50)
            yield by, _spent(begun, query.pid)
        finally:
            query.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--rows", type=int, default=50_000_000, help="connections that are searched (default: 50 million)"
    )
    parser.add_argument(
        "--hunt-rows", type=int, default=5_000_000, help="connections that are hunted (default: 5 million)"
    )
    parser.add_argument(
        "--writer-rows", type=int, default=1_000_000, help="connections that are written (default: 1 million)"
    )
    parser.add_argument("--folder", type=Path, help="where the records are made (default: a temporary folder)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        written = cost(Path(folder) / "writer", args.writer_rows)
        print(f"writer, from the tail: {written.cpu_us:.2f} µs CPU, {written.size:.1f} bytes a connection", flush=True)
        for name, rows in (("search", args.rows), ("hunt", args.hunt_rows)):
            place = Path(folder) / name
            made = write_merged(place, rows) if name == "search" else write(place, rows)
            print(f"{made.rows / made.seconds:,.0f} rows a CPU second into files", flush=True)
            if made.compaction:
                print(f"{made.rows / made.compaction:,.0f} rows a CPU second into those of a day", flush=True)
            size = f"{made.bytes / made.rows:.1f} bytes a row"
            print(f"{made.rows:,} connections in {made.files} files: {size}", flush=True)
            if name == "search":
                text = RARE
                for what in ("address", "Community ID"):
                    for _ in range(3):
                        found, spent = searched(place, text)
                        print(f"search of one {what}: {_text(spent)}, {len(found)} rows", flush=True)
                    text = found[0]["community_id"]
            else:
                for hunt_name, spent in hunted(place):
                    print(f"hunt {hunt_name}: {_text(spent)}", flush=True)
                for by, spent in grouped(place):
                    print(f"top talkers by {by}: {_text(spent)}", flush=True)
    return 0


def _text(spent: Spent) -> str:
    return f"{spent.seconds:.2f} s, {spent.cpu:.2f} s CPU, {spent.mib} MiB"


if __name__ == "__main__":
    raise SystemExit(main())

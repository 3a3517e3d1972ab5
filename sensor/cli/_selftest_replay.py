"""The replay of ``sensor selftest`` with the installed program, and its expected results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, NamedTuple

from sensor.cli._show import part, tidy
from sensor.config_file import NONE
from sensor.doctor.finding import CheckResult, Finding, error, findings, ok

CAPTURE = "selftest.pcapng.zst"
TIMEOUT_S = 60
HELP = (
    "report it with the output of `sensor selftest --json` and `sensor version`; do not trust the "
    "results of this installation until then"
)
# Contents of the capture (pcaps/selftest.py): type by MAC, and the only expected alert.
DEVICES = {
    "00:17:c8:1a:2b:3c": ("printer", "Kyocera"),
    "ac:cc:8e:4f:71:0a": ("camera", "Axis"),
    "80:5e:c0:34:aa:10": ("voip_phone", "Yealink"),
}
ALERTS = ("discovery.port_scan",)
EPB = 6


class Replayed(NamedTuple):
    """Results. ``folder``: state, log and evidence; ``records``: of the log; ``invalid``: invalid lines."""

    folder: Path
    code: int
    output: str
    records: list[dict[str, Any]]
    invalid: list[str]


def replay(folder: Path) -> Iterator[Finding]:
    """Replay the capture in an empty folder, and check all results."""
    done = _replayed(folder)
    first = list(findings((capture,), "replay", done))
    yield from first
    if first[0].level == "ok":
        yield from findings(CHECKS, "replay", done)


def _replayed(folder: Path) -> Replayed:
    log = folder / "log.jsonl"
    arguments = [
        sys.executable,
        "-m",
        "sensor",
        "replay",
        "--config",
        str(NONE),
        "--events",
        str(log),
        "--state",
        str(folder / "state"),
        "--evidence",
        str(folder / "evidence"),
    ]
    with as_file(files("sensor.lifecycle") / CAPTURE) as path:
        try:
            done = subprocess.run(
                [*arguments, str(path)],
                cwd=folder,
                env={**os.environ, "SENSOR_STATE": str(folder)},
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Replayed(folder, -1, f"it took more than {TIMEOUT_S} s", [], [])
    records, invalid = [], []
    for line in log.read_bytes().splitlines() if log.is_file() else ():
        try:
            records.append(json.loads(line))
        except ValueError:
            invalid.append(line.decode(errors="replace"))
    return Replayed(folder, done.returncode, done.stderr, records, invalid)


def capture(done: Replayed) -> CheckResult:
    """The program reads the capture to its end."""
    if done.code:
        return error(
            (
                f"the replay ended with {done.code}: "
                f"{tidy(done.output.strip().splitlines()[-1] if done.output.strip() else 'without output')}"
            ),
            HELP,
        )
    summaries = [part(record, "capture") for record in done.records if record.get("action") == "summary"]
    if (
        not summaries
        or not summaries[-1].get("packets")
        or summaries[-1].get("malformed")
        or summaries[-1].get("faults")
    ):
        return error(f"the replay ended without a valid summary: {tidy(summaries[-1] if summaries else 'none')}", HELP)
    return ok(f"{summaries[-1]['packets']:,} packets were read", packets=summaries[-1]["packets"])


def devices(done: Replayed) -> CheckResult:
    """Each device is named for what it is, with its evidence."""
    found = {
        mac: record["device"]
        for record in done.records
        if record.get("kind") == "device"
        for mac in part(record, "device").get("macs") or ()
    }
    for mac, (kind, vendor) in DEVICES.items():
        device = found.get(mac, {})
        if device.get("type") != kind or device.get("vendor") != vendor:
            return error(
                (
                    f"{mac} is {tidy(device.get('type')) or 'unknown'} by {tidy(device.get('vendor')) or 'unknown'}, "
                    f"expected {kind} by {vendor}"
                ),
                HELP,
            )
    evident = {tidy(part(record, "device").get("id")) for record in done.records if record.get("evidence")}
    if any(found[mac]["id"] not in evident for mac in DEVICES):
        return error("a device was identified without evidence", HELP)
    return ok(
        f"{', '.join(f'{kind} by {vendor}' for kind, vendor in DEVICES.values())}: each identified with its evidence"
    )


def alerts(done: Replayed) -> CheckResult:
    """The attacks in the capture raise alerts, and nothing else does."""
    raised = sorted(
        {
            tidy(part(record, "alert").get("detector"))
            for record in _opened(done)
            if record.get("severity") in {"medium", "high", "critical"}
        }
    )
    if raised != sorted(ALERTS):
        return error(f"alerts: {', '.join(raised) or 'none'}; expected {', '.join(ALERTS)}", HELP)
    return ok(f"{', '.join(raised)}: raised")


def evidence(done: Replayed) -> CheckResult:
    """The packets behind the alert are kept as a capture file."""
    for record in _opened(done):
        if tidy(part(record, "alert").get("detector")) in ALERTS:
            path = done.folder / tidy(part(record, "packets").get("file"))
            frames = part(record, "packets").get("frames", 0)
            held = _frames(path.read_bytes()) if path.is_file() else 0
            if not frames or held < frames:
                return error(f"{tidy(path.name) or 'no file'} contains {held:,} packets, expected {frames:,}", HELP)
            return ok(f"{held:,} packets of the alert are in {tidy(path.name)}", frames=held)
    return error("no alert has packets", HELP)


def _frames(data: bytes) -> int:
    """Enhanced packet blocks of a pcapng file (draft-ietf-opsawg-pcapng, 4.3)."""
    count = at = 0
    while at + 12 <= len(data) and (size := int.from_bytes(data[at + 4 : at + 8], "little")) >= 12:
        count += int.from_bytes(data[at : at + 4], "little") == EPB
        at += size
    return count


def log(done: Replayed) -> CheckResult:
    """Every line is a record, numbered without a gap, with a unique id."""
    if done.invalid:
        return error(f"{len(done.invalid):,} lines of the log are not records: {tidy(done.invalid[0], 80)}", HELP)
    numbers = [part(record, "sensor").get("seq") for record in done.records]
    if numbers != list(range(1, len(numbers) + 1)):
        return error("the numbers of the records have gaps", HELP)
    if len({record.get("id") for record in done.records}) != len(numbers):
        return error("two records have the same id", HELP)
    return ok(f"{len(numbers):,} records, numbered without a gap", records=len(numbers))


def inventory(done: Replayed) -> CheckResult:
    """The inventory on disk holds the same devices."""
    from sensor.inventory.store.database import StoreError
    from sensor.views.stored_inventory import inventory_of

    try:
        reader, stored = inventory_of(done.folder / "state")
        reader.close()
        kept = {mac for record in stored.devices.values() for mac in record["device"].get("macs") or ()}
    except StoreError as invalid:
        return error(f"the inventory cannot be read: {invalid}", HELP)
    if missing := sorted(DEVICES.keys() - kept):
        return error(f"the inventory lacks {', '.join(missing)}", HELP)
    return ok(f"{len(kept):,} devices are in the inventory", devices=len(kept))


def formats(done: Replayed) -> CheckResult:
    """Every format has words for what was found, each on one line."""
    from sensor.outputs.formats import FORMATS

    records = [record for record in done.records if record.get("kind") in {"device", "alert"}]
    for name, encode in FORMATS.items():
        lines = [line for record in records if (line := encode(record)) is not None]
        if not lines or any(b"\n" in line for line in lines):
            return error(
                (f"the format {name} has {'a line break within a line' if lines else 'no output for an observation'}"),
                HELP,
            )
    return ok(f"{len(FORMATS)} formats: {', '.join(FORMATS)}")


def _opened(done: Replayed) -> list[dict[str, Any]]:
    return [record for record in done.records if record.get("kind") == "alert" and record.get("action") == "open"]


CHECKS = (devices, alerts, evidence, log, inventory, formats)

"""First checks of ``sensor selftest``: the components of the program, and the machine."""

from __future__ import annotations

import importlib
import importlib.machinery
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import sensor
from sensor.doctor.finding import CheckResult, Finding, error, findings, ok

REINSTALL = "reinstall the sensor: the installation is incomplete"
# Version with the JSON functions that the views of the inventory use (sqlite.org/releaselog/3_38_0.html).
SQLITE = (3, 38, 0)
KYOCERA = 0x0017C8_000001
# 2026-11-24 09:14:07 UTC, ns.
MOMENT, MOMENT_TEXT = 1_795_511_647_000_000_000, "2026-11-24T09:14:07.000000Z"


def kernels() -> CheckResult:
    """Every compiled module that is there can be loaded."""
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    top = Path(str(sensor.__file__)).parent
    found = sorted(
        path.relative_to(top.parent).as_posix().removesuffix(suffix).replace("/", ".")
        for path in top.rglob(f"*{suffix}")
    )
    if not found:
        return error(
            f"no compiled module (*{suffix}) in {top}: it was built for another Python, or is missing", REINSTALL
        )
    for name in found:
        try:
            importlib.import_module(name)
        except ImportError as invalid:
            return error(f"{name} cannot be loaded: {invalid}", REINSTALL)
    return ok(f"{len(found)} compiled modules can be loaded", kernels=len(found))


def mac_registry() -> CheckResult:
    """The vendors of MACs are known."""
    from sensor.fingerprinting.oui import Oui

    name = Oui().organisation(KYOCERA)
    if "kyocera" not in name.lower():
        return error(
            f"00:17:c8 is {name or 'unknown'}, expected Kyocera",
            "reinstall netaddr, which contains the registry of MAC prefixes",
        )
    return ok(f"00:17:c8 is {name}")


def sqlite() -> CheckResult:
    """The database can do what the inventory asks of it."""
    if sqlite3.sqlite_version_info < SQLITE:
        return error(
            f"SQLite {sqlite3.sqlite_version}, expected {'.'.join(map(str, SQLITE))} or newer",
            "update the system's SQLite, or use another Python",
        )
    return ok(f"SQLite {sqlite3.sqlite_version}")


def zstd() -> CheckResult:
    """What is packed is unpacked."""
    import zstandard

    data = bytes(range(256)) * 64
    if zstandard.decompress(zstandard.compress(data)) != data:
        return error("zstd does not restore compressed data", "reinstall zstandard")
    return ok(f"zstandard {zstandard.__version__}")


def time_zone() -> CheckResult:
    """Times are printed in UTC, whatever the time zone of the host."""
    from sensor.core.record_parts import time_text

    printed = time_text(MOMENT)
    if printed != MOMENT_TEXT:
        return error(f"a time is formatted as {printed}, expected {MOMENT_TEXT}", "unset TZ, and check /etc/localtime")
    return ok(f"times are formatted in UTC; the time zone of this host is {time.strftime('%Z (%z)')}")


def configuration() -> CheckResult:
    """The configuration of this machine can be read."""
    from sensor.config import load_config, usual
    from sensor.documents import DocumentErrors

    path = usual(None)
    try:
        load_config(path)
    except DocumentErrors as errors:
        return error(f"{errors.faults[0]}", f"sensor config check {path}   lists all faults")
    return ok(f"{path} is valid" if path is not None else "none, and none is required")


PARTS = (kernels, mac_registry, sqlite, zstd, time_zone, configuration)


def machine_findings(state: Path | None) -> Iterator[Finding]:
    """Parts, then the folder of the state: that it can be written, and has room."""
    from sensor.config import load_config, usual
    from sensor.doctor import machine, machine_checks
    from sensor.documents import DocumentErrors
    from sensor.eventlog.paths import state_folder

    yield from findings(PARTS, "program")
    if state is None:
        try:
            state = load_config(usual(None)).state
        except DocumentErrors:
            state = None
    folder = state or state_folder()
    yield from findings(machine_checks.FOLDER, str(folder), machine.folder(folder))

"""Capture on interfaces, in the foreground, until Ctrl-C.

Needs the capability CAP_NET_RAW, and drops it once the interfaces are open. New devices and alerts are printed; everything goes to the
event log. Nothing is created before the interfaces are open: a run without permission leaves no files. A missing interface is
rejected, unless --wait is given. SIGHUP applies a changed configuration, except interfaces and sizes of tables; SIGTERM and
Ctrl-C shut down cleanly, a second one exits immediately. A service manager is notified (sd_notify).

exit codes: 0 stopped, 2 usage or configuration error, 3 an interface or file cannot be opened, 4 no permission
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._codes import NOT_OPENED, NOT_PERMITTED, USAGE, Exit
from sensor.cli._setup import (
    add_engine_arguments,
    complain,
    complain_of_faults,
    hunt_folders,
    keeper,
    lists_folder,
    log_failed,
    log_of,
    mutes_file,
    profiles_folder,
    records_of,
    rule_folders,
    settings,
)
from sensor.core.phrases import counted

if TYPE_CHECKING:
    from sensor.capture.live import LiveSource
    from sensor.config import Config
    from sensor.core.record import Record
    from sensor.eventlog.live_log import LiveLog
    from sensor.eventlog.writer import EventLog
    from sensor.runtime.daemon import Run
    from sensor.runtime.keeper import Keeper
    from sensor.runtime.reload import Settings
    from sensor.telemetry.telemetry import Telemetry

EXAMPLES = """\
  sensor run -i eth0
  sensor run -i eth0 -i eth1 --filter 'not port 22' --intel blocklist.txt
  sensor run -i mirror0 --events /var/log/sensor/events.jsonl
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    several = "interface to capture on; may be repeated (default: those of the configuration)"
    parser.add_argument("-i", "--interface", metavar="NAME", action="append", default=[], help=several)
    parser.add_argument("--wait", action="store_true", help="wait for a missing interface instead of rejecting it")
    parser.add_argument("--filter", metavar="BPF", help="only matching packets, in pcap filter syntax (tcpdump)")
    add_engine_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Capture; 0 when stopped."""
    from sensor.runtime.process import one_heap

    one_heap()
    config = settings(args)
    if config is None:
        return USAGE
    from sensor.datasets.live import live_log
    from sensor.eventlog.paths import state_folder

    folder: Path = args.state or config.state or state_folder()
    path = log_of(args.events) if args.events else config.events or live_log(folder)
    with contextlib.ExitStack() as within:
        ready = _Ready(args, config, folder, path, within)
        source = _source(args, config, ready.open)
        if isinstance(source, int):
            ready.abandon()
            return source
        return _listen(args, config, source, ready)


class _Ready:
    """Output files of a run. They are opened after the interfaces, before privileges are dropped: a run that cannot
    capture leaves nothing behind.
    """

    def __init__(
        self, args: argparse.Namespace, config: Config, folder: Path, path: Path | None, within: contextlib.ExitStack
    ) -> None:
        self.folder, self.path, self._args, self._config, self._within = folder, path, args, config, within
        self.log: EventLog | LiveLog | None = None
        self.keeper: Keeper | None = None

    def open(self) -> None:
        """Open log and inventory. Raises Exit if one of them cannot be written."""
        named = self._args.state or self._config.state
        self._enter()
        self.log = _log(self.path, self._config)
        self.keeper = keeper(self.folder, live=True)
        if self.keeper is None and named is not None:
            raise Exit(NOT_OPENED)
        if self.keeper is None:
            complain("continuing without an inventory (--state selects another folder)", error="inventory.missing")

    def _enter(self) -> None:
        """Mark the folder as that of a live sensor; new files are private from here on."""
        from sensor.datasets.begin import begin_live, set_aside
        from sensor.datasets.migrate import migrate
        from sensor.datasets.private import private

        try:
            self._within.enter_context(private(self.folder))
            folders = dict.fromkeys((self.folder, *([self.path.parent] if self.path is not None else [])))
            for done in filter(None, (migrate(self.folder), *map(set_aside, folders))):
                complain(done, "info")
            begin_live(self.folder, self.path, self._evidence)
        except OSError as error:
            complain(
                f"cannot write the dataset description in {self.folder}: {error.strerror}", error="file.not-written"
            )

    @property
    def _evidence(self) -> Path | None:
        return self._args.evidence or self._config.evidence.folder

    def abandon(self) -> None:
        """Close what is open."""
        if self.keeper is not None:
            self.keeper.abandon()
        if self.log is not None:
            self.log.close()


def _listen(args: argparse.Namespace, config: Config, source: LiveSource, ready: _Ready) -> int:
    """Run until stopped; returns the exit code."""
    from sensor.cli._fleet_watch import FleetWatch
    from sensor.cli._signals import Signals
    from sensor.datasets.reload_request import Requests
    from sensor.documents import DocumentErrors
    from sensor.runtime.daemon import Run

    folder, log, keeping, fleet = ready.folder, ready.log, ready.keeper, FleetWatch(args.config)
    if log is None:
        raise AssertionError("opened with the interfaces")
    at, listener = _settings(args, folder, config), _print_record if log.path is not None else None
    requests = Requests(folder)
    try:
        with Signals(source.stop) as signals, closing(_telemetry(config, folder)) as telemetry:
            run = Run(
                config, source, log, intel=args.intel, live=True, listener=listener, keeper=keeping, mutes=at.mutes, evidence=at.evidence,
                lists=lists_folder(folder), rules=at.rules, profiles=at.profiles, read=partial(_settings, args, folder),
                requested=lambda: signals.requested() | requests.requested() | fleet.changed(),
                telemetry=telemetry, records=records_of(log), hunts=hunt_folders(args, folder),
            )  # fmt: skip
            _print_start(args, config, source, log, folder if keeping is not None else None)
            run.run()
            _close(log, run.left_s)
            _print_end(run, log)
    except DocumentErrors as errors:
        if keeping is not None:
            keeping.abandon()
        complain_of_faults(errors.faults)
        return USAGE
    except OSError as error:
        return log_failed(error, log.path)
    finally:
        source.close()
    return 0


def _print_start(
    args: argparse.Namespace, config: Config, source: LiveSource, log: EventLog | LiveLog, inventory: Path | None
) -> None:
    """Print the interfaces and the output files."""
    wanted = config.capture.filter if args.filter is None else args.filter
    filtered = f", filter {wanted!r}" if wanted else ""
    kept = f"inventory in {inventory}" if inventory is not None else "no inventory"
    complain(f"capturing on {source.name}{filtered}; event log {log.path or 'on standard output'}, {kept}", "info")


def _print_end(run: Run, log: EventLog | LiveLog) -> None:
    """Print the figures of the run."""
    tally, pipeline = run.source.tally, run.pipeline
    found = (
        f"{counted(pipeline.inventory.table.devices, 'device')} known, "
        f"{counted(len(pipeline.alert_processor.aggregator), 'alert')} open"
    )
    complain(
        f"stopped: {counted(tally.packets, 'packet')}, {tally.lost:,} lost; {found}; "
        f"{counted(log.written, 'event')} in {log.path or 'standard output'}",
        "info",
    )


def _close(log: EventLog | LiveLog, seconds: float) -> None:
    """Close the log; within a time limit if a thread writes it. Raises OSError."""
    from sensor.eventlog.live_log import LiveLog

    if isinstance(log, LiveLog):
        log.close(seconds)
    else:
        log.close()


def _settings(args: argparse.Namespace, folder: Path, config: Config | None = None) -> Settings:
    """The configuration, loaded if none is given, and derived settings. Raises DocumentErrors."""
    from sensor.config import load_config
    from sensor.logs.logs import configure
    from sensor.runtime.reload import Settings

    if config is None:
        config = load_config(args.config)
        configure(args.log_format or config.logging.format, config.logging.level)
    evidence = (
        (args.evidence or config.evidence.folder or folder / "evidence") if config.evidence.enabled else args.evidence
    )
    return Settings(
        config, mutes_file(args, config, folder), evidence, rule_folders(args, folder), profiles_folder(folder)
    )


def _telemetry(config: Config, folder: Path) -> Telemetry:
    """Serves status and metrics. If that fails it is reported, and the sensor continues without."""
    from sensor.telemetry.listen import parse_listen, usual_socket
    from sensor.telemetry.telemetry import Telemetry

    wanted = config.telemetry
    telemetry = Telemetry(wanted.socket or usual_socket(folder), parse_listen(wanted.listen) if wanted.listen else None)
    for line in telemetry.unavailable:
        complain(line, error="sensor.no-telemetry")
    return telemetry


def _log(path: Path | None, config: Config) -> EventLog | LiveLog:
    """The log, after a report of the damage that an earlier run left. Raises Exit if it cannot be written."""
    try:
        log = _opened(path, config)
    except OSError as error:
        code = NOT_PERMITTED if isinstance(error, PermissionError) else NOT_OPENED
        raise Exit(code, f"cannot write the event log {path}: {error.strerror}", error="file.not-written") from None
    if log.torn:
        complain(f"{path}: an incomplete last line was removed ({log.torn:,} bytes)", error="log.damaged")
    for damage in log.damages:
        complain(f"{path}: damaged: {damage}", error="log.damaged")
    return log


def _opened(path: Path | None, config: Config) -> EventLog | LiveLog:
    """Segments as configured; standard output, a pipe or a device unchanged. Raises OSError if it cannot be written."""
    from sensor.eventlog.live_log import LiveLog
    from sensor.eventlog.writer import EventLog

    if path is None or (path.exists() and not path.is_file()):
        return EventLog(path, clock=time.time)
    needed = [name for name, options in config.outputs.items() if options.delivers]
    return LiveLog(path, config.retention, outputs=needed, clock=time.time, complain=_complain)


def _complain(line: str) -> None:
    from sensor.logs.logs import log

    log().error(line)


def _source(args: argparse.Namespace, config: Config, opened: Callable[[], None]) -> LiveSource | int:
    """Open the interfaces. The command line has precedence over the configuration. An exit code after an error if that
    fails.
    """
    from sensor.capture.live import open_live
    from sensor.capture.source import CaptureError, InvalidArguments, NotPermitted

    capture = config.capture
    names = args.interface or capture.interfaces
    if not args.wait and (fault := _missing(names)):
        complain(fault, error="capture.no-interface")
        return NOT_OPENED
    try:
        return open_live(
            names,
            bpf=capture.filter if args.filter is None else args.filter,
            promiscuous=capture.promiscuous,
            fanout=capture.rings,
            ring_mib=capture.ring_mib,
            memory_mib=config.memory_mib,
            snaplen=capture.snaplen,
            user=capture.user,
            opened=opened,
        )
    except CaptureError as error:
        complain(str(error), error=error.code)
        return (
            USAGE
            if isinstance(error, InvalidArguments)
            else NOT_PERMITTED
            if isinstance(error, NotPermitted)
            else NOT_OPENED
        )


def _missing(names: Sequence[str]) -> str:
    """Why one of the interfaces cannot be used now: it does not exist. Empty if all exist, or a name is invalid, which
    is reported elsewhere.
    """
    from sensor.capture.interfaces import list_interfaces, valid_name
    from sensor.documents import nearest

    there = [one.name for one in list_interfaces()]
    for name in names:
        if name not in there and valid_name(name):
            return f"no interface {name!r} (--wait waits until it appears), {nearest(name, there)}"
    return ""


def _print_record(record: Record) -> None:
    """Print one line of text."""
    if record.kind in ("device", "alert") and record.action != "update":
        print(f"{record.ts[11:19]}Z {record.severity:8} {record.msg}", flush=True)

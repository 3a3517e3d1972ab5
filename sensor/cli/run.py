"""Listen on interfaces, in the foreground, until Ctrl-C.

Needs the capability CAP_NET_RAW, and gives it up once the interfaces are open. New devices and alerts are told on the terminal; everything goes to
the event log. SIGHUP takes up a changed configuration, all of it but what is opened or sized at the start; SIGTERM and Ctrl-C end in good order, a second
one at once. A service manager is told how it goes (sd_notify).

exit codes: 0 stopped, 2 wrong usage or configuration, 3 an interface or a file could not be opened, 4 no permission
"""

from __future__ import annotations

import argparse
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._setup import (
    add_engine_arguments,
    complain,
    complain_of_faults,
    keeper,
    lists_folder,
    log_failed,
    mutes_file,
    profiles_folder,
    rule_folders,
    settings,
)

if TYPE_CHECKING:
    from sensor.capture.live import LiveSource
    from sensor.config import Config
    from sensor.core.record import Record
    from sensor.eventlog.live_log import LiveLog
    from sensor.eventlog.writer import EventLog
    from sensor.runtime.keeper import Keeper
    from sensor.runtime.reload import Settings
    from sensor.telemetry.telemetry import Telemetry

EXAMPLES = """\
  sensor run -i eth0
  sensor run -i eth0 -i eth1 --filter 'not port 22' --intel blocklist.txt
  sensor run -i mirror0 --events /var/log/sensor/events.jsonl
"""
USAGE, NOT_OPENED, NOT_PERMITTED = 2, 3, 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    several = "interface to listen on; may be given often (default: those of the configuration)"
    parser.add_argument("-i", "--interface", metavar="NAME", action="append", default=[], help=several)
    parser.add_argument("--filter", metavar="BPF", help="only packets that match, in the language of tcpdump")
    add_engine_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Listen; 0 when stopped."""
    from sensor.runtime.process import one_heap

    one_heap()
    config = settings(args)
    if config is None:
        return USAGE
    from sensor.eventlog.paths import RUN_LOG, state_folder

    path = None if args.events == "-" else Path(args.events) if args.events else config.events or state_folder() / RUN_LOG
    log = _log(path, config)
    if isinstance(log, int):
        return log
    # Opened before privileges are given up, as the log is.
    named = args.state or config.state
    keeping = keeper(named or state_folder())
    if keeping is None and named is None:
        complain("going on without one (--state names another folder)")
    source = _source(args, config) if keeping is not None or named is None else NOT_OPENED
    if isinstance(source, int):
        if keeping is not None:
            keeping.abandon()
        log.close()
        return source
    return _listen(args, config, source, log, keeping, named or state_folder())


def _listen(args: argparse.Namespace, config: Config, source: LiveSource, log: EventLog | LiveLog, keeping: Keeper | None, folder: Path) -> int:
    """From the first packet to the last word; the exit code."""
    from sensor.cli._signals import Signals
    from sensor.documents import DocumentErrors
    from sensor.runtime.daemon import Run

    at, listener = _settings(args, folder, config), _tell if log.path is not None else None
    try:
        with Signals(source.stop) as signals, closing(_telemetry(config, folder)) as telemetry:
            run = Run(
                config, source, log, intel=args.intel, live=True, listener=listener, keeper=keeping, mutes=at.mutes, evidence=at.evidence,
                lists=lists_folder(folder), rules=at.rules, profiles=at.profiles, read=partial(_settings, args, folder), asked=signals.asked,
                telemetry=telemetry,
            )  # fmt: skip
            run.run()
            _close(log, run.left_s)
    except DocumentErrors as errors:
        if keeping is not None:
            keeping.abandon()
        complain_of_faults(errors)
        return USAGE
    except OSError as error:
        return log_failed(error, log.path)
    finally:
        source.close()
    return 0


def _close(log: EventLog | LiveLog, seconds: float) -> None:
    """Within so many seconds, where a thread writes it. OSError."""
    from sensor.eventlog.live_log import LiveLog

    if isinstance(log, LiveLog):
        log.close(seconds)
    else:
        log.close()


def _settings(args: argparse.Namespace, folder: Path, config: Config | None = None) -> Settings:
    """The configuration, read again where none is given, and what goes with it. DocumentErrors."""
    from sensor.config import load_config
    from sensor.logs.logs import configure
    from sensor.runtime.reload import Settings

    if config is None:
        config = load_config(args.config)
        configure(args.log_format or config.logging.format, config.logging.level)
    evidence = (args.evidence or config.evidence.folder or folder / "evidence") if config.evidence.enabled else args.evidence
    return Settings(config, mutes_file(args, config, folder), evidence, rule_folders(args, folder), profiles_folder(folder))


def _telemetry(config: Config, folder: Path) -> Telemetry:
    """Serves status and metrics. Where that cannot be it is said, and the sensor goes on without."""
    from sensor.telemetry.listen import parse_listen, usual_socket
    from sensor.telemetry.telemetry import Telemetry

    wanted = config.telemetry
    telemetry = Telemetry(wanted.socket or usual_socket(folder), parse_listen(wanted.listen) if wanted.listen else None)
    for line in telemetry.told:
        complain(line)
    return telemetry


def _log(path: Path | None, config: Config) -> EventLog | LiveLog | int:
    """The log, after it was said what an earlier run left damaged; an exit code after it was said why it cannot be written."""
    try:
        log = _opened(path, config)
    except OSError as error:
        complain(f"cannot write the event log {path}: {error.strerror}")
        return NOT_PERMITTED if isinstance(error, PermissionError) else NOT_OPENED
    if log.torn:
        complain(f"{path}: the last line was torn and is cut off ({log.torn:,} bytes)")
    for damage in log.damages:
        complain(f"{path}: damaged: {damage}")
    return log


def _opened(path: Path | None, config: Config) -> EventLog | LiveLog:
    """Segments that are kept as the configuration says; standard output, a pipe or a device as it is. OSError where it cannot be written."""
    from sensor.eventlog.live_log import LiveLog
    from sensor.eventlog.writer import EventLog

    if path is None or (path.exists() and not path.is_file()):
        return EventLog(path, clock=time.time)
    needed = [name for name, options in config.outputs.items() if options.delivers]
    return LiveLog(path, config.retention, outputs=needed, clock=time.time, complain=_complain)


def _complain(line: str) -> None:
    from sensor.logs.logs import log

    log().error(line)


def _source(args: argparse.Namespace, config: Config) -> LiveSource | int:
    """Listen. What the command line names goes before the configuration. An exit code after it was said why that cannot be."""
    from sensor.capture.live import open_live
    from sensor.capture.source import CaptureError, NotPermitted, Senseless

    capture = config.capture
    try:
        return open_live(
            args.interface or capture.interfaces,
            bpf=capture.filter if args.filter is None else args.filter,
            promiscuous=capture.promiscuous,
            fanout=capture.rings,
            ring_mib=capture.ring_mib,
            memory_mib=config.memory_mib,
            snaplen=capture.snaplen,
            user=capture.user,
        )
    except CaptureError as error:
        complain(str(error))
        return USAGE if isinstance(error, Senseless) else NOT_PERMITTED if isinstance(error, NotPermitted) else NOT_OPENED


def _tell(record: Record) -> None:
    """One line for people."""
    if record.kind in ("device", "alert") and record.action != "update":
        print(f"{record.ts[11:19]} {record.severity:8} {record.msg}", flush=True)

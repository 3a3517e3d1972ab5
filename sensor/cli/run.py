"""Listen on interfaces, in the foreground, until Ctrl-C.

Needs the capability CAP_NET_RAW, and gives it up once the interfaces are open. New devices and alerts are told on the terminal; everything goes to
the event log.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._setup import add_engine_arguments, complain, settings

if TYPE_CHECKING:
    from sensor.core.record import Record

EXAMPLES = """\
  sensor run -i eth0
  sensor run -i eth0 -i eth1 --filter 'not port 22' --intel blocklist.txt
  sensor run -i mirror0 --events /var/log/sensor/events.jsonl
"""
USAGE, NOT_OPENED = 2, 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-i", "--interface", metavar="NAME", action="append", required=True, help="interface to listen on; may be given often")
    parser.add_argument("--filter", metavar="BPF", default="", help="only packets that match, in the language of tcpdump")
    add_engine_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Listen; 0 when stopped."""
    config = settings(args)
    if config is None:
        return USAGE
    from sensor.capture.live import open_live
    from sensor.capture.source import CaptureError
    from sensor.cli.replay import stopping
    from sensor.daemon import Run
    from sensor.documents import DocumentErrors
    from sensor.eventlog.paths import state_folder
    from sensor.eventlog.writer import EventLog

    path = None if args.events == "-" else Path(args.events) if args.events else state_folder() / "events.jsonl"
    capture = config.capture
    try:
        log = EventLog(path, clock=time.time)
        source = open_live(args.interface, bpf=args.filter, promiscuous=capture.promiscuous, fanout=capture.rings, ring_mib=capture.ring_mib, user=capture.user)
    except CaptureError as error:
        complain(str(error))
        return NOT_OPENED
    except OSError as error:
        complain(f"cannot write the event log {path}: {error.strerror}")
        return NOT_OPENED
    try:
        run = Run(config, source, log, intel=args.intel, live=True, listener=_tell if path is not None else None)
        with stopping(source):
            run.run()
    except DocumentErrors as errors:
        print(errors, file=sys.stderr)
        return USAGE
    finally:
        source.close()
        log.close()
    return 0


def _tell(record: Record) -> None:
    """One line for people."""
    if record.kind in ("device", "alert") and record.action != "update":
        print(f"{record.ts[11:19]} {record.severity:8} {record.msg}", flush=True)

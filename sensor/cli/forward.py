"""Deliver the event log to the outputs of the configuration, until Ctrl-C.

A separate process beside `sensor run`: a slow or failed destination never affects capture, and one output never another. Each output has
its own durable cursor; rejected records are stored beside the log with the destination's answer. SIGHUP applies a changed
configuration; a second SIGTERM or Ctrl-C exits immediately. `sensor outputs` shows their status; a service manager is notified (sd_notify).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sensor.cli._outputs_setup import Configured, add_outputs_arguments, complain_of, configured, log_of
from sensor.cli._setup import add_log_argument, complain
from sensor.cli._signals import Signals
from sensor.core.phrases import counted

if TYPE_CHECKING:
    from sensor.delivery.forwarder import Forwarder
    from sensor.delivery.status import Status

EXAMPLES = """\
  sensor forward --config /etc/sensor/sensor.yaml
  sensor forward --config sensor.yaml --output siem --output chat
  sensor forward --config sensor.yaml --once --events replay.jsonl
"""
UNDELIVERED, USAGE, NOT_OPENED = 1, 2, 3
TICK_S = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_outputs_arguments(parser)
    parser.add_argument(
        "--output", metavar="NAME", dest="only", action="append", default=[], help="only this output; may be repeated"
    )
    parser.add_argument(
        "--once",
        action="store_true",
        help="deliver pending records and exit: 0 all delivered, 1 records pending or rejected",
    )
    add_log_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Deliver; 0 when stopped."""
    from sensor.delivery.forwarder import Forwarder
    from sensor.logs import logs

    logs.configure(args.log_format)
    found = configured(args)
    if found is None:
        return USAGE
    _configure_log(args, found)
    outputs = found.delivering(args.only)
    if outputs is None:
        return USAGE
    if not outputs:
        complain(
            "no outputs are configured: add a section `outputs:` to the configuration and select it with --config",
            error="output.none-configured",
        )
        return USAGE
    log = log_of(args, found)
    with Signals() as signals:
        forwarder = Forwarder(log, once=args.once)
        try:
            forwarder.take(outputs)
        except OSError as error:
            forwarder.end()
            complain_of(error, log)
            return NOT_OPENED
        complain(f"delivering {log} to {', '.join(outputs)}", "info")
        return _once(forwarder, signals) if args.once else _until_stopped(forwarder, args, signals)


def _configure_log(args: argparse.Namespace, found: Configured) -> None:
    from sensor.logs import logs

    logging = found.delivery.logging
    logs.configure(args.log_format or logging.format, logging.level)


def _once(forwarder: Forwarder, signals: Signals) -> int:
    import time

    before = {one.name: one for one in forwarder.statuses()}
    while not forwarder.over and not signals.stopped:
        forwarder.write_status()
        time.sleep(TICK_S / 4)
    statuses = forwarder.statuses()
    forwarder.end()
    failures = [text for one in statuses for text in _failures(one, before[one.name])]
    for text in failures:
        complain(text, error="output.failed")
    return UNDELIVERED if failures else 0


def _failures(one: Status, before: Status) -> Iterator[str]:
    """What an output has not delivered: of events, and of traffic records."""
    rows = one.records_pending, one.records_refused - before.records_refused, one.records_error
    for what, (pending, refused, error) in (
        ("", (one.pending, one.refused - before.refused, one.error)),
        ("traffic records: ", rows),
    ):
        if pending or refused:
            yield f"{one.name}: {what}{pending:,} pending, {refused:,} refused{f': {error}' if error else ''}"


def _until_stopped(forwarder: Forwarder, args: argparse.Namespace, signals: Signals) -> int:
    import time

    from sensor.cli._fleet_watch import FleetWatch
    from sensor.datasets.reload_request import Requests
    from sensor.logs import logs
    from sensor.runtime.notify import Notifier
    from sensor.runtime.process import serving

    notifier, fleet, requests = Notifier(), FleetWatch(args.config), Requests(forwarder.log.parent)
    with serving():
        notifier.ready(_status(forwarder))
        while not signals.stopped:
            if signals.requested() | fleet.changed() | requests.requested():
                notifier.reloading()
                _take_again(forwarder, args)
                notifier.ready()
            forwarder.write_status()
            notifier.status(lambda: _status(forwarder))
            if not forwarder.stuck:  # otherwise only a restart helps, which the watchdog triggers
                notifier.beat()
            logs.settle()
            time.sleep(TICK_S)
        notifier.stopping()
        forwarder.end()
    notifier.close()
    return 0


def _status(forwarder: Forwarder) -> str:
    """The state of the outputs on one line."""
    statuses = forwarder.statuses()
    delivered, pending = (sum(getattr(one, name) for one in statuses) for name in ("delivered", "pending"))
    total = f"{counted(len(statuses), 'output')}, {counted(delivered, 'record')} delivered, {pending:,} pending"
    return "; ".join(
        [
            total,
            *(
                f"{one.name} {one.state}: {one.failure}"
                for one in statuses
                if one.state in ("stalled", "waiting", "stopped") or one.failing_since
            ),
        ]
    )


def _take_again(forwarder: Forwarder, args: argparse.Namespace) -> None:
    """Apply the current configuration; if it is invalid, or has another log, nothing changes."""
    found = configured(args)
    outputs = found.delivering(args.only) if found is not None else None
    if outputs is None or found is None:
        complain("the new configuration is invalid; the previous one remains in use", error="config.not-reloaded")
        return
    if log_of(args, found) != forwarder.log:
        complain(
            "a different event log needs a restart; the previous configuration remains in use",
            error="config.not-reloaded",
        )
        return
    _configure_log(args, found)
    try:
        forwarder.take(outputs)
    except OSError as error:
        complain_of(error, forwarder.log)
    complain(f"delivering to {', '.join(forwarder.runners) or 'no output'}", "info")

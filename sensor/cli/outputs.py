"""Check, test and monitor outputs, and deliver events again.

actions:
  list                         show the configured outputs: type, destination, format, delivery guarantee
  check [NAME…]                check destinations without sending a record: name, port, TLS, login, permission
  test [NAME…]                 send one marked event and wait for the answer
  status [NAME…]               show delivered and pending records, errors, and the next retry
  replay NAME… --since TIME    deliver events again since a time; repeats keep their ids, so that receivers can drop them

Outputs are configured in the section `outputs:` of the configuration; `sensor forward` delivers.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from sensor.cli._actions import is_action
from sensor.cli._codes import NOT_OPENED, USAGE
from sensor.cli._outputs_setup import Configured, add_outputs_arguments, complain_of, configured, log_of
from sensor.cli._setup import complain
from sensor.cli._show import add_json_argument

if TYPE_CHECKING:
    from sensor.core.output import Options

EXAMPLES = """\
  sensor outputs list
  sensor outputs check siem --config sensor.yaml
  sensor outputs test siem
  sensor outputs status --json
  sensor outputs replay siem --since 2h
"""
ACTIONS = ("list", "check", "test", "status", "replay")
TROUBLE = 1

Outputs = dict[str, "Options"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operands", metavar="ACTION", nargs="*", help="an action with names of outputs (default: list)")
    parser.add_argument(
        "--since",
        metavar="TIME",
        default="",
        help="of replay: a span such as 2h or 7d, or a time such as 2026-11-24T09:00 (UTC)",
    )
    add_outputs_arguments(parser)
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the action; 1 if an output fails, 2 for an invalid command or configuration, 3 if a file cannot be read or
    written.
    """
    action, *names = args.operands or ["list"]
    if not is_action(action, ACTIONS):
        return USAGE
    found = configured(args)
    if found is None:
        return USAGE
    # Disabled outputs are listed, and can be checked by name.
    choose = found.delivering if action in ("status", "replay") else found.chosen
    outputs = choose(names or (sorted(found.delivery.outputs) if action == "list" else []))
    if outputs is None:
        return USAGE
    if not outputs:
        complain(
            "no outputs are configured: add a section `outputs:` to the configuration and select it with --config",
            error="output.none-configured",
        )
        return USAGE
    actions: dict[str, Callable[[argparse.Namespace, Configured, Outputs], int]] = {
        "list": _list, "check": _check, "test": _test, "status": _status, "replay": _replay,
    }  # fmt: skip
    return actions[action](args, found, outputs)


def _list(args: argparse.Namespace, _: Configured, outputs: Outputs) -> int:
    from sensor.cli._outputs_text import list_json, list_table

    if args.json:
        for line in list_json(outputs):
            print(line)
    else:
        print(list_table(outputs, sys.stdout))
    return 0


def _check(args: argparse.Namespace, _: Configured, outputs: Outputs) -> int:
    from sensor.cli._outputs_text import finding_json, finding_line
    from sensor.delivery.trial import checked

    failed = False
    for name, options in outputs.items():
        for finding in checked(name, options):
            print(finding_json(name, finding) if args.json else finding_line(name, finding, sys.stdout), flush=True)
            failed = failed or finding.level == "error"
    return TROUBLE if failed else 0


def _test(args: argparse.Namespace, found: Configured, outputs: Outputs) -> int:
    from sensor.cli._outputs_text import finding_json, finding_line
    from sensor.delivery.redaction import load_salt
    from sensor.delivery.trial import tested
    from sensor.eventlog.segments import cursors_of

    failed, us, log = False, found.delivery.sensor, log_of(args, found)
    for name, options in outputs.items():
        finding = tested(name, options, us.id, us.site, time.time_ns(), lambda: load_salt(cursors_of(log)))
        print(finding_json(name, finding) if args.json else finding_line(name, finding, sys.stdout), flush=True)
        failed = failed or finding.level == "error"
    return TROUBLE if failed else 0


def _status(args: argparse.Namespace, found: Configured, outputs: Outputs) -> int:
    from sensor.cli._outputs_text import status_json, status_table
    from sensor.delivery.report import reported

    try:
        statuses, now = reported(log_of(args, found), outputs), time.time()
    except OSError as error:
        complain(f"cannot read {error.filename}: {error.strerror}: the counts are unknown", error="file.not-read")
        return NOT_OPENED
    if args.json:
        for one in statuses:
            print(status_json(one))
    else:
        print(status_table(statuses, sys.stdout, now))
    return TROUBLE if any(one.stalled(now) or one.is_left for one in statuses) else 0


def _replay(args: argparse.Namespace, found: Configured, outputs: Outputs) -> int:
    from sensor.cli._times import moment_of
    from sensor.delivery.report import gone_back, number_before

    names = args.operands[1:]
    moment = moment_of(args.since, time.time())
    if not names or not moment:
        complain(
            "expected replay NAME… --since TIME, with a span such as 2h or 7d, or a time such as 2026-11-24T09:00",
            error="usage.missing-argument",
        )
        return USAGE
    log = log_of(args, found)
    try:
        before = number_before(log, moment)
        for name in outputs:
            again, running = gone_back(log, name, before)
            when = "within a second" if running else "once `sensor forward` runs"
            print(
                f"{name}: {again:,} records will be sent again {when}"
                if again
                else f"{name}: no records were delivered since then"
            )
    except OSError as error:
        complain_of(error, log)
        return NOT_OPENED
    return 0

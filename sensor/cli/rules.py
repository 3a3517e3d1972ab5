"""List, check, test and try custom rules.

Rules are YAML files in the folder rules beside the configuration and in the state folder; `run` and `replay` load all of them, as
detections with the id custom.NAME. An invalid rule is reported with file, line and column, and the others are loaded. PATH is a file of
rules or a folder of them.

actions:
  list                         show all rules
  check [PATH…]                show their faults
  test [PATH…]                 run the tests in them
  try PATH CAPTURE…            show the alerts they would raise on captures; nothing is written
  try PATH --backtest SPAN     show the alerts they would raise on traffic records of the last SPAN, such as 30d
  fields [KIND…]               show the kinds of events, flows and devices that rules match, or the fields of some
  import-sigma FILE…           convert Sigma rules for networks, on standard output (needs the extra sigma)
  example                      print an example file of rules
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._actions import is_action
from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE
from sensor.cli._setup import complain, complain_of_faults, rule_folders
from sensor.cli._show import add_json_argument, put, tidy
from sensor.cli._table import table
from sensor.core.phrases import counted

if TYPE_CHECKING:
    from sensor.documents import Fault
    from sensor.rules.load import Loaded

EXAMPLES = """\
  sensor rules example > /var/lib/sensor/rules/ours.yaml
  sensor rules check
  sensor rules test ours.yaml
  sensor rules try ours.yaml yesterday.pcapng
  sensor rules try ours.yaml --backtest 30d
  sensor rules fields dns.query flow.ended
  sensor rules import-sigma net_dns_susp.yml > /var/lib/sensor/rules/sigma.yaml
"""
ACTIONS = ("list", "check", "test", "try", "fields", "import-sigma", "example")
COLUMNS = ("rule", "severity", "events", "tests", "state", "title", "file")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operands", metavar="ACTION", nargs="*", help="an action with its arguments (default: list)")
    config_help = "configuration; the folder rules beside it is read too (default: the system's)"
    parser.add_argument("--config", metavar="FILE", type=Path, help=config_help)
    parser.add_argument(
        "--state", metavar="DIR", type=Path, help="folder of the sensor's state (default: the state folder)"
    )
    parser.add_argument(
        "--backtest",
        metavar="SPAN",
        default="",
        help="of try: evaluate rules on traffic records of the last SPAN, such as 30d",
    )
    parser.add_argument("--data", metavar="NAME", default="", help="of --backtest: dataset whose records are read")
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the action; 1 if a test fails or a rule is invalid, 2 for invalid arguments, 3 if a capture
    cannot be opened.
    """
    action, *args.operands = args.operands or ["list"]
    if not is_action(action, ACTIONS):
        return USAGE
    actions: dict[str, Callable[[argparse.Namespace], int]] = {
        "list": _list, "check": _check, "test": _test, "try": _try, "fields": _fields, "import-sigma": _import,
        "example": _example,
    }  # fmt: skip
    return actions[action](args)


def _loaded(args: argparse.Namespace) -> tuple[list[Loaded], list[Fault]]:
    """The rules in the given paths, otherwise in the folders that a sensor searches."""
    from sensor.config import usual
    from sensor.eventlog.paths import folder_to_read
    from sensor.rules.load import load_rules

    if args.operands:
        return load_rules(map(Path, args.operands))
    args.config = usual(args.config)
    return load_rules(rule_folders(args, args.state or folder_to_read()))


def _print_faults(faults: list[Fault]) -> int:
    complain_of_faults(faults)
    return NOT_FOUND if faults else 0


def _list(args: argparse.Namespace) -> int:
    from sensor.cli._rules_text import as_json

    rules, faults = _loaded(args)
    if args.json:
        for one in rules:
            print(as_json(one))
    elif rules:
        put(table(COLUMNS, [_row(one) for one in rules], sys.stdout))
    elif not faults:
        put("no rules: `sensor rules example` prints an example file")
    return _print_faults(faults)


def _row(one: Loaded) -> tuple[str, ...]:
    rule = one.rule
    watched = " → ".join(" | ".join(step.when) for step in rule.steps)
    state = "on" if rule.enabled else "off"
    return (
        f"custom.{rule.id}",
        rule.severity,
        watched,
        str(len(rule.tests)),
        state,
        tidy(rule.title),
        tidy(str(one.path)),
    )


def _check(args: argparse.Namespace) -> int:
    rules, faults = _loaded(args)
    put(f"{counted(len(rules), 'valid rule')}, {counted(len(faults), 'fault')}")
    for one in rules:
        if not one.rule.tests:
            complain(f"{one.path}: the rule {one.rule.id} has no tests", error="rule.no-tests")
    return _print_faults(faults)


def _test(args: argparse.Namespace) -> int:
    """Run every test of every rule with the rule's own detector."""
    from sensor.cli._rules_text import verdict
    from sensor.rules.trial import run_trial
    from sensor.rules.values import RuleError

    rules, faults = _loaded(args)
    ran = failed = 0
    for one in rules:
        for place in range(len(one.rule.tests)):
            ran += 1
            try:
                outcome = run_trial(one, place)
            except RuleError as error:
                faults.append(one.fault(error))
                continue
            if not outcome.good:
                failed += 1
                print(verdict(one, place, outcome), file=sys.stderr)
    put(f"{counted(ran, 'test')} of {counted(len(rules), 'rule')}, {failed:,} failed")
    return _print_faults(faults) or (NOT_FOUND if failed else 0)


def _try(args: argparse.Namespace) -> int:
    if args.backtest and args.operands:
        from sensor.cli._rules_backtest import backtest

        return backtest(args)
    if len(args.operands) < 2:
        complain(
            "expected try PATH CAPTURE…: rules, and captures to read, or --backtest SPAN",
            error="usage.missing-argument",
        )
        return USAGE
    from sensor.cli._rules_text import try_on
    from sensor.rules.load import load_rules

    rules, faults = load_rules([Path(args.operands[0])])
    if faults and not rules:
        return _print_faults(faults)
    return try_on(args, Path(args.operands[0]), args.operands[1:])


def _fields(args: argparse.Namespace) -> int:
    from sensor.cli._rules_text import fields_table, kinds_table
    from sensor.rules.fields import watched
    from sensor.rules.values import RuleError

    if not args.operands:
        put(kinds_table(sys.stdout))
        return 0
    try:
        put("\n\n".join(fields_table(argument, sys.stdout) for argument in args.operands if watched([argument])))
    except RuleError as error:
        complain(error.message, error="rule.unknown-event")
        return USAGE
    return 0


def _import(args: argparse.Namespace) -> int:
    """Rules that cannot be converted are reported and left out; 1 if none is left."""
    from sensor.rules.sigma import NotConvertible, imported

    if not args.operands:
        complain("expected import-sigma FILE…", error="usage.missing-argument")
        return USAGE
    found, ids = list[str](), set[str]()
    for argument in args.operands:
        try:
            text = Path(argument).read_text(encoding="utf-8", errors="replace")
            entries, refused = imported(Path(argument), text, ids)
        except OSError as error:
            complain(f"cannot read {argument}: {error.strerror}", error="file.not-read")
            return NOT_OPENED
        except NotConvertible as error:
            complain(f"{argument}: {error}", error="rule.not-converted")
            continue
        found += entries
        for line in refused:
            complain(f"{argument}: skipped: {tidy(line)}", error="rule.not-converted")
    if found:
        put("rules:\n" + "".join(found).rstrip())
    return 0 if found else NOT_FOUND


def _example(_: argparse.Namespace) -> int:
    from sensor.rules.example import EXAMPLE

    put(EXAMPLE.rstrip())
    return 0

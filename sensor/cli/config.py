"""Check, show and create configurations.

A configuration is a file sensor.yaml and, on top of it, the layers of a hub (`sensor sync`) and the files conf.d/*.yaml (or
.yml) beside it in name order: later ones override, mappings are merged key by key, lists are replaced, and paths are relative to the file that contains them. FILE may be such a folder too
(default: /etc/sensor/sensor.yaml).

actions:
  check [FILE]                 show all faults: unknown keys with the nearest key; missing secrets, certificates and hosts of outputs; threat lists,
                               fingerprints, rules and mutes that cannot be loaded; with --backtest SPAN, show which alerts of the dataset changed
                               thresholds of detectors would have silenced, compared with the configuration in use (--config)
  show [FILE]                  show the configuration as YAML, each value with file and line; --effective: presets and defaults too; --defaults: only them
  schema                       print its JSON Schema, for editors
  init [FILE]                  ask a few questions and write a configuration with all other keys commented out at their defaults

Secrets are shown as references. check runs with the permissions and environment of the calling user.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._actions import is_action
from sensor.cli._codes import USAGE
from sensor.cli._setup import complain, complain_of_faults, hunt_folders, lists_folder, mutes_file, rule_folders
from sensor.cli._show import add_json_argument, put
from sensor.config_file import texts_of
from sensor.core.phrases import counted

if TYPE_CHECKING:
    from sensor.cli._config_check import Check
    from sensor.config import Config

EXAMPLES = """\
  sensor config init
  sensor config init --yes sensor.yaml
  sensor config check
  sensor config check --offline /etc/sensor/sensor.yaml
  sensor config check changed.yaml --backtest 30d
  sensor config show --effective
  sensor config show --effective --json | jq -r 'select(.from != "default") | "\\(.from) \\(.key | join("."))"'
  sensor config schema > sensor.schema.json
"""
ACTIONS = ("check", "show", "schema", "init")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "operands", metavar="ACTION [FILE]", nargs="*", help="an action and a configuration (default: show)"
    )
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="the configuration, a file or a folder (default: the system's)"
    )
    parser.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        help="of check: folder of the sensor's state (default: state: of the configuration)",
    )
    parser.add_argument(
        "--backtest",
        metavar="SPAN",
        type=_span,
        help="of check: compare FILE with the configuration in use, on the alerts of the last SPAN, such as 30d",
    )
    parser.add_argument("--data", metavar="NAME", default="", help="of --backtest: dataset whose alerts are read")
    parser.add_argument("--offline", action="store_true", help="of check: do not resolve host names")
    parser.add_argument(
        "--fleet",
        metavar="DIR",
        type=Path,
        help="of check: with the layers of a hub in this folder, instead of those in use",
    )
    parser.add_argument("--effective", action="store_true", help="of show: include presets and defaults")
    parser.add_argument("--defaults", action="store_true", help="of show: only the defaults")
    parser.add_argument("--yes", action="store_true", help="of init: accept all defaults without questions")
    parser.add_argument("--force", action="store_true", help="of init: replace an existing file")
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the action; 2 for an invalid command or configuration, 3 if a file cannot be written."""
    action, *files = args.operands or ["show"]
    if not is_action(action, ACTIONS):
        return USAGE
    if args.backtest is not None:
        return _backtest(args, action, files)
    if len(files) + (args.config is not None) > 1:
        complain(
            f"expected {action} [FILE]: one file or folder; conf.d beside it is included",
            error="usage.unexpected-argument",
        )
        return USAGE
    if files:
        args.config = Path(files[0])
        args.texts = texts_of(args.config)
    actions: dict[str, Callable[[argparse.Namespace], int]] = {
        "check": _check,
        "show": _show,
        "schema": _schema,
        "init": _init,
    }
    return actions[action](args)


def _span(text: str) -> int:
    """A span in ns. Raises ArgumentTypeError."""
    from sensor.core.moments import span_of

    try:
        return span_of(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a span such as 24h, 7d or 30d") from None


def _backtest(args: argparse.Namespace, action: str, files: Sequence[str]) -> int:
    from sensor.cli._config_backtest import backtest

    if action != "check" or len(files) != 1:
        complain("expected check FILE --backtest SPAN: the changed configuration", error="usage.missing-argument")
        return USAGE
    return backtest(args, args.config, Path(files[0]))


def _check(args: argparse.Namespace) -> int:
    from sensor.documents import fleet_from

    if args.fleet is None:
        return _checked(args)
    with fleet_from(args.fleet):
        return _checked(args)


def _checked(args: argparse.Namespace) -> int:
    from sensor.config import load_config, usual
    from sensor.documents import DocumentErrors, layers

    path = usual(args.config)
    try:
        files = layers(path) if path is not None else []
        config = load_config(path, args.texts)
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        put(f"{counted(len(errors.faults), 'fault')}; referenced files were not checked")
        return USAGE
    # Rules are beside the file.
    args.config = files[0] if files else None
    found = _looked(args, path, config)
    warnings = [fault._replace(message=f"warning: {fault.message}") for fault in {*found.warnings} - {*found.faults}]
    complain_of_faults(sorted({*found.faults, *warnings}))
    looked = ", ".join(counted(count, what) for what, count in found.looked.items() if count)
    name = ", ".join(map(str, files)) or "no configuration: defaults"
    put(f"{name}: {counted(len(found.faults), 'fault') if found.faults else 'good'}{f' ({looked})' if looked else ''}")
    return USAGE if found.faults else 0


def _looked(args: argparse.Namespace, path: Path | None, config: Config) -> Check:
    from sensor.cli._config_check import Check
    from sensor.eventlog.paths import state_folder

    folder = args.state or config.state or state_folder()
    args.mutes = None
    found = Check(path, config, args.texts)
    found.capture()
    found.outputs(offline=args.offline)
    found.lists(lists_folder(folder))
    found.knowledge()
    found.rules(rule_folders(args, folder))
    found.hunts(hunt_folders(args, folder))
    for file in (mutes_file(args, config, folder), *config.alerts.shared_mutes):
        found.mutes(file)
    return found


def _show(args: argparse.Namespace) -> int:
    from sensor.cli._config_show import as_document, as_json
    from sensor.config import usual
    from sensor.config_values import values
    from sensor.documents import DocumentErrors

    path = None if args.defaults else usual(args.config)
    if path is None and not args.defaults:
        complain("no configuration: all values are defaults (--effective shows them)", error="config.missing")
    try:
        found = values(path, everything=args.effective or args.defaults, texts=args.texts)
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return USAGE
    for line in as_json(found) if args.json else as_document(found):
        put(line)
    return 0


def _schema(_: argparse.Namespace) -> int:
    import json

    from sensor.cli._config_schema import schema

    put(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0


def _init(args: argparse.Namespace) -> int:
    from sensor.cli._config_init import init

    return init(args.config, yes=args.yes, force=args.force)

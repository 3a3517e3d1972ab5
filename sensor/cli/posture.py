"""How exposed the network is and what to do about it: scores with their arithmetic, what each fix would change, and settings that should be otherwise.

A score is 0 to 100, in three bands: low, medium from 20, high from 50. A device has one for its weaknesses, attacks, reach, what is not known of it and how
much it matters; a segment and the site have one of their devices. docs/scores.md tells the formula. What is mended lowers a score and never raises one.

actions:
  scores                       the site, its worst devices and the fixes that lower its score most; with --by each segment, VLAN, type or vendor (default)
  device DEVICE                every term of its score, and what it would be after each fix
  record                       keep the scores of the inventory, of its last day, in posture.jsonl beside it; for a timer
  trend [SEGMENT]              how scores went, by what was recorded
  recommendations              what there is to set otherwise; each is closed by itself when later traffic shows that it is done
  recommendations NAME…        all about one, or about all of a device: id, address or name

Exit code 1 where what is named is not known.
"""

from __future__ import annotations

import argparse

from sensor.cli._actions import action_of, deed
from sensor.cli._codes import USAGE
from sensor.cli._known import add_site_arguments
from sensor.cli._setup import complain
from sensor.cli._show import SEVERITIES, add_json_argument

EXAMPLES = """\
  sensor posture
  sensor posture --by segment
  sensor posture device 10.20.30.41
  sensor posture --csv > scores.csv
  sensor posture trend --since 90d
  sensor posture recommendations --open
  sensor posture recommendations --severity medium
  sensor posture recommendations --json | jq -r .recommendation.setting | sort | uniq -c
"""
# Action → (module, function, how many words it takes; None: any number).
ACTIONS: dict[str, tuple[str, str, range | None]] = {
    "scores": ("_posture_words", "scores", range(1)),
    "device": ("_posture_words", "device", range(1, 2)),
    "record": ("_posture_trend", "record", range(1)),
    "trend": ("_posture_trend", "trend", range(2)),
    "recommendations": ("_posture_recommendations", "recommendations", None),
}
GROUPS = ("device", "segment", "vlan", "type", "vendor")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", metavar="ACTION …", nargs="*", help="an action with what it needs (default: scores)")
    parser.add_argument("--by", choices=GROUPS, help="of scores: a line for each of these, the worst first")
    parser.add_argument("--csv", action="store_true", help="of scores: CSV with a heading, a row for each device or what --by names")
    parser.add_argument("--since", metavar="TIME", default="", help="of trend: a span such as 90d, or a time such as 2026-11-24 (default: all)")
    parser.add_argument("--severity", choices=SEVERITIES, default=SEVERITIES[0], help="of recommendations: only what is at least as grave")
    parser.add_argument("--open", action="store_true", help="of recommendations: only what is not done")
    add_json_argument(parser)
    add_site_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Do it; 1 where what is named is not known, 2 where something makes no sense, 3 where there is nothing to read or a file cannot be written."""
    if not action_of(args, ACTIONS, "scores"):
        return USAGE
    module, name, count = ACTIONS[args.action]
    if count is not None and len(args.words) not in count:
        complain(f"found {len(args.words)} words after {args.action}, expected {args.action}{' DEVICE' if args.action == 'device' else ''}")
        return USAGE
    return deed(module, name)(args)

"""Show exposure scores and recommendations, and how much each fix lowers the score.

A score is 0 to 100: low, medium from 20, high from 50. A device's score has terms for weaknesses, attacks, reachability, missing
information and criticality; the score of a segment or the site follows from its devices. docs/improve/scores.md has the formula. A fix
never raises a score.

actions:
  scores                       show the site, its worst devices and the most effective fixes (default); --by: each segment, VLAN, type or vendor
  device DEVICE                show every term of a device's score, and the score after each fix
  record                       store today's scores in posture.jsonl beside the inventory; run it from a timer
  trend [SEGMENT]              show stored scores over time
  recommendations              list insecure settings; each closes itself when later traffic shows the fix
  recommendations NAME…        show all details of some, or of a device: id, address or name

exit codes: 0 done, 1 a name is unknown, 2 wrong usage, 3 nothing to read, 6 a part of the data is missing
"""

from __future__ import annotations

import argparse

from sensor.cli._actions import action_of, function_of, has_arguments
from sensor.cli._codes import USAGE
from sensor.cli._known import add_site_arguments
from sensor.cli._show import add_json_argument
from sensor.core.severities import SEVERITIES

EXAMPLES = """\
  sensor posture
  sensor posture --by segment
  sensor posture device 10.20.10.62
  sensor posture --csv > scores.csv
  sensor posture trend --since 90d
  sensor posture recommendations --open
  sensor posture recommendations --severity medium
  sensor posture recommendations --json | jq -r .recommendation.setting | sort | uniq -c
"""
# Action → (module, function, number of arguments; None: any number).
ACTIONS: dict[str, tuple[str, str, range | None]] = {
    "scores": ("_posture_text", "scores", range(1)),
    "device": ("_posture_text", "device", range(1, 2)),
    "record": ("_posture_trend", "record", range(1)),
    "trend": ("_posture_trend", "trend", range(2)),
    "recommendations": ("_posture_recommendations", "recommendations", None),
}
GROUPS = ("device", "segment", "vlan", "type", "vendor")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operands", metavar="ACTION", nargs="*", help="action with its arguments (default: scores)")
    parser.add_argument("--by", choices=GROUPS, help="of scores: one line per group, highest score first")
    parser.add_argument("--csv", action="store_true", help="of scores: CSV with a heading, one row per device or group")
    parser.add_argument(
        "--since",
        metavar="TIME",
        default="",
        help="of trend: a span such as 90d, or a time such as 2026-11-24 (default: all)",
    )
    parser.add_argument(
        "--severity", choices=SEVERITIES, default=SEVERITIES[0], help="of recommendations: only this severity or higher"
    )
    parser.add_argument("--open", action="store_true", help="of recommendations: only open ones")
    add_json_argument(parser)
    add_site_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Run the action; 1 if a name is unknown, 2 for invalid arguments, 3 if there is nothing to read or a file cannot
    be written.
    """
    if not action_of(args, ACTIONS, "scores"):
        return USAGE
    module, name, count = ACTIONS[args.action]
    if count is not None and not has_arguments(args, count, "DEVICE" if args.action == "device" else ""):
        return USAGE
    return function_of(module, name)(args)

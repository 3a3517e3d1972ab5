"""Test the installation: its parts, the machine, and a small capture from packets to alerts.

The built-in capture has a printer, a camera and a phone that start, and a laptop that scans ports. It is replayed in a temporary
folder; nothing is captured or sent, and the state of a running sensor is not changed. One line per check: result, finding, advice.

exit codes: 0 passed, 1 failed
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from sensor.cli._show import add_json_argument

EXAMPLES = """\
  sensor selftest
  sensor selftest --json | jq -r 'select(.level == "error") | .found'
"""
TROUBLE = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    state = "state folder to check (default: state: of the configuration, else the state folder)"
    parser.add_argument("--state", metavar="DIR", type=Path, help=state)
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the checks, and print each finding at once."""
    from itertools import chain

    from sensor.cli._doctor_text import finding_json, finding_line, last_line
    from sensor.cli._selftest_machine import machine_findings
    from sensor.cli._selftest_replay import replay

    findings = []
    with tempfile.TemporaryDirectory(prefix="sensor-selftest-") as folder:
        for one in chain(machine_findings(args.state), replay(Path(folder))):
            findings.append(one)
            print(finding_json(one) if args.json else finding_line(one, sys.stdout), flush=True)
    if not args.json:
        print(last_line(findings))
    return TROUBLE if any(one.level == "error" for one in findings) else 0

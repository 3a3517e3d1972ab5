"""Write a report: what is on the network, what is wrong with it, what was done, and what to do first.

One file that needs nothing else: HTML, PDF for printing, or JSON for programs, by the ending of its name. The first page is for who reads no more; every claim
after it leads to the packet that proves it. The HTML runs no script and asks nobody for anything, and carries the JSON with it.

The period says which alerts, incidents and changes are told; devices, findings and scores are as they were at its end. With --against, an older report (HTML
or JSON) is what things are compared with, and the period begins where it ended unless another is named. The same log gives the same report, byte for byte.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sensor.cli._known import add_site_arguments

EXAMPLES = """\
  sensor report -o report.html
  sensor report --period 30d -o november.pdf
  sensor report --period 2026-11 -o november.html --against october.html
  sensor report --since 2026-11-20 --until 2026-11-24T12:00 -o incident.html
  sensor report -o - --format json | jq '.findings[] | select(.severity == "critical")'
"""
FORMATS = ("html", "pdf", "json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="what to write; its ending says the format; - is standard output")
    parser.add_argument("--format", choices=FORMATS, help="where the name does not say it")
    parser.add_argument("--period", metavar="SPAN", default="", help="the last 24h, 7d or 4w, or a month such as 2026-11 (default: all that is known)")
    parser.add_argument("--since", metavar="TIME", default="", help="a day or a time such as 2026-11-24T09:00 (UTC) instead of a period")
    parser.add_argument("--until", metavar="TIME", default="", help="likewise, not included")
    parser.add_argument("--against", metavar="REPORT", type=Path, help="an older report, HTML or JSON: tell the difference")
    add_site_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Write it; 2 where something makes no sense, 3 where something cannot be read or written, or PDF cannot be made."""
    from sensor.cli._report_write import write

    return write(args)

"""Write a report: devices, findings, changes, and the most important next steps.

The report is one self-contained file: HTML, PDF for printing, or JSON for programs, by its file name extension. The first page is a
summary; every statement after it links to the packet that proves it. The HTML contains no script, makes no external requests, and
embeds the JSON.

Alerts, incidents and changes are those of the period; devices, vulnerabilities and scores are as of its end. --against compares with an
older report (HTML or JSON); the period then begins where that one ended, unless another is given. The same log gives the same report,
byte for byte.
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
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        required=True,
        help="file to write; its extension selects the format; - is standard output",
    )
    parser.add_argument("--format", choices=FORMATS, help="format, if the file name does not give it")
    parser.add_argument(
        "--period",
        metavar="SPAN",
        default="",
        help="the last 24h, 7d or 4w, or a month such as 2026-11 (default: all data)",
    )
    parser.add_argument(
        "--since",
        metavar="TIME",
        default="",
        help="begin: a day or a time such as 2026-11-24T09:00 (UTC), instead of --period",
    )
    parser.add_argument("--until", metavar="TIME", default="", help="end, exclusive")
    parser.add_argument("--against", metavar="REPORT", type=Path, help="compare with an older report (HTML or JSON)")
    add_site_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Write the report; 2 for invalid arguments, 3 if something cannot be read or written, or PDF is not available."""
    from sensor.cli._report_write import write

    return write(args)

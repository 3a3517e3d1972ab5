"""Show top talkers, and show, write and export traffic records.

actions:
  status         show tables, rows, size, time span, pending and damaged files (default)
  top [WHAT…]    show top talkers: pairs, hosts or services with most bytes or connections. WHAT: a device, an address, a block, or filters
                 as in `sensor search`, also of devices (type=camera, vendor=axis*)
  write          write the records that a sensor produces, until stopped; used by the unit sensor-records
  upload         copy finished records to the object store of `records.central`, until stopped; used by the unit sensor-records-upload
  export         export records as files: Parquet, CSV, Zeek logs (TSV) or Suricata events (EVE)

exit codes: 0 done, 1 nothing to export or no connection matches, 2 wrong usage or configuration, 3 a file cannot be opened or written, 6 the dataset has no records
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sensor.cli._actions import action_of, function_of
from sensor.cli._codes import USAGE
from sensor.cli._records import add_records_arguments
from sensor.cli._setup import add_log_argument, complain
from sensor.cli._show import add_json_argument, row_count
from sensor.core.phrases import counted

EXAMPLES = """\
  sensor records
  sensor records top --since 24h
  sensor records top --by service 10.20.10.62
  sensor records top --by host dst_port=443
  sensor records top type=camera
  sensor records export --format zeek -o logs/ --since 24h
  sensor records write --config /etc/sensor/sensor.yaml
  sensor records upload --once
"""
# Action → (module, function).
ACTIONS = {
    **{action: ("_records_actions", action) for action in ("status", "write", "export")},
    "upload": ("_records_upload", "upload"),
    "top": ("_records_top", "top"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "operands", metavar="ACTION", nargs="*", help="status, top, write, upload or export (default: status)"
    )
    parser.add_argument(
        "--by", choices=("pair", "host", "service"), default="pair", help="of top: group connections (default: pair)"
    )
    parser.add_argument(
        "--sort", choices=("bytes", "connections"), default="bytes", help="of top: largest first (default: bytes)"
    )
    parser.add_argument(
        "-n",
        "--count",
        metavar="NUMBER",
        type=row_count,
        default=20,
        help="of top: maximum number of rows (default: 20)",
    )
    parser.add_argument(
        "--format", choices=("parquet", "csv", "zeek", "eve"), default="parquet", help="of export (default: parquet)"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        default=Path("records-export"),
        help="of export: output folder (default: records-export)",
    )
    parser.add_argument(
        "--table", metavar="NAME", action="append", default=[], help="of export: only this table; may be repeated"
    )
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="of write and upload: configuration (default: the system's)"
    )
    parser.add_argument("--once", action="store_true", help="of upload: upload the missing files, and stop")
    add_records_arguments(parser)
    add_json_argument(parser)
    parser.add_argument("--csv", action="store_true", help="of top: CSV with a heading")
    add_log_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the action of the first argument."""
    if not action_of(args, ACTIONS, "status"):
        return USAGE
    if args.operands and args.action != "top":
        complain(
            f"found {counted(len(args.operands), 'argument')} after {args.action}, expected only options, such as --output DIR",
            error="usage.unexpected-argument",
        )
        return USAGE
    return function_of(*ACTIONS[args.action])(args)

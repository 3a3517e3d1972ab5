"""Back up the sensor's state into one file, while it runs.

The backup contains the inventory with baselines and operator values, mutes, rules, profiles, threat lists, vulnerability data,
tickets and stored scores, notes on alerts, cursors of outputs, records rejected by destinations, and the configuration with its
layers. The event log, the packets of alerts and traffic records are included on request. Secrets are never included: a
configuration contains references only. The file is readable by its owner only (mode 0600); `tar --zstd -tf FILE` lists it,
`sensor restore` restores it.

exit codes: 0 done, 2 the configuration is invalid or the file exists, 3 something cannot be read or written
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._codes import NOT_OPENED, USAGE
from sensor.cli._configuration import texts_of
from sensor.cli._places import add_state_argument, places_of, reason_of, size_text
from sensor.cli._progress import reading
from sensor.cli._setup import complain
from sensor.cli._show import add_json_argument, put, tidy
from sensor.core.phrases import counted

if TYPE_CHECKING:
    from sensor.lifecycle.manifest import Manifest

EXAMPLES = """\
  sensor backup sensor.tar.zst
  sensor backup --with-log --with-evidence --with-records /mnt/backup/sensor-$(date +%F).tar.zst
  sensor backup --force --json /mnt/backup/sensor.tar.zst
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="file to write, as NAME.tar.zst")
    parser.add_argument("--with-log", action="store_true", help="include the event log and muted alerts")
    parser.add_argument("--with-evidence", action="store_true", help="include the packets of alerts")
    parser.add_argument("--with-records", action="store_true", help="include traffic records")
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="configuration of the sensor (default: the system's)",
    )
    add_state_argument(parser)
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Create the backup; 2 if the configuration is invalid or the file exists, 3 if something cannot be read or
    written.
    """
    found = places_of(args.config, args.state, texts_of(args))
    if found is None:
        return USAGE
    config, places = found
    if args.file.exists() and not args.force:
        complain(f"{args.file} exists: specify another file, or overwrite it with --force", error="file.exists")
        return USAGE
    for folder in (args.file.absolute().parent, places.state):
        if not folder.is_dir():
            complain(f"no backup was created: {folder} is not a folder", error="backup.failed")
            return NOT_OPENED
    from sensor.inventory.store.database import StoreError
    from sensor.lifecycle.backup import Backup, BackupScope

    if args.with_records:
        from sensor.cli._records import catch_up
        from sensor.records.paths import records_folder

        catch_up(records_folder(places.log))
    try:
        backup = Backup(
            places,
            BackupScope(config.sensor.id, config.sensor.site, args.with_log, args.with_evidence, args.with_records),
            time.time_ns(),
        )
        with reading("copying", backup.size) as progress:
            manifest = backup.write(args.file, progress)
    except (StoreError, ValueError) as error:
        complain(f"no backup was created: {error}", error="backup.failed")
        return NOT_OPENED
    except OSError as error:
        complain(f"no backup was created: {_reason(error, args.file)}", error="backup.failed")
        return NOT_OPENED
    _print_result(args, manifest, places.state)
    return 0


def _reason(error: OSError, file: Path) -> str:
    """The system's error message, and the file, which errors of writes do not have."""
    return reason_of(error) if error.filename or not error.strerror else f"{file}: {error.strerror}"


def _print_result(args: argparse.Namespace, manifest: Manifest, state: Path) -> None:
    if args.json:
        from sensor.lifecycle.manifest import encoded

        put(encoded(manifest).decode().rstrip())
        return
    put(f"{args.file}: {contents(manifest)}, {size_text(args.file.stat().st_size)} of {size_text(manifest.size)}")
    if not manifest.tables:
        complain(f"no inventory in {state}", error="inventory.missing")
    requested = {
        "--with-log": args.with_log,
        "--with-evidence": args.with_evidence,
        "--with-records": args.with_records,
    }
    missing = [
        f"{what} ({'none exists' if requested[option] else option})"
        for what, option, there in _optional(manifest)
        if not there
    ]
    put(f"not included: {', '.join([*missing, 'the secrets of outputs', *map(tidy, manifest.left_out)])}")


def _optional(manifest: Manifest) -> tuple[tuple[str, str, bool], ...]:
    return (
        ("the event log", "--with-log", manifest.log),
        ("packets of alerts", "--with-evidence", manifest.evidence),
        ("traffic records", "--with-records", manifest.records),
    )


def contents(manifest: Manifest) -> str:
    """A short list of the contents of a backup."""
    more = [what for what, _, there in _optional(manifest) if there]
    return ", ".join([counted(manifest.devices, "device"), counted(len(manifest.files), "file"), *more])

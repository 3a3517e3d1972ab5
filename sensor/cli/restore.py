"""Restore a backup.

The whole file is verified first, each hash in it; then it is unpacked and replaces the state in one step. The previous state is kept in a
folder before-restore-TIME: nothing is deleted. No sensor may run there meanwhile. The configuration is restored only with --config,
which names its folder.

exit codes: 0 restored, 2 the configuration of this host is invalid, 3 the file is invalid, a sensor is running, or something cannot be
written
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._codes import NOT_OPENED, USAGE
from sensor.cli._places import add_state_argument, places_of, reason_of, size_text
from sensor.cli._progress import reading
from sensor.cli._setup import complain
from sensor.cli._show import put, tidy
from sensor.cli.backup import contents
from sensor.core.phrases import counted

if TYPE_CHECKING:
    from sensor.lifecycle.manifest import Manifest
    from sensor.lifecycle.places import SensorPaths

EXAMPLES = """\
  sensor restore --dry-run sensor.tar.zst
  sensor restore sensor.tar.zst
  sensor restore --state /var/lib/sensor --config /etc/sensor sensor.tar.zst
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="file written by `sensor backup`")
    add_state_argument(parser)
    parser.add_argument("--config", metavar="DIR", type=Path, help="restore the configuration too, into this folder")
    parser.add_argument("--dry-run", action="store_true", help="verify the file only, and show the destinations")


def main(args: argparse.Namespace) -> int:
    """Verify the backup, then restore it."""
    from sensor.inventory.store.database import StoreError
    from sensor.lifecycle.archive import BadArchive
    from sensor.lifecycle.restore import verified

    places = _places(args)
    if places is None:
        complain(
            "the configuration of this host does not define the state folder: specify it with --state",
            error="restore.no-folder",
        )
        return USAGE
    try:
        with reading("looking through", 0) as progress:
            manifest = verified(args.file, places, progress)
        if args.dry_run:
            _backtest(args, manifest, places)
        else:
            _restore(args, manifest, places)
    except (BadArchive, StoreError) as error:
        complain(f"nothing was restored: {error}", error="restore.failed")
        return NOT_OPENED
    except OSError as error:
        complain(f"nothing was restored: {reason_of(error)}", error="restore.failed")
        return NOT_OPENED
    return 0


def _places(args: argparse.Namespace) -> SensorPaths | None:
    """The places of all files; None after printing errors of the configuration of this host."""
    from sensor.datasets.live import live_log
    from sensor.lifecycle.places import SensorPaths

    # Absolute, since a rollback may run from another folder.
    base = args.config.absolute() if args.config is not None else None
    if args.state is not None:
        state = args.state.absolute()
        return SensorPaths(state, live_log(state, moved=False), state / "evidence", base)
    found = places_of(None, None)
    return found[1]._replace(base=base) if found is not None else None


def _restore(args: argparse.Namespace, manifest: Manifest, places: SensorPaths) -> None:
    from sensor.lifecycle.restore import Restore

    restore = Restore(args.file, places, manifest, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
    with reading("restoring", manifest.size) as progress:
        restore.run(progress)
    if restore.undone:
        complain(
            "a previous restore was interrupted: the state before it was recovered first", error="restore.interrupted"
        )
    put(f"restored {contents(manifest)} of {_origin(manifest)} into {places.state}")
    for aside in restore.aside.values():
        put(f"the previous state is in {aside}")
    _print_configuration(args, manifest)


def _backtest(args: argparse.Namespace, manifest: Manifest, places: SensorPaths) -> None:
    """Print the changes without making them."""
    from sensor.lifecycle.places import RECORDS, replaced, target
    from sensor.records.paths import records_folder

    put(f"{args.file} is valid: {contents(manifest)}, {size_text(manifest.size)}, of {_origin(manifest)}")
    names = [one.name for one in manifest.files if not one.name.startswith(f"{RECORDS}/")]
    for name in names:
        place = target(name, places)
        put(f"  {tidy(name)} → {place if place is not None else 'not restored'}")
    if more := len(manifest.files) - len(names):
        put(f"  {counted(more, 'file')} of traffic records → {records_folder(places.log)}")
    for path in replaced([one.name for one in manifest.files], places):
        put(f"  {path} exists and would be replaced")
    _print_configuration(args, manifest)


def _origin(manifest: Manifest) -> str:
    return (
        f"{tidy(manifest.created)[:19]}Z by {tidy(manifest.id) or 'a sensor'} {tidy(manifest.site)}".rstrip()
        + f" (version {tidy(manifest.sensor)})"
    )


def _print_configuration(args: argparse.Namespace, manifest: Manifest) -> None:
    if args.config is None and any(one.name.startswith("config/") for one in manifest.files):
        put("the configuration is not restored: restore it with --config DIR")
    for path in manifest.left_out:
        put(f"not in the backup: {tidy(path)}")

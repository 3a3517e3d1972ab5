"""``sensor records upload``: copies finished records to the object store that the configuration names."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._codes import DONE, NOT_OPENED, USAGE, Exit
from sensor.cli._records import installed, live_folder
from sensor.cli._setup import complain, settings

if TYPE_CHECKING:
    from sensor.central.uploader import Uploader
    from sensor.config import Config

EVERY_S, TICK_S = 300.0, 0.5


def upload(args: argparse.Namespace) -> int:
    """Upload until stopped, or once; 2 if the configuration has faults, 3 if the store or a file cannot be used."""
    config = settings(args)
    if config is None:
        return USAGE
    if config.records.central is None or not config.records.enabled:
        complain("no object store is configured (records.central): nothing to upload", "info")
        return DONE
    from sensor.central.objects import MISSING
    from sensor.central.objects import installed as there
    from sensor.core.output import Retry
    from sensor.logs import logs
    from sensor.records.writer import FAILURES

    if not there():
        raise Exit(NOT_OPENED, f"records.central {MISSING}", error="records.no-object-store")
    if not installed():
        return NOT_OPENED
    logs.configure(args.log_format)
    try:
        uploader = _uploader(args, config)
        if not args.once:
            return _until_stopped(uploader)
        print(f"{uploader.turn():,} files uploaded")
    except Retry as error:
        raise Exit(NOT_OPENED, str(error), error="records.store") from None
    except FAILURES as error:
        raise Exit(NOT_OPENED, f"cannot upload traffic records: {error}", error="file.not-read") from None
    return DONE


def _uploader(args: argparse.Namespace, config: Config) -> Uploader:
    """Raises Exit without an output to a hub; Retry."""
    from sensor.central.objects import Objects
    from sensor.central.uploader import Uploader
    from sensor.cli._sync_agent import hub_output
    from sensor.outputs.hub_protocol.credentials import load_credentials

    if args.config is None or config.records.central is None:
        raise Exit(USAGE, "found no configuration, expected --config with an output to a hub", error="config.missing")
    credentials = load_credentials(Path(hub_output(args.config)[1].credentials))
    folder = live_folder(args, config)
    identity = config.sensor
    return Uploader(folder, Objects(config.records.central), identity.id, identity.site, credentials.pair)


def _state(failing: str, total: int) -> str:
    return f"cannot upload: {failing}" if failing else f"{total:,} files uploaded"


def _until_stopped(uploader: Uploader) -> int:
    """Errors are retried: records stay at the sensor until then."""
    import time

    from sensor.cli._signals import Signals
    from sensor.core.output import Retry
    from sensor.logs.logs import log
    from sensor.records.writer import FAILURES
    from sensor.runtime.notify import Notifier

    notifier, failing, total, due = Notifier(), "", 0, 0.0
    with Signals() as signals:
        notifier.ready("uploads traffic records")
        while not signals.stopped:
            if time.monotonic() >= due:
                due = time.monotonic() + EVERY_S
                try:
                    total, failing = total + uploader.turn(notifier.beat), ""
                except (Retry, *FAILURES) as error:
                    if str(error) != failing:
                        failing = str(error)
                        log().warning("traffic records cannot be uploaded", error=failing)
            notifier.status(functools.partial(_state, failing, total))
            notifier.beat()
            time.sleep(TICK_S)
        notifier.stopping()
    notifier.close()
    return DONE

"""Shared by ``replay`` and ``run``: arguments, configuration, and the end of a run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sensor.config import Config
    from sensor.documents import Fault
    from sensor.eventlog.live_log import LiveLog
    from sensor.eventlog.writer import EventLog
    from sensor.runtime.keeper import Keeper


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--events", metavar="FILE", help="event log; - is standard output (default: in the state folder)"
    )
    lists = "additional threat list, in any supported format; may be repeated"
    parser.add_argument("--intel", metavar="LIST", action="append", default=[], type=Path, help=lists)
    state = (
        "folder of inventory, event log and packets, continued by later runs (default: state: of the configuration, "
        "else the state folder; of `replay`: a dataset in it)"
    )
    parser.add_argument("--state", metavar="DIR", type=Path, help=state)
    packets = (
        "folder for the packets of alerts, as pcapng (default: evidence in the folder of --state; of `replay` with "
        "--events alone: none)"
    )
    parser.add_argument("--evidence", metavar="DIR", type=Path, help=packets)
    mutes = "file of mutes (default: alerts.mutes of the configuration, else mutes.yaml in the state folder)"
    parser.add_argument("--mutes", metavar="FILE", type=Path, help=mutes)
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="configuration (default: the system's; /dev/null: none)"
    )
    add_log_argument(parser)


def add_log_argument(parser: argparse.ArgumentParser) -> None:
    form = (
        "format of log messages on standard error (default: logging: of the configuration, else "
        "console; fields in the systemd journal)"
    )
    parser.add_argument("--log-format", choices=("console", "json"), help=form)


def complain(message: str, level: str = "error", *, error: str = "") -> None:
    """Print a message and its error code on standard error, without secrets. For a program (--log-format json, the
    journal) it is an entry of the sensor's log.

    ``error``: an entry of the catalogue, such as ``dataset.missing``; empty for notes.
    """
    from sensor.core.secrecy import masked
    from sensor.logs import logs

    if logs.for_machines():
        getattr(logs.log(), level)(message, **({"error": error} if error else {}))
    else:
        print(f"sensor: {masked(message)}{f' [{error}]' if error else ''}", file=sys.stderr)


def complain_of_faults(faults: Iterable[Fault]) -> None:
    """Print the faults of documents, one per line with its error code; for a program, an entry of the sensor's log
    each.
    """
    from sensor.logs import logs

    for fault in sorted(faults):
        if logs.for_machines():
            complain(str(fault), error=fault.code)
        else:
            print(f"{fault} [{fault.code}]", file=sys.stderr)


def user_name() -> str:
    """The user of this process."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return "operator"


def log_of(events: str) -> Path | None:
    """The event log in --events; None: standard output. Raises Exit if its folder does not exist: it may be
    mistyped.
    """
    from sensor.cli._codes import NOT_OPENED, Exit

    path = Path(events)
    if events != "-" and not path.parent.is_dir():
        raise Exit(
            NOT_OPENED, f"cannot write the event log {path}: no such folder: {path.parent}", error="file.not-written"
        )
    return path if events != "-" else None


def log_failed(error: OSError, path: Path | None) -> int:
    """The event log cannot be written: exit code 3 after an error; BrokenPipeError is raised for the caller, which ends
    silently.
    """
    if isinstance(error, BrokenPipeError):
        raise error
    complain(f"cannot write the event log {path or 'to standard output'}: {error.strerror}", error="file.not-written")
    return 3


def keeper(folder: Path, *, live: bool) -> Keeper | None:
    """The writer of the inventory in a folder, for a live sensor or for a replay; None after an error. Raises
    SystemExit if the folder has an inventory of another version.
    """
    from sensor.inventory.store.database import StoreError, UnusableStore
    from sensor.runtime.keeper import EVERY_S, REPLAY_EVERY_S, Keeper

    try:
        return Keeper(folder, complain, EVERY_S if live else REPLAY_EVERY_S)
    except UnusableStore as error:
        complain(str(error), error="inventory.not-read")
        raise SystemExit(3) from None
    except StoreError as error:
        complain(f"cannot write the inventory in {error}", error="file.not-written")
    except OSError as error:
        complain(f"cannot write the inventory in {folder}: {why_unusable(error)}", error="file.not-written")
    return None


def why_unusable(error: OSError) -> str:
    """Why a folder cannot be used: a file in its place is no "File exists" for its user."""
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "found a file, expected a folder"
    return error.strerror or str(error)


def mutes_file(args: argparse.Namespace, config: Config, folder: Path | None) -> Path:
    """The file of mutes: the given one, otherwise that of `sensor mute`, in the folder of the inventory or the state
    folder. It may not exist.
    """
    from sensor.eventlog.paths import state_folder

    named: Path | None = args.mutes or config.alerts.mutes
    return named or (folder or state_folder()) / "mutes.yaml"


def lists_folder(folder: Path | None) -> Path:
    """The folder of `sensor intel` lists: in that of the inventory, otherwise in the state folder."""
    from sensor.eventlog.paths import state_folder

    return (folder or state_folder()) / "intel"


def profiles_folder(folder: Path | None) -> Path:
    """The folder of installed profiles: in that of the inventory, otherwise in the state folder."""
    from sensor.eventlog.paths import state_folder

    return (folder or state_folder()) / "profiles"


def records_of(log: EventLog | LiveLog) -> Path | None:
    """The folder of a run's traffic records, beside its log; None if that is not a file."""
    from sensor.records.paths import records_folder

    return records_folder(log.path) if log.path is not None and log.path.is_file() else None


def rule_folders(args: argparse.Namespace, folder: Path | None) -> list[Path]:
    """Folders of the operator's rules: beside the configuration, and in that of the inventory or otherwise the state
    folder.
    """
    return [path for path in _own_folders("rules", args, folder) if path.is_dir()]


def hunt_folders(args: argparse.Namespace, folder: Path | None) -> list[Path]:
    """The same for hunts, including folders that do not exist yet: hunts may be added while the sensor runs."""
    return _own_folders("hunts", args, folder)


def _own_folders(name: str, args: argparse.Namespace, folder: Path | None) -> list[Path]:
    from sensor.documents import fleet_folders
    from sensor.eventlog.paths import state_folder

    config: Path | None = getattr(args, "config", None)
    next_to_config = [config.parent / name] if config is not None else []
    of_fleet = (
        [found for each in fleet_folders(config) if (found := each / name).is_dir()] if config is not None else []
    )
    return [*next_to_config, *of_fleet, (folder or state_folder()) / name]


def settings(args: argparse.Namespace) -> Config | None:
    """The configuration, that of the system if none is named, or None after printing its errors."""
    from sensor.cli._configuration import configuration
    from sensor.config_file import usual
    from sensor.documents import DocumentErrors
    from sensor.logs import logs

    logs.configure(args.log_format)
    args.config = usual(args.config)
    try:
        config = configuration(args)
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return None
    logs.configure(args.log_format or config.logging.format, config.logging.level)
    return config

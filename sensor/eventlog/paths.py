"""The locations of event logs."""

from __future__ import annotations

import os
from pathlib import Path

SYSTEM = Path("/var/lib/sensor")
REPLAY_LOG, RUN_LOG = "replay.jsonl", "events.jsonl"
INVENTORY = "inventory.db"
# The folder of replay datasets within the state folder.
DATASETS = "datasets"
_CONFIGURED: list[Path] = []


def use_system_folder(folder: Path | None) -> None:
    """``state:`` of the configuration, in place of ``SYSTEM``."""
    _CONFIGURED[:] = [] if folder is None else [folder]


def system_folder() -> Path:
    """The state folder of the system's sensor. It may not exist."""
    return _CONFIGURED[0] if _CONFIGURED else SYSTEM


def state_folder() -> Path:
    """The state folder. It may not exist yet.

    ``$SENSOR_STATE``, else ``state:`` of the configuration, the first of ``$STATE_DIRECTORY`` (systemd.exec(5)) or
    /var/lib/sensor, if it is writable, else the user's folder according to the XDG Base Directory Specification.
    """
    if named := _named():
        return Path(named)
    system = system_folder()
    # A configured folder may be created; /var/lib/sensor is that of an installed service.
    if os.access(system if system.is_dir() or not _CONFIGURED else system.parent, os.W_OK):
        return system
    base = os.environ.get("XDG_STATE_HOME", "")
    # relative paths there are invalid and ignored (XDG Base Directory Specification)
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "state") / "sensor"


def folder_to_read() -> Path:
    """The state folder for commands that read a sensor's data or add to it: that of the service, if it exists and the
    user's own has no inventory and no log. A user without permission gets that error instead of an empty result.
    """
    own = state_folder()
    system = system_folder()
    return own if _named() or _left(own) or not (_left(system) or _closed(system)) else system


def _closed(folder: Path) -> bool:
    """Whether the folder exists and is not accessible."""
    return folder.is_dir() and not os.access(folder, os.X_OK)


def _left(folder: Path) -> bool:
    """Whether the folder has readable data of a sensor."""
    return any(os.access(folder / name, os.R_OK) for name in (INVENTORY, RUN_LOG, REPLAY_LOG, DATASETS))


def state_folder_is_named() -> bool:
    """Whether an environment variable names it."""
    return bool(_named())


def _named() -> str:
    """The folder named by an environment variable; a configured folder precedes that of systemd."""
    return os.environ.get("SENSOR_STATE") or (
        os.environ.get("STATE_DIRECTORY", "").split(":")[0] if not _CONFIGURED else ""
    )


def muted_log(log: Path) -> Path:
    """The log of alerts that mutes suppressed."""
    return log.with_suffix(".muted.jsonl")


def notes_log(log: Path) -> Path:
    """The file of the operator's notes about the alerts of a log."""
    return log.with_suffix(".notes.jsonl")

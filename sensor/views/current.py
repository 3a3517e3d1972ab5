"""The tables of a dataset as they are now: those of its folder, brought up to the log, or none where only the log can
answer.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import NamedTuple

from sensor.inventory.store.database import Refused, StoreError
from sensor.tables.build import behind, catch_up, list_devices
from sensor.views.dataset import Data, open_folder
from sensor.views.errors import NotReadable

UNLISTED = "The list of devices is not complete: its rows are still to be made, and the store cannot be written here."


class Current(NamedTuple):
    """``note``: what was done to the store, for people; empty where nothing was."""

    data: Data
    note: str


def current(folder: Path, log: Path) -> Current | None:
    """The tables of a folder, up to its log. None where they are behind it and cannot be brought up: ``open_log`` reads
    the log alone then.

    NotReadable where a newer sensor wrote them; OSError where the log cannot be read.
    """
    with contextlib.suppress(NotReadable, StoreError):  # an earlier version wrote it, or it is damaged
        data = open_folder(folder)
        with contextlib.ExitStack() as closing:
            closing.callback(data.close)
            if not behind(data.base, log):
                closing.pop_all()
                return Current(data, "")
    try:
        note = catch_up(folder, log).note
        data = open_folder(folder)
    except Refused as error:
        raise NotReadable(str(error)) from None
    except (OSError, StoreError, NotReadable):
        return None
    if data.position.seq:
        return Current(data, note)
    data.close()  # another process writes the folder and has put nothing of the log into its tables: they are no answer
    return None


def inventory_alone(folder: Path) -> Current:
    """The tables of a folder without a log: its devices. NotReadable where they cannot be read."""
    data = open_folder(folder)
    with contextlib.ExitStack() as closing:
        closing.callback(data.close)
        try:
            note = "" if list_devices(folder) else UNLISTED
        except sqlite3.Error as error:
            raise NotReadable(f"{folder}: {error}") from None
        closing.pop_all()
        return Current(data, note)

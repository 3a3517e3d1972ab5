"""Changes the owner of files that root creates in the state folder of a sensor that runs as another user, which could
not write them otherwise.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from sensor.eventlog.paths import DATASETS, system_folder

# Every sensor creates it at its start.
STATE = "inventory.db"


def hand_over(folder: Path) -> None:
    """Change the owner of root's files in a folder to the owner of the folder. Does nothing if that is root, or if the
    folder is not that of a sensor: a mistyped folder stays unchanged.
    """
    try:
        owner = folder.stat()
        state = folder == system_folder() or (folder / STATE).is_file() or (folder / DATASETS).is_dir()
    except OSError:  # it does not exist, or root's entry is only a name
        return
    if owner.st_uid == 0 or not state:
        return
    for _, folders, files, descriptor in os.fwalk(folder):
        for name in (*folders, *files):
            with contextlib.suppress(OSError):  # removed meanwhile
                _give(name, descriptor, owner)


def _give(name: str, folder: int, owner: os.stat_result) -> None:
    """One file or folder. Neither symbolic nor hard links lead outside: it is checked and changed through the same
    descriptor.
    """
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        found = os.fstat(descriptor)
        single = stat.S_ISDIR(found.st_mode) or (stat.S_ISREG(found.st_mode) and found.st_nlink == 1)
        if found.st_uid == 0 and single:
            os.chown(f"/proc/self/fd/{descriptor}", owner.st_uid, owner.st_gid)
    finally:
        os.close(descriptor)

"""Who may read a dataset: its owner; and its group, if the state folder is open to that group only, as that of the
service is.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from sensor.eventlog.paths import INVENTORY

GROUP, OTHERS = 0o070, 0o007


def make_folder(folder: Path, state: Path) -> None:
    """A folder somewhere below a state folder, with those in between. FileExistsError when it is there, OSError when it
    cannot be made.
    """
    mode = 0o750 if _group_may(state) else 0o700
    for around in reversed([one for one in folder.parents if one.is_relative_to(state) and one != state]):
        around.mkdir(mode=mode, exist_ok=True)
    folder.mkdir(mode=mode)


def _group_may(state: Path) -> bool:
    mode = stat.S_IMODE(state.stat().st_mode)
    return bool(mode & GROUP) and not mode & OTHERS


@contextlib.contextmanager
def private(folder: Path) -> Iterator[None]:
    """Within, what is made is private; the folder is made when it is not there, and an inventory in it is closed to
    others. OSError.
    """
    before = os.umask(OTHERS | GROUP)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        group = _group_may(folder)
        if group:
            os.umask(OTHERS | 0o020)
        for name in (INVENTORY, f"{INVENTORY}-wal", f"{INVENTORY}-shm"):
            with contextlib.suppress(OSError):  # not there, or not ours
                _close(folder / name, group=group)
        yield
    finally:
        os.umask(before)


def _close(path: Path, *, group: bool) -> None:
    mode = stat.S_IMODE(path.lstat().st_mode)
    wanted = mode & ~(OTHERS if group else OTHERS | GROUP)
    if wanted != mode and not path.is_symlink():
        path.chmod(wanted)

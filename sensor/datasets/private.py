"""Access to datasets: for their owner; and for the group if the state folder is accessible to that group only, like
that of the service.
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
    """Create a folder below a state folder, with its parents. Raises FileExistsError if it exists, OSError if it cannot
    be created.
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
    """Within this context new files are private; creates the folder if it does not exist, and closes an inventory in it
    to other users. Raises OSError.
    """
    before = os.umask(OTHERS | GROUP)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        group = _group_may(folder)
        if group:
            os.umask(OTHERS | 0o020)
        for name in (INVENTORY, f"{INVENTORY}-wal", f"{INVENTORY}-shm"):
            with contextlib.suppress(OSError):  # does not exist, or has another owner
                _close(folder / name, group=group)
        yield
    finally:
        os.umask(before)


def _close(path: Path, *, group: bool) -> None:
    mode = stat.S_IMODE(path.lstat().st_mode)
    wanted = mode & ~(OTHERS if group else OTHERS | GROUP)
    if wanted != mode and not path.is_symlink():
        path.chmod(wanted)

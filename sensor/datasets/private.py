"""Who may read what a dataset holds: its owner; and its group, when the folder that it is in is open to that group."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from sensor.eventlog.paths import INVENTORY

FOLDER = 0o700
GROUP, OTHERS = 0o070, 0o007


@contextlib.contextmanager
def private(folder: Path) -> Iterator[None]:
    """Within, what is made is private; the folder is made when it is not there, and an inventory in it is closed to others. OSError."""
    before = os.umask(OTHERS | GROUP)
    try:
        folder.mkdir(mode=FOLDER, parents=True, exist_ok=True)
        mode = stat.S_IMODE(folder.stat().st_mode)
        if mode & GROUP:
            os.umask(OTHERS | 0o020)
        for name in (INVENTORY, f"{INVENTORY}-wal", f"{INVENTORY}-shm"):
            with contextlib.suppress(OSError):  # not there, or not ours
                _close(folder / name, group=bool(mode & GROUP))
        yield
    finally:
        os.umask(before)


def _close(path: Path, *, group: bool) -> None:
    mode = stat.S_IMODE(path.lstat().st_mode)
    wanted = mode & ~(OTHERS if group else OTHERS | GROUP)
    if wanted != mode and not path.is_symlink():
        path.chmod(wanted)

"""Whether a live sensor keeps its state in a folder: one that is running, or installed as a service."""

from __future__ import annotations

from pathlib import Path

from sensor.datasets.card import LIVE, read_card
from sensor.datasets.dataset import Dataset
from sensor.eventlog.log_lines import parts
from sensor.eventlog.paths import INVENTORY, RUN_LOG, folder_to_read, system_folder

# Unit folders of systemd (systemd.unit(5)).
UNIT_FOLDERS = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"), Path("/lib/systemd/system"))
UNITS = ("sensor.service", "sensor-mirror@.service")
# The file that a sensor locks while it runs (inventory/store/database.py).
LOCK = "inventory.lock"
LOCKS = Path("/proc/locks")


def is_live(dataset: Dataset, state: Path) -> bool:
    """Whether it is the dataset of a sensor that is running, or installed."""
    return dataset.kind == LIVE and (is_written(dataset.folder) or (state == system_folder() and installed()))


def live_log(folder: Path, *, moved: bool = True) -> Path:
    """The event log of a live sensor, if only the folder of its state is given. Earlier versions wrote it to the
    default state folder, where it is continued: if the description of the dataset names it, or with ``moved``, if only
    the given folder has an inventory.
    """
    log, former = folder / RUN_LOG, (folder_to_read() / RUN_LOG).absolute()
    if parts(log) or not parts(former):
        return log
    card = read_card(folder)
    if card is not None:
        return former if card.log == str(former) else log
    apart = (folder / INVENTORY).is_file() and not (former.parent / INVENTORY).exists()
    return former if moved and apart else log


def installed(folders: tuple[Path, ...] = UNIT_FOLDERS) -> bool:
    """Whether the service is installed."""
    return any((folder / unit).exists() for folder in folders for unit in UNITS)


def is_written(folder: Path) -> bool:
    """Whether a process is writing the dataset of a folder, according to the kernel's list of locks (proc(5)): trying
    the lock could prevent a sensor from starting.
    """
    try:
        number = str((folder / LOCK).stat().st_ino)
        lines = LOCKS.read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    return any(_holds(line.split(), number) for line in lines)


def _holds(words: list[str], number: str) -> bool:
    """Whether a line is a held lock: ``1: FLOCK ADVISORY WRITE 4711 fe:01:1234 0 EOF``; a waiting one has ``->`` after
    the number.
    """
    return words[1:4] == ["FLOCK", "ADVISORY", "WRITE"] and len(words) > 5 and words[5].rpartition(":")[2] == number

"""The traffic records of a run: whether they are kept, and by which objects."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from sensor.config import Config
from sensor.engine.pipeline import Pipeline
from sensor.records.installed import installed
from sensor.records.keeping import Keeping, Origin
from sensor.records.paths import MANIFEST
from sensor.records.process import RecordsProcess
from sensor.records.tail import FOLDER


class Recording:
    """The records of one run. ``keeping``: hands data over; ``aside``: the process that writes them, for replays."""

    def __init__(self, keeping: Keeping, aside: RecordsProcess | None) -> None:
        self.keeping, self.aside = keeping, aside
        self.emit, self.missed = keeping.emit, keeping.missed

    def look(self) -> None:
        """Called after each batch."""
        if self.aside is not None:
            self.aside.look()

    def close(self, seconds: float | None) -> None:
        """Hand over the remaining data, within ``seconds`` if given; in a replay, all data is then written."""
        self.keeping.close(seconds)
        if self.aside is not None:
            self.aside.end()


def recording(
    folder: Path | None,
    config: Config,
    interfaces: Sequence[str],
    pipeline: Pipeline,
    *,
    live: bool,
    complain: Callable[[str], None],
) -> Recording | None:
    """The records of a run; None if none are kept: they are disabled, the extra is not installed, or the folder cannot
    be written. A replay starts with an empty folder.
    """
    if folder is None or not config.records.enabled or not installed():
        return None
    geoip = [str(path.absolute()) for path in config.records.geoip]
    origin = Origin(config.sensor.id, config.sensor.site, config.networks, [*interfaces], geoip)
    try:
        if not live:
            clear(folder)
        keeping = Keeping(
            folder, origin, len(pipeline.kernels.flows.slots), wait=not live, complain=complain,
            files=config.records.files,
        )  # fmt: skip
    except OSError as error:
        complain(f"no traffic records are written: {folder}: {error.strerror}")
        return None
    pipeline.record(keeping)
    return Recording(keeping, None if live else RecordsProcess(folder, config.records.gib, complain))


def clear(folder: Path) -> None:
    """Delete the records of an earlier replay; a folder with other contents is left unchanged."""
    if (folder / MANIFEST).exists() or (folder / FOLDER).is_dir():
        shutil.rmtree(folder)

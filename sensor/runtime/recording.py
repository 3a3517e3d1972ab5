"""The traffic records of a run: whether they are kept, and by which objects."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sensor.config import Config
from sensor.engine.pipeline import Pipeline
from sensor.records.installed import installed
from sensor.records.keeping import Keeping, Origin
from sensor.records.paths import MANIFEST
from sensor.records.process import RecordsProcess
from sensor.records.tail import FOLDER


class Recording:
    """The records of one run. ``keeping``: delivers data; ``aside``: the process that writes them, for replays."""

    def __init__(self, keeping: Keeping, aside: RecordsProcess | None) -> None:
        self.keeping, self.aside = keeping, aside
        self.emit, self.missed = keeping.emit, keeping.missed

    @property
    def dropped(self) -> int:
        """Rows that were not delivered, because the disk was full or too slow."""
        return self.keeping.recorder.dropped

    def close(self, seconds: float | None) -> None:
        """Deliver the remaining data, within ``seconds`` if given; in a replay, all data is then written."""
        self.keeping.close(seconds)
        if self.aside is not None:
            self.aside.end()


@contextlib.contextmanager
def writing_aside(
    folder: Path | None, config: Config, complain: Callable[[str], None]
) -> Iterator[RecordsProcess | None]:
    """The process that writes the records of a replay, while the engine is assembled; it ends if that fails. None if
    no records are kept.
    """
    aside = RecordsProcess(folder, config.records.gib, complain) if folder is not None and kept(config) else None
    try:
        yield aside
    except BaseException:
        if aside is not None:
            aside.end()
        raise


def kept(config: Config) -> bool:
    """Whether runs keep records: not if they are disabled, or the extra is not installed."""
    return config.records.enabled and installed()


def recording(
    folder: Path | None,
    config: Config,
    interfaces: Sequence[str],
    pipeline: Pipeline,
    aside: RecordsProcess | None,
    complain: Callable[[str], None],
) -> Recording | None:
    """The records of a run; None if none are kept, or the folder cannot be written. ``aside``: of a replay, which
    starts with an empty folder.
    """
    if folder is None or not kept(config):
        return None
    geoip = [str(path.absolute()) for path in config.records.geoip]
    origin = Origin(config.sensor.id, config.sensor.site, config.networks, [*interfaces], geoip)
    try:
        if aside is not None:
            clear(folder)
        keeping = Keeping(
            folder, origin, len(pipeline.kernels.flows.slots), wait=aside is not None, complain=complain,
            files=config.records.files,
        )  # fmt: skip
    except OSError as error:
        complain(f"no traffic records are written: {folder}: {error.strerror}")
        if aside is not None:
            aside.end()
        return None
    pipeline.record(keeping)
    if aside is not None:
        aside.begin()
    return Recording(keeping, aside)


def clear(folder: Path) -> None:
    """Delete the records of an earlier replay; a folder with other contents is left unchanged."""
    if (folder / MANIFEST).exists() or (folder / FOLDER).is_dir():
        shutil.rmtree(folder)

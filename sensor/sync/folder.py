"""The folder ``fleet`` beside a configuration: versions of the layers of a hub, and a link to the current one.

```
fleet/current -> versions/DIGEST
fleet/versions/DIGEST/10-fleet/sensor.yaml
fleet/files/SHA256        each file once; those of the versions are hard links to them
fleet/state.json
```
Readers see one complete version at any time, even after a crash.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from sensor.sync.layers import File, Layer, Refused

CURRENT, VERSIONS, FILES = "current", "versions", "files"


class FleetFolder:
    """``root``: the folder, which may not exist yet. Methods raise OSError."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def current(self) -> str:
        """Digest of the version in use; empty if there is none."""
        try:
            return (self.root / CURRENT).readlink().name
        except OSError:
            return ""

    def version(self, digest: str) -> Path:
        return self.root / VERSIONS / digest

    def stage(self, digest: str, layers: Iterable[Layer], fetch: Callable[[File], bytes]) -> Path:
        """Prepare the complete folder of a version without using it. ``fetch``: content of a file that is missing here.
        Raises Refused if the content does not match its signed digest.
        """
        made, new = self.version(digest), self.version(f"{digest}.new")
        if made.is_dir():
            return made
        shutil.rmtree(new, ignore_errors=True)
        for layer in layers:
            for file in layer.files:
                place = new / layer.folder / file.name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.hardlink_to(self._stored(file, fetch))
        new.mkdir(parents=True, exist_ok=True)
        new.rename(made)
        return made

    def use(self, digest: str) -> None:
        """Switch to a version; empty: to none."""
        if not digest:
            (self.root / CURRENT).unlink(missing_ok=True)
            return
        beside = self.root / f"{CURRENT}.new"
        beside.unlink(missing_ok=True)
        beside.symlink_to(Path(VERSIONS) / digest)
        beside.replace(self.root / CURRENT)

    def clean(self, keep: Collection[str]) -> None:
        """Remove all versions but these and the current one, and files that no version uses."""
        for folder in _entries(self.root / VERSIONS):
            if folder.name not in {*keep, self.current}:
                shutil.rmtree(folder, ignore_errors=True)
        for file in _entries(self.root / FILES):
            if file.stat().st_nlink == 1:
                file.unlink()

    def _stored(self, file: File, fetch: Callable[[File], bytes]) -> Path:
        path = self.root / FILES / file.sha256
        with contextlib.suppress(OSError):
            if hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256:
                return path
        body = fetch(file)
        if hashlib.sha256(body).hexdigest() != file.sha256:
            raise Refused(f"the content of {file.name} from the hub does not match the signature")
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f"{path.name}.new")
        with beside.open("wb") as out:
            out.write(body)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(path)
        return path


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []

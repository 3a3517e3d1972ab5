"""The folder ``upgrade`` in the state folder: packages that the sensor downloads, and the order to install one.

```
upgrade/SHA256.part       incomplete download
upgrade/SHA256.deb        complete package
upgrade/order.json        both are complete: the new package, and that of the current version
```
The sensor may write the folder, so the installer trusts nothing in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Collection
from pathlib import Path

import msgspec

from sensor.documents import write_whole
from sensor.outputs.hub_protocol.messages import Signed
from sensor.upgrades.releases import Rejected, Release

ORDER = "order.json"
# Free bytes that a download leaves.
SPARE = 256 << 20


class Order(msgspec.Struct, frozen=True):
    """``release``: to install; ``before``: of the current version, for a rollback."""

    release: Signed
    before: Signed


class Staging:
    """``root``: the folder, which may not exist yet. Methods raise OSError."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def has(self, release: Release) -> bool:
        return (self.root / release.name).is_file()

    def stored(self, release: Release) -> int:
        """Number of bytes of an incomplete package."""
        with contextlib.suppress(FileNotFoundError):
            return self._part(release).stat().st_size
        return 0

    def check_space(self, releases: Collection[Release]) -> None:
        """Raises Rejected unless there is room for the rest of these packages."""
        self.root.mkdir(mode=0o750, parents=True, exist_ok=True)
        needed = sum(release.size - self.stored(release) for release in releases if not self.has(release))
        free = shutil.disk_usage(self.root).free
        if needed and free < needed + SPARE:
            raise Rejected(f"{self.root} has {free:,} bytes free, expected {needed + SPARE:,} for the packages")

    def add(self, release: Release, body: bytes) -> None:
        """Append to a package; verify it when it is complete. Raises Rejected, after which it begins again."""
        path = self._part(release)
        if self.stored(release) + len(body) > release.size:
            path.unlink(missing_ok=True)
            raise Rejected(f"the hub sent more than the {release.size:,} bytes of the release")
        with path.open("ab") as out:
            out.write(body)
            if out.tell() < release.size:
                return
            out.flush()
            os.fsync(out.fileno())
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != release.sha256:
            path.unlink()
            raise Rejected("the package of the hub does not match the signed SHA-256")
        path.replace(self.root / release.name)

    def order(self, order: Order) -> None:
        """Request the installation: a unit of systemd waits for this file."""
        content = msgspec.json.encode(order)
        path = self.root / ORDER
        if not path.exists() or path.read_bytes() != content:
            write_whole(path, content)

    def withdraw(self) -> None:
        """Withdraw an order that the installer has not read yet."""
        (self.root / ORDER).unlink(missing_ok=True)

    def clean(self, keep: Collection[Release]) -> None:
        """Remove packages of other releases."""
        names = {release.sha256 for release in keep}
        with contextlib.suppress(FileNotFoundError):
            for path in self.root.iterdir():
                if path.suffix in (".deb", ".part") and path.stem not in names:
                    path.unlink(missing_ok=True)

    def _part(self, release: Release) -> Path:
        return self.root / f"{release.sha256}.part"

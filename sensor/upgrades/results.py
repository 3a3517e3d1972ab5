"""Files of the installer in its own folder: the open trial, and the result of the last upgrade, which the sensor may
read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from sensor.documents import write_whole
from sensor.sync.health import Health
from sensor.upgrades.releases import Release

TRIAL, RESULT = "trial.json", "result.json"
Content = TypeVar("Content", bound=msgspec.Struct)
State = Literal["installing", "installed", "rolled_back", "failed", "refused"]
"""``installing``: on trial, as long as there is an open one; ``installed``: health did not get worse; ``rolled_back``:
the former version runs again; ``failed``: neither version is installed completely, or the former one does not run;
``refused``: nothing was installed.
"""


class VersionTrial(msgspec.Struct, frozen=True):
    """A version on trial, and the one to return to. ``health``: before the upgrade."""

    release: Release
    before: Release
    health: Health


class Result(msgspec.Struct, frozen=True):
    """``version``, ``sha256``, ``signed``: of the release; ``health``: before the upgrade; ``at``: seconds since
    1970.
    """

    state: State
    version: str
    sha256: str
    signed: int
    reason: str = ""
    health: Health = Health()
    at: float = 0.0

    def is_of(self, release: Release) -> bool:
        """Whether it is of this release. A package that is signed again is another release."""
        return (self.sha256, self.signed) == (release.sha256, release.signed)


def load_trial(folder: Path) -> VersionTrial | None:
    """The open trial. Raises OSError; an invalid file is treated as none, since no crash leaves one."""
    return _load(folder / TRIAL, VersionTrial)


def load_result(folder: Path) -> Result | None:
    """The result of the last upgrade, or of the one that runs. Raises OSError."""
    return _load(folder / RESULT, Result)


def save(folder: Path, content: VersionTrial | Result) -> None:
    """Write a trial or a result, readable by the sensor. Raises OSError."""
    path = folder / (TRIAL if isinstance(content, VersionTrial) else RESULT)
    write_whole(path, msgspec.json.encode(content))
    path.chmod(0o644)


def close_trial(folder: Path) -> None:
    (folder / TRIAL).unlink(missing_ok=True)


def _load(path: Path, kind: type[Content]) -> Content | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None

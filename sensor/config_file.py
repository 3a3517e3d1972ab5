"""The path of this system's configuration, and the keys that commands need before they read it: the time zone of their
output, and the state folder.

Reading the whole configuration takes longer than most commands run; `sensor config check` and the sensor itself
validate these keys with all others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, tzinfo
from pathlib import Path

SYSTEM = Path("/etc/sensor/sensor.yaml")
# As the path of a configuration: no configuration.
NONE = Path("/dev/null")
_TIMEZONE = re.compile(r"""^timezone:[ \t]*["']?([\w/+-]+)""", re.MULTILINE)
_STATE = re.compile(r"""^state:[ \t]+(?:"([^"\n]+)"|'([^'\n]+)'|([^\s"'#{\[][^#\n]*?))[ \t]*(?:#.*)?$""", re.MULTILINE)


def usual(path: Path | None) -> Path | None:
    """The configuration that was named, else that of the system if it exists; None for ``NONE``. One without read
    permission exists: reading it reports the reason.
    """
    if path is not None:
        return path if path != NONE else None
    try:
        SYSTEM.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        pass
    return SYSTEM


def timezone_of(path: Path | None) -> str:
    """``timezone:`` of a configuration and its layers (``documents.layers``), the last one counts; empty if it is not
    set or cannot be read.
    """
    return _last(path, _TIMEZONE)[1]


def state_of(path: Path | None) -> Path | None:
    """``state:`` of a configuration and its layers, likewise; None if it is not set or cannot be read."""
    file, found = _last(path, _STATE)
    return file.parent / found if file is not None and found not in ("", "null", "~") else None


def _last(path: Path | None, pattern: re.Pattern[str]) -> tuple[Path | None, str]:
    """The value of a key in the last layer that has it, and that file."""
    last: tuple[Path | None, str] = None, ""
    for file in _files(path) if path is not None else ():
        try:
            match = pattern.search(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if match is not None:
            last = file, next(filter(None, match.groups()))
    return last


def zone_of(name: str) -> tzinfo | None:
    """The zone with a name from the IANA database, or ``local``; None for an empty name and for UTC. Raises ValueError
    if there is none.
    """
    if name in ("", "UTC"):
        return None
    if name == "local":
        return datetime.now().astimezone().tzinfo
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError; a folder gives an OSError
        raise ValueError(f"found {name[:64]!r}, expected a zone such as Europe/Berlin, UTC, or local") from None


def _files(path: Path) -> Iterator[Path]:
    try:
        if path.is_dir():
            path = path / "sensor.yaml"
            if not path.exists():
                yield from sorted(path.parent.glob("*.yaml"))
                return
        yield path
        if path.name == "sensor.yaml":
            yield from sorted(path.parent.glob("fleet/current/*/sensor.yaml"))
        yield from sorted(path.with_name("conf.d").glob("*.yaml"))
    except OSError:
        return

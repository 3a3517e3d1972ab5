"""The path of this system's configuration, and the one key that commands need before they read it: the time zone of
their output.

Reading the whole configuration takes longer than most commands run; `sensor config check` and the sensor itself
validate this key with all others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, tzinfo
from pathlib import Path

SYSTEM = Path("/etc/sensor/sensor.yaml")
_TIMEZONE = re.compile(r"""^timezone:[ \t]*["']?([\w/+-]+)""", re.MULTILINE)


def usual(path: Path | None) -> Path | None:
    """The configuration that was named, else that of the system if it exists. One without read permission exists:
    reading it reports the reason.
    """
    if path is not None:
        return path
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
    found = ""
    for file in _files(path) if path is not None else ():
        try:
            found = next((match[1] for match in _TIMEZONE.finditer(file.read_text(encoding="utf-8"))), found)
        except (OSError, ValueError):
            continue
    return found


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

"""The path of this system's configuration, and the keys that commands need before they read it: the time zone of their
output, and the state folder.

Reading the whole configuration takes longer than most commands run; `sensor config check` and the sensor itself
validate these keys with all others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from pathlib import Path

SYSTEM = Path("/etc/sensor/sensor.yaml")
# As the path of a configuration: no configuration.
NONE = Path("/dev/null")
# As of all documents (``documents.layers``).
SIZE_LIMIT = 16 << 20
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


def texts_of(path: Path | None) -> dict[Path, str]:
    """The texts of a configuration and its layers (``documents.layers``), the last one counts; without files that
    cannot be read.
    """
    found = {}
    for file in _files(path) if path is not None else ():
        try:
            with file.open("rb") as opened:
                raw = opened.read(SIZE_LIMIT + 1)
            if len(raw) <= SIZE_LIMIT:
                found[file] = raw.decode("utf-8-sig")
        except (OSError, ValueError):
            continue
    return found


def timezone_of(texts: Mapping[Path, str]) -> str:
    """``timezone:`` of these layers; empty if it is not set."""
    return _last(texts, _TIMEZONE)[1]


def state_of(texts: Mapping[Path, str]) -> Path | None:
    """``state:`` of these layers; None if it is not set."""
    file, found = _last(texts, _STATE)
    return file.parent / found if file is not None and found not in ("", "null", "~") else None


def _last(texts: Mapping[Path, str], pattern: re.Pattern[str]) -> tuple[Path | None, str]:
    """The value of a key in the last layer that has it, and that file."""
    last: tuple[Path | None, str] = None, ""
    for file, text in texts.items():
        match = pattern.search(text)
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
                yield from _layers(path.parent)
                return
        yield path
        if path.name == "sensor.yaml":
            yield from sorted(path.parent.glob("fleet/current/*/sensor.yaml"))
            yield from _layers(path.with_name("conf.d"))
    except OSError:
        return


def _layers(folder: Path) -> list[Path]:
    """The files that ``documents.layers`` reads, in its order."""
    return sorted(path for path in folder.glob("[!.]*.y*ml") if path.suffix in (".yaml", ".yml"))

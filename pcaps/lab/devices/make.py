"""Makes one small capture for each device that the files beside it describe: ``python -m pcaps.lab.devices.make
[FOLDER]``. The same bytes on every run.

Printers, telephones, televisions, cameras and conferencing systems speak here what such devices are documented to
speak. No capture of anybody's went into them: addresses, serial numbers and names are made up, the forms of the
messages come from standards and from makers' documentation.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from inspect import getmembers, isfunction
from pathlib import Path

from pcaps.lab.devices import _announcements, _conversations
from pcaps.lab.devices._stage import FIRST, HERE, PAUSE, Stage, Subject, subjects

Speech = Callable[..., None]
SPEECHES: dict[str, Speech] = {
    name: speech
    for room in (_announcements, _conversations)
    for name, speech in getmembers(room, isfunction)
    if speech.__module__ == room.__name__
}


def performed(subject: Subject) -> Stage:
    """All that a device says, on a tape."""
    stage, at = Stage(subject), FIRST
    for one in subject.says:
        for name, words in one.items():
            said = subject.filled(words)
            SPEECHES[name](stage, at, **said) if isinstance(said, dict) else SPEECHES[name](stage, at, *said)
            at += PAUSE
    return stage


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for subject in subjects():
        performed(subject).tape.write(folder / f"{subject.name}.pcapng", "pcaps/lab/devices/make.py")


if __name__ == "__main__":
    main()

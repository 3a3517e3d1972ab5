"""Initial baselines: what devices of a type serve and use, known before a network was monitored. One file per group of
types in ``fingerprints/baselines``.

``serves`` and ``uses`` are normal for the type and need no learning. ``never_serves`` and ``never_uses`` are what no
device of the type has a reason for, each with a sentence that explains it: those are reported from the first day. All
else is learned.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Any

from sensor.core.device import TYPES
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Check, Field, Model
from sensor.documents import DocumentErrors, Fault, each_known, load_shipped, own_folder

FOLDER = "baselines"
PROTOCOLS = {"tcp": 6, "udp": 17}
_SERVICE = lazy_pattern(r"(tcp|udp)/(\d{1,5})(?:-(\d{1,5}))?\Z")


def services_of(text: str) -> tuple[int, ...]:
    """``tcp/631`` or ``tcp/5900-5905`` as ``protocol << 16 | port``. Raises ValueError otherwise."""
    found = _SERVICE.match(text)
    if found is None:
        raise ValueError(f"found {text!r}, expected a service such as tcp/631 or tcp/5900-5905")
    protocol, first, last = PROTOCOLS[found[1]], int(found[2]), int(found[3] or found[2])
    if not 0 < first <= last < 65536:
        raise ValueError(f"found {text!r}, expected ports from 1 to 65535 in rising order")
    return tuple(protocol << 16 | port for port in range(first, last + 1))


def _all(texts: frozenset[str]) -> frozenset[str]:
    for text in texts:
        services_of(text)
    return texts


Services = Annotated[frozenset[str], Check(_all)]


def _known(types: list[str]) -> list[str]:
    each_known(types, TYPES, "the type")
    return types


class StartFile(Model):
    """One file."""

    types: Annotated[list[str], Check(_known)] = Field(min_length=1)
    note: str = ""
    serves: Services = frozenset()
    uses: Services = frozenset()
    never_serves: dict[str, str] = {}
    never_uses: dict[str, str] = {}

    def check_whole(self, context: Any) -> None:
        for usual, never in ((self.serves, self.never_serves), (self.uses, self.never_uses)):
            for text in never:
                if _numbers(usual).intersection(services_of(text)):
                    raise ValueError(f"found {text!r} among the usual services too, expected it in one of the two")


class Start:
    """Services that devices of a type offer and use, as ``protocol << 16 | port``."""

    def __init__(self, source: StartFile) -> None:
        self.serves, self.uses = _numbers(source.serves), _numbers(source.uses)
        self.never_serves = {service: why for text, why in source.never_serves.items() for service in services_of(text)}
        self.never_uses = {service: why for text, why in source.never_uses.items() for service in services_of(text)}


@functools.cache
def load_starts(folder: Path | None = None) -> dict[str, Start]:
    """The initial baseline of each type. Raises DocumentErrors with all faults of the files."""
    starts: dict[str, Start] = {}
    faults: list[Fault] = []
    for path in sorted((folder or own_folder() / FOLDER).glob("*.yaml")):
        try:
            source = load_shipped(path, StartFile)
        except DocumentErrors as errors:
            faults += errors.faults
            continue
        for kind in source.types:
            if kind in starts:
                faults.append(Fault(path, 1, 1, f"found the type {kind!r} in another file too, expected it once"))
            starts[kind] = Start(source)
    if faults:
        raise DocumentErrors(faults)
    return starts


def _numbers(texts: frozenset[str] | tuple[str, ...]) -> frozenset[int]:
    return frozenset(service for text in texts for service in services_of(text))

"""Owners of MAC prefixes, from the IEEE registries included in netaddr, or from a newer file of the operator.

netaddr has the 24-bit assignments (MA-L) and the old 36-bit ones (IAB). A file may have all sizes: IEEE's ``oui.txt``
and the CSV lists, or lines of ``prefix[/bits]<tab>name`` as in Wireshark. The file has precedence. Nothing is read
before the first lookup.
"""

from __future__ import annotations

import csv
import functools
import importlib.util
import os
import re
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sensor.core.addresses import is_group_mac, is_random_mac
from sensor.core.bounded import Bounded
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.named_tables import NamedTables
from sensor.core.reader import clean

REMEMBERED = 1024
NAME_LIMIT = 128
LINE_LIMIT = 512
# Sizes of assignments: MA-S and IAB, MA-M, MA-L; the longest prefix wins.
BITS = (36, 28, 24)

# Prefixes that a hypervisor assigns to its virtual machines, of organizations that also build devices.
VIRTUAL = {0x0003FF: "Virtual PC", 0x00155D: "Hyper-V", 0x0021F6: "Oracle VM", 0x506B8D: "Nutanix AHV"}

_TEXT_LINE = lazy_pattern(r"^([0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2})\s+\(hex\)\s+(\S.*)$")
_MANUF_LINE = lazy_pattern(r"^([0-9A-Fa-f:.-]{6,17})(?:/(\d+))?[\t ]+(\S.*)$")
_IAB = frozenset((0x0050C2, 0x40D855))


class Oui:
    """Organizations by MAC prefix, with a cache."""

    def __init__(self, registry: Path | None = None) -> None:
        self._registry = registry
        self._newer: dict[tuple[int, int], str] | None = None
        self.tables = NamedTables()
        self._known: Bounded[int, str] = self.tables.add("known", Bounded(REMEMBERED))

    def organisation(self, mac: int) -> str:
        """The owner of the prefix; empty for unknown, group and locally administered MACs, and for those that begin or
        end with 00:00:00, nearly all of which are forged.

        Raises OSError and ValueError if the registry file cannot be used.
        """
        if is_random_mac(mac) or is_group_mac(mac) or not mac >> 24 or not mac & 0xFFFFFF:
            return ""
        prefix = mac >> 12
        name = self._known.get(prefix)
        if name is None:
            name = self._look(mac)
            self._known.put(prefix, name)
        return name

    def _look(self, mac: int) -> str:
        if mac >> 24 in VIRTUAL:
            return f"Virtual machine ({VIRTUAL[mac >> 24]})"
        if self._newer is None:
            self._newer = read_registry(self._registry) if self._registry else {}
        for bits in BITS if self._newer else ():
            name = self._newer.get((bits, mac >> 48 - bits))
            if name is not None:
                return name
        return shipped(mac)


def shipped(mac: int) -> str:
    """The owner in netaddr's registry."""
    prefix = mac >> 24
    return _carried().name("iab.txt", mac >> 12) if prefix in _IAB else _carried().name("oui.txt", prefix)


@functools.cache
def _carried() -> _Carried:
    return _Carried()


class _Carried:
    """netaddr's lists with its index, each opened once. Its own classes open the list for each MAC, which takes 60 µs.
    Entries are read by their offset, because threads and forked processes share the position of an open file; a mapped
    list would stay in memory, 5 MB of it.
    """

    def __init__(self) -> None:
        # Only the files are needed: importing the package takes 20 ms.
        package = importlib.util.find_spec("netaddr")
        if package is None or package.origin is None:
            raise ModuleNotFoundError("No module named 'netaddr'", name="netaddr")
        folder = Path(package.origin).parent / "eui"
        self._prefixes: dict[str, npt.NDArray[np.int64]] = {}
        self._places: dict[str, npt.NDArray[np.int64]] = {}
        self._text: dict[str, int] = {}
        for registry in ("oui", "iab"):
            with folder.joinpath(f"{registry}.idx").open("rb") as lines:
                index = np.loadtxt(lines, delimiter=",", dtype=np.int64)
            index = index[np.argsort(index[:, 0], kind="stable")]
            # A column that is not contiguous would be copied at each search.
            self._prefixes[f"{registry}.txt"], self._places[f"{registry}.txt"] = index[:, 0].copy(), index[:, 1:].copy()
            text = self._text[f"{registry}.txt"] = os.open(folder / f"{registry}.txt", os.O_RDONLY | os.O_CLOEXEC)
            weakref.finalize(self, os.close, text)
        # Networks have many devices of one vendor, which differ only after the prefix.
        self.name = functools.lru_cache(REMEMBERED)(self._name)

    def _name(self, registry: str, prefix: int) -> str:
        """The text after ``(hex)`` in the first line of the entry; empty if there is none."""
        prefixes = self._prefixes[registry]
        place = int(prefixes.searchsorted(prefix))
        if place == len(prefixes) or prefixes[place] != prefix:
            return ""
        offset, size = self._places[registry][place].tolist()
        first = os.pread(self._text[registry], min(size, LINE_LIMIT), offset).split(b"\n", 1)[0]
        return _name(first.partition(b"(hex)")[2].strip().decode("utf-8", "replace"))


def _name(text: str) -> str:
    """A displayable name; empty for the registry's own blocks, which are assigned in smaller parts."""
    name = clean(text, NAME_LIMIT)
    return "" if name.startswith("IEEE Registration Authority") else name


def read_registry(path: Path) -> dict[tuple[int, int], str]:
    """(bits, prefix) → organization, from a registry file in any of the known formats. Raises ValueError for others."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        first = file.readline()
        file.seek(0)
        rows = _csv(file) if first.startswith("Registry,") else _lines(file)
        try:
            found = {(len(digits) * 4 if bits is None else bits, int(digits, 16)): name for digits, bits, name in rows}
        except csv.Error as error:  # such as a quote without an end
            raise ValueError(f"{path}: found invalid CSV: {error}") from None
    if not found:
        raise ValueError(
            f"{path}: found no MAC prefixes, expected IEEE's oui.txt or CSV, or lines of prefix, tab and name"
        )
    return found


Row = tuple[str, "int | None", str]


def _csv(file: Iterator[str]) -> Iterator[Row]:
    """IEEE's lists: Registry, Assignment, Organization Name, Organization Address."""
    for row in csv.reader(file):
        if len(row) >= 3 and re.fullmatch(r"[0-9A-Fa-f]{6,9}", row[1]):
            yield row[1], None, _name(row[2])


def _lines(file: Iterator[str]) -> Iterator[Row]:
    """IEEE's text form, and Wireshark's: prefix with its length unless it is 24, short name, long name."""
    for line in file:
        if found := _TEXT_LINE.match(line):
            yield found[1].replace("-", ""), None, _name(found[2])
        elif found := _MANUF_LINE.match(line):
            digits, bits = re.sub(r"[:.-]", "", found[1]), int(found[2] or 24)
            if bits in BITS and len(digits) * 4 >= bits:
                yield digits[: bits // 4], bits, _name(found[3].split("\t")[-1])

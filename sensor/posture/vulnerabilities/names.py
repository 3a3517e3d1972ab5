"""Maps names in the inventory to names in feeds: vendors and systems by a table
(``fingerprints/vulnerabilities/cpe_names.yaml``), models by their words.

A product matches a device if their words are equal, apart from generic ones (``ip phone``). If the record has
additional words, it is about a variant that the device may or may not be.
"""

from __future__ import annotations

import enum
import functools
import re
from pathlib import Path

from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Field, Model
from sensor.documents import DocumentErrors, fault_at, load_shipped, nearest, own_folder
from sensor.posture.vulnerabilities.asset import Asset
from sensor.posture.vulnerabilities.curated import FOLDER, NAMES, Regex, SchemeName, all_terms

_SPLIT = lazy_pattern(r"[^a-z0-9]+")
_REMEMBERED = 16_384


class System(Model):
    """Software that many models run. ``os``, ``product``: searched in the system, and in vendor and model,
    of devices.
    """

    cpe: list[str] = Field(min_length=1)
    os: Regex = ""
    product: Regex = ""
    types: list[str] = []
    scheme: SchemeName = "dotted"


class Maker(Model):
    """A vendor: its other names in feeds, its version scheme, and its systems."""

    cpe: list[str] = []
    scheme: SchemeName = "dotted"
    systems: list[System] = []


class Table(Model):
    """The file."""

    noise: list[str] = []
    vendors: dict[str, Maker] = {}


class ProductMatch(enum.Enum):
    """Match between a product of a record and a device."""

    SAME = enum.auto()
    VARIANT = enum.auto()
    OTHER = enum.auto()


@functools.lru_cache(_REMEMBERED)
def key(text: str) -> str:
    """Lower-case letters and digits only, for comparison of names."""
    return _SPLIT.sub("", text.lower())


def words(text: str) -> frozenset[str]:
    return frozenset(_SPLIT.split(text.lower())) - {""}


def distinctive(text: str) -> frozenset[str]:
    """Searchable words of a name: those with a digit, and the whole name."""
    return searchable(words(text)) | {key(text)}


def searchable(several: frozenset[str]) -> frozenset[str]:
    """Words with a digit, of more than one character."""
    return frozenset(one for one in several if len(one) > 1 and not one.isalpha())


class Names:
    """The table with lookups."""

    def __init__(self, table: Table, spellings: dict[str, str]) -> None:
        self._noise = frozenset(table.noise)
        self._makers = table.vendors
        self._others: dict[str, set[str]] = {}
        for spelling, vendor in spellings.items():
            self._others.setdefault(vendor, set()).add(key(spelling))

        # The same vendors and models are looked up repeatedly.
        self.vendors = functools.lru_cache(_REMEMBERED)(self._keys_of)
        self._words_of = functools.lru_cache(_REMEMBERED)(self._distinctive_words)

    def _keys_of(self, vendor: str) -> tuple[str, ...]:
        """The keys of a vendor in feeds."""
        known = self._makers.get(vendor)
        return tuple(
            sorted({key(vendor), *self._others.get(vendor, ()), *(map(key, known.cpe) if known else ())} - {""})
        )

    def scheme(self, vendor: str) -> str:
        """Version scheme of a vendor's firmware."""
        known = self._makers.get(vendor)
        return known.scheme if known else "dotted"

    def systems(self, asset: Asset) -> list[System]:
        """The known systems of a device."""
        known = self._makers.get(asset.vendor)
        return [one for one in known.systems if _runs(one, asset)] if known else []

    def terms(self, asset: Asset) -> list[str]:
        """Searchable words that a product must have to match the model of a device: those with a digit, otherwise the
        whole name.
        """
        found = searchable(self._words_of(asset.vendor, asset.model))
        return sorted(found) or [key(asset.model)]

    def likeness(self, asset: Asset, product: str) -> ProductMatch:
        """Match between a product and the model of a device."""
        model, name = self._words_of(asset.vendor, asset.model), self._words_of(asset.vendor, product)
        if model and (model == name or key(asset.model) == key(product)):
            return ProductMatch.SAME
        numbers = {one for one in model if not one.isalpha()}
        return ProductMatch.VARIANT if numbers and model < name else ProductMatch.OTHER

    def _distinctive_words(self, vendor: str, text: str) -> frozenset[str]:
        """The words of a name that are neither generic nor the vendor."""
        return words(text) - self._noise - words(vendor)


def _runs(system: System, asset: Asset) -> bool:
    if system.types and asset.type not in system.types:
        return False
    return _found(system.os, asset.os) and _found(system.product, asset.product)


def _found(pattern: str, text: str) -> bool:
    return not pattern or re.search(pattern, text, re.IGNORECASE) is not None


@functools.cache
def load_names(folder: Path | None = None) -> Names:
    """The table in a folder, otherwise ours. Raises DocumentErrors with all faults."""
    folder = folder or own_folder() / FOLDER
    vocabulary = all_terms()
    path, known = folder / NAMES, list(vocabulary.vendors)
    table = load_shipped(path, Table)
    unknown_vendors = [vendor for vendor in table.vendors if vendor not in vocabulary.vendors]
    if unknown_vendors:
        raise DocumentErrors(
            [
                fault_at(path, ("vendors", one), f"found the vendor {one!r}, {nearest(one, known)}", key=True)
                for one in unknown_vendors
            ]
        )
    return Names(table, vocabulary.spellings())

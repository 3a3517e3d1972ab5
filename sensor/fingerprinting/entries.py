"""Fingerprints as the matcher reads them. Those of one file are packed: they are unpacked when a value of one of their
kinds is first seen, because most networks use few of the kinds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.literals import needed_texts, plain_starts

if TYPE_CHECKING:
    from sensor.documents import Fault
    from sensor.fingerprinting.vocabulary import Vocabulary

PLACEHOLDER = lazy_pattern(r"\{(\w+)\}")
_encode = msgspec.msgpack.encode


class Pattern(msgspec.Struct, frozen=True, array_like=True):
    """How a value is matched: by one operator of ``Match`` and its operands (one, for a regex).

    ``starts``: texts one of which every match starts with; ``needed``: texts of which every match contains one. Both in
    lower case, of operators that are not looked up by their whole text or their end; empty if there are none.
    """

    operator: str
    texts: tuple[str, ...]
    ignore_case: bool
    starts: tuple[str, ...]
    needed: tuple[str, ...]

    @classmethod
    def of(cls, operator: str, texts: tuple[str, ...], ignore_case: bool) -> Pattern:
        starts, needed = list[str](), tuple[str, ...]()
        if operator == "prefix":
            starts = list(texts)
        elif operator == "regex":
            starts = plain_starts(texts[0])
            needed = needed_texts(texts[0])
        elif operator == "contains":
            needed = tuple(map(str.lower, texts))
        return cls(operator, texts, ignore_case, tuple(dict.fromkeys(map(str.lower, starts))), needed)

    @property
    def regex(self) -> str | None:
        return self.texts[0] if self.operator == "regex" else None

    def compiled(self) -> re.Pattern[str]:
        """The regex; raises ``re.error`` if it is invalid."""
        return re.compile(self.texts[0], re.IGNORECASE if self.ignore_case else 0)


class About(msgspec.Struct, frozen=True, array_like=True):
    """What tests and people read of an entry. ``samples``: (value that must match, attributes it must yield besides the
    constants).
    """

    samples: tuple[tuple[str, dict[str, str]], ...] = ()
    negatives: tuple[str, ...] = ()
    note: str = ""
    source: str = ""


class Row(msgspec.Struct, frozen=True, array_like=True):
    """An entry without the metadata of its file. ``about``: packed, because matching does not need it."""

    id: str
    match: Pattern
    asserts: dict[str, str]
    certainty: dict[str, float]
    about: msgspec.Raw

    @classmethod
    def of(
        cls, identity: str, match: Pattern, asserts: dict[str, str], certainty: dict[str, float], about: About
    ) -> Row:
        return cls(identity, match, asserts, certainty, msgspec.Raw(_encode(about)))


class Fingerprint(msgspec.Struct, frozen=True):
    """An entry with the metadata of its file. ``path``: the file, as text."""

    id: str
    kinds: tuple[str, ...]
    family: str
    match: Pattern
    asserts: dict[str, str]
    certainty: dict[str, float]
    path: str
    packed: msgspec.Raw

    @property
    def about(self) -> About:
        return msgspec.msgpack.decode(self.packed, type=About)


class Claim(NamedTuple):
    """The claim of a fingerprint about one attribute of the sender of a value."""

    attribute: str
    value: str
    confidence: float
    fingerprint: str
    family: str


class PackedFile(msgspec.Struct, frozen=True, array_like=True):
    """The entries of one file, as the cache stores them. ``rows``: a packed list of ``Row``."""

    path: str
    kinds: tuple[str, ...]
    family: str
    rows: msgspec.Raw

    @classmethod
    def of(cls, path: str, kinds: Sequence[str], family: str, rows: list[Row]) -> PackedFile:
        return cls(path, tuple(kinds), family, msgspec.Raw(_encode(rows)))

    def unpacked(self) -> list[Fingerprint]:
        """Its fingerprints; equal certainties are shared, since most entries of a file have the same."""
        shared: dict[tuple[tuple[str, float], ...], dict[str, float]] = {}
        return [
            Fingerprint(
                row.id, self.kinds, self.family, row.match, row.asserts,
                shared.setdefault(tuple(row.certainty.items()), row.certainty), self.path, row.about,
            )
            for row in msgspec.msgpack.decode(self.rows, type=list[Row])
        ]  # fmt: skip


class Knowledge:
    """All fingerprints and the vocabulary; ``faults``: of the operator's folders, to report."""

    def __init__(self, vocabulary: Vocabulary, files: Iterable[PackedFile] = ()) -> None:
        self.vocabulary = vocabulary
        self.faults: list[Fault] = []
        self.files: dict[str, PackedFile] = {}
        self._unpacked: dict[str, list[Fingerprint]] = {}
        for file in files:
            self.add(file)

    def add(self, file: PackedFile) -> None:
        """Add the entries of a file, or replace them."""
        self.files[file.path] = file
        self._unpacked.pop(file.path, None)

    def remove(self, path: str) -> None:
        del self.files[path]
        self._unpacked.pop(path, None)

    @property
    def kinds(self) -> frozenset[str]:
        """All kinds of observations with fingerprints."""
        return frozenset(kind for file in self.files.values() for kind in file.kinds)

    @property
    def name(self) -> str:
        """A name for the content of the fingerprints, which changes with it."""
        hashed = hashlib.blake2b(digest_size=16)
        for file in self.files.values():
            hashed.update(_encode((file.kinds, file.family, file.rows)))
        return hashed.hexdigest()

    @property
    def fingerprints(self) -> list[Fingerprint]:
        return [one for path in self.files for one in self.of_file(path)]

    def paths_of(self, kind: str) -> tuple[str, ...]:
        """The files with fingerprints of a kind."""
        return tuple(path for path, file in self.files.items() if kind in file.kinds)

    def family_of(self, kind: str) -> str:
        """The family of a kind's own fingerprints: that of its protocol, if one of them has it."""
        families = [self.files[path].family for path in self.paths_of(kind)]
        protocol = kind.partition(".")[0]
        return protocol if protocol in families else families[0]

    def of_file(self, path: str) -> list[Fingerprint]:
        """The fingerprints of a file, each time the same objects."""
        found = self._unpacked.get(path)
        if found is None:
            found = self._unpacked[path] = self.files[path].unpacked()
        return found

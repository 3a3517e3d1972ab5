"""Loads the vocabulary and the fingerprints, in YAML, ours and the operator's. Vocabulary of one protocol is in its
folder.

Our own files are beside the package in a checkout and inside it (``sensor/fingerprints_data``) once installed. A fault
in them prevents the start; a fault in an operator's folder is reported and the rest of that folder is used. Our regular
expressions are compiled on first use (the tests compile all); those of operators at once.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from sensor.core.collection import no_collection
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Check, Field, Model
from sensor.documents import (
    DocumentErrors,
    Fault,
    fault_at,
    load_document,
    load_shipped,
    nearest,
    own_folder,
    yaml_files,
)
from sensor.documents.shipped import VOCABULARY
from sensor.fingerprinting.entries import PLACEHOLDER, About, Fingerprint, Knowledge, PackedFile, Pattern, Row
from sensor.fingerprinting.folder_cache import FolderCache
from sensor.fingerprinting.vocabulary import Vocabulary

if TYPE_CHECKING:
    from pydantic import ValidationInfo

# Folders with other data: signatures of attacks and default logins (sensor/intel), initial baselines (starts.py), and
# vulnerabilities (sensor/posture).
OTHERS = ("frameworks", "exploits", "logins", "baselines", "vulnerabilities", "recommendations")
OPERATORS = ("exact", "prefix", "suffix", "domain", "contains", "regex")
DOMAIN = lazy_pattern(r"[^\s.*/]+(?:\.[^\s.*/]+)*")

Certainty = Annotated[float, Field(gt=0, le=1)]
OneOrMore = str | list[str]


def _word(section: str) -> Check:
    """Validates a term with a section of the vocabulary, which is the context of the validation."""

    def check(value: str, info: ValidationInfo[Any]) -> str:
        known: dict[str, object] = getattr(info.context, section, {})
        if value not in known:
            raise ValueError(f"found {value!r}, {nearest(value, list(known))}")
        return value

    return Check(check, informed=True)


class Match(Model):
    """How a value is matched: by exactly one of the operators. A list means any of them. Regexes are searched: anchor
    them.

    ``domain``: the name itself and its subdomains, case-insensitive; of nested domains only the innermost matches.
    """

    exact: OneOrMore | None = None
    prefix: OneOrMore | None = None
    suffix: OneOrMore | None = None
    domain: OneOrMore | None = None
    contains: OneOrMore | None = None
    regex: str | None = None
    ignore_case: bool | None = None

    def check_whole(self, context: Any) -> None:
        given = [name for name in OPERATORS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"found {' and '.join(given) or 'no operator'}, expected exactly one of {', '.join(OPERATORS)}"
            )
        if not all(self.texts) or not self.texts:
            raise ValueError("found an empty text, expected at least one character")
        if self.operator == "domain" and (odd := [text for text in self.texts if not DOMAIN.fullmatch(text)]):
            raise ValueError(f"found {odd[0]!r}, expected a domain name without asterisk or outer dots")

    @property
    def operator(self) -> str:
        return next(name for name in OPERATORS if getattr(self, name) is not None)

    @property
    def texts(self) -> list[str]:
        """Operands of the operator."""
        value = getattr(self, self.operator)
        return [value] if isinstance(value, str) else list(value)


class Entry(Model):
    """One fingerprint. ``asserts`` (``assert`` in the file): attribute → constant, or text with ``{group}`` of the
    regex.

    An example is a value that must match, or keys ``value`` and the attributes it must yield; an entry by exact value
    or domain is its own example.
    """

    id: str = Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")
    match: Match
    asserts: dict[Annotated[str, _word("attributes")], Annotated[str, Field(min_length=1)]] = Field(
        alias="assert", min_length=1
    )
    certainty: Certainty | dict[str, Certainty] = {}
    examples: list[str | dict[str, str]] = []
    negatives: list[str] = []
    note: str = ""
    source: str = ""

    def check_whole(self, context: Any) -> None:
        for attribute, section in (("type", "types"), ("vendor", "vendors")):
            value, known = self.asserts.get(attribute), getattr(context, section, {})
            if value and value not in known and not PLACEHOLDER.search(value):
                raise ValueError(f"found {attribute} {value!r}, {nearest(value, list(known))}")
        if not self.examples and self.match.exact is None and self.match.domain is None:
            raise ValueError("found no examples, expected at least one")

    def samples(self) -> Iterator[tuple[str, dict[str, str]]]:
        """(value that must match, attributes it must yield besides the constants) of every example."""
        for example in self.examples or [{"value": text} for text in self.match.texts]:
            given = {"value": example} if isinstance(example, str) else example
            yield given["value"], {name: text for name, text in given.items() if name != "value"}


class FingerprintFile(Model):
    """One file: its kind of observation, and defaults for its entries (an entry's certainty replaces the file's by
    attribute, or for all if it is a number).
    """

    observation: list[Annotated[str, _word("observations")]] = Field(min_length=1)
    family: Annotated[str, _word("families")]
    note: str = ""
    source: str = ""
    certainty: dict[str, Certainty] = {}
    ignore_case: bool = False
    fingerprints: list[Entry]

    def check_whole(self, context: Any) -> None:
        for entry in self.fingerprints:
            missing = [
                name
                for name in entry.asserts
                if isinstance(entry.certainty, dict) and name not in {**self.certainty, **entry.certainty}
            ]
            if missing:
                raise ValueError(
                    f"found no certainty for {', '.join(missing)} of {entry.id}, expected it in the entry or in "
                    "the file"
                )


class _Stored(msgspec.Struct):
    """Cached content of our own files."""

    vocabulary: dict[str, dict[str, Any]]
    files: list[PackedFile]


@functools.cache
def own_vocabulary() -> Vocabulary:
    """The vocabulary of all our files. Raises DocumentErrors."""
    return load_shipped(own_folder() / VOCABULARY, Vocabulary)


def load_knowledge(folders: Sequence[Path] = ()) -> Knowledge:
    """Our fingerprints and those of the operator's folders. Raises DocumentErrors only for faults of ours."""
    with no_collection():
        own = own_folder()
        cache = FolderCache(own)
        knowledge = _kept(cache) or _read(own, cache)
        for folder in folders:
            _add_folder(knowledge, folder)
    return knowledge


def _kept(cache: FolderCache) -> Knowledge | None:
    """Our own fingerprints from the cache, if no file changed since."""
    kept = cache.take(_Stored)
    return Knowledge(Vocabulary(**kept.vocabulary), kept.files) if kept else None


def _read(own: Path, cache: FolderCache) -> Knowledge:
    """Our own fingerprints from their files; cached for the next start."""
    knowledge = Knowledge(Vocabulary())
    faults: list[Fault] = []
    _add_words(knowledge, _vocabularies(own), faults)
    for path in _files(own):
        _add(knowledge, path, faults, own=True)
    if faults:
        raise DocumentErrors(faults)
    cache.put(_Stored(knowledge.vocabulary.model_dump(), list(knowledge.files.values())))
    return knowledge


def _add_folder(knowledge: Knowledge, folder: Path) -> None:
    """Load an operator's folder: its valid part, and its faults."""
    if not folder.is_dir():
        knowledge.faults.append(Fault(folder, 1, 1, "found no such folder, expected one with fingerprint files"))
        return
    _add_words(knowledge, _vocabularies(folder), knowledge.faults)
    for path in _files(folder):
        _add(knowledge, path, knowledge.faults, own=False)


def load_more(knowledge: Knowledge, path: Path) -> list[Fingerprint]:
    """Add the fingerprints of another folder or file of the operator. Replaces what was loaded from there before;
    faults are collected.

    The vocabulary of a file is the one beside it.
    """
    there = path.resolve()
    for name in [name for name in knowledge.files if Path(name).resolve().is_relative_to(there)]:
        knowledge.remove(name)
    known = set(knowledge.files)
    if path.is_dir():
        _add_folder(knowledge, path)
    else:
        beside = path.with_name(VOCABULARY)
        _add_words(knowledge, [beside] if beside.is_file() else [], knowledge.faults)
        _add(knowledge, path, knowledge.faults, own=False)
    return [one for name in knowledge.files if name not in known for one in knowledge.of_file(name)]


def _vocabularies(folder: Path) -> list[Path]:
    """The vocabulary of a folder, and one per protocol beside the fingerprints."""
    return sorted(folder.rglob(VOCABULARY))


def _add_words(knowledge: Knowledge, paths: Iterable[Path], faults: list[Fault]) -> None:
    """Add the terms of vocabularies."""
    for path in paths:
        try:
            knowledge.vocabulary = knowledge.vocabulary.joined(load_document(path, Vocabulary))
        except DocumentErrors as error:
            faults += error.faults


def _files(folder: Path) -> Iterable[Path]:
    found = yaml_files(folder, deep=True)
    return [path for path in found if path.name != VOCABULARY and path.parent.name not in OTHERS]


def _add(knowledge: Knowledge, path: Path, faults: list[Fault], *, own: bool) -> None:
    """Add the fingerprints of one file; none of them if the file has a fault."""
    try:
        document = load_document(path, FingerprintFile, context=knowledge.vocabulary)
    except DocumentErrors as error:
        faults += error.faults
        return
    found = [] if own else list(_closer(path, document))
    taken: dict[str, str | Path] = {fingerprint.id: fingerprint.path for fingerprint in knowledge.fingerprints}
    for number, entry in enumerate(document.fingerprints):
        if entry.id in taken:
            message = f"found the id {entry.id!r} twice (first in {taken[entry.id]}), expected a unique id"
            found.append(fault_at(path, ("fingerprints", number, "id"), message))
        taken[entry.id] = path
    if found:
        faults += found
        return
    rows = [_row(document, entry) for entry in document.fingerprints]
    knowledge.add(PackedFile.of(str(path), document.observation, document.family, rows))


def _row(document: FingerprintFile, entry: Entry) -> Row:
    own: Any = entry.certainty
    certainty = {**document.certainty, **own} if isinstance(own, dict) else dict.fromkeys(entry.asserts, own)
    ignore_case = document.ignore_case if entry.match.ignore_case is None else entry.match.ignore_case
    pattern = Pattern.of(entry.match.operator, tuple(entry.match.texts), ignore_case)
    note, source = entry.note or document.note, entry.source or document.source
    about = About(tuple(entry.samples()), tuple(entry.negatives), note, source)
    return Row.of(entry.id, pattern, entry.asserts, certainty, about)


def _closer(path: Path, document: FingerprintFile) -> Iterator[Fault]:
    """Faults beyond the schema: regexes that do not compile, placeholders without a group."""
    for number, entry in enumerate(document.fingerprints):
        groups: set[str] = set()
        if entry.match.regex is not None:
            try:
                groups = set(re.compile(entry.match.regex).groupindex)
            except re.error as error:
                yield fault_at(path, ("fingerprints", number, "match", "regex"), f"not a regular expression: {error}")
                continue
        for attribute, text in entry.asserts.items():
            for name in PLACEHOLDER.findall(text):
                if name not in groups:
                    expected = (
                        nearest(name, sorted(groups))
                        if groups
                        else "expected plain text: the pattern has no named groups"
                    )
                    yield fault_at(
                        path,
                        ("fingerprints", number, "assert", attribute),
                        f"found the placeholder {{{name}}}, {expected}",
                    )

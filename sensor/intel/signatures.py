"""Signatures of known attacks: traffic of public attack frameworks, remote-access trojans and exploits. One folder per
subject, with files of entries.

An entry matches if all its regexes are found in the text of an event, none of ``unless`` is, and one of its ``words``
occurs: the words avoid most regex searches. Entries are tested by their own examples and by benign look-alikes that
must not match.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from sensor.core.alert import Severity
from sensor.core.attack import TECHNIQUES
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.literals import alternatives, may_match, needed_texts
from sensor.core.model import Check, Field, Model
from sensor.core.wants import Searched, Want, all_of, any_of
from sensor.documents import DocumentErrors, Fault, each_known, fault_at, load_shipped, nearest, own_folder

FOLDERS = ("frameworks", "exploits")
FIELDS = (
    "method",
    "host",
    "path",
    "agent",
    "headers",
    "cookies",
    "type",
    "body",
    "text",
    "sni",
    "alpn",
    "ja3",
    "ja4",
    "subject",
    "issuer",
    "sha1",
    "line",
)
# Size of the result cache.
REMEMBERED = 1024
# Requests through a proxy name the server before the path (RFC 9112, 3.2.2).
SERVER = "^(?:[a-z]{3,5}://[^/]*)?/"
# Separators of words in a request's path, cookies and other texts.
_CUT = lazy_pattern(r"[/?&=;:() ,]+")
# References to groups by number or name, which another alternative would number differently.
_NUMBERED = lazy_pattern(r"\\[1-9]|\(\?(?:\(|P=)")


def _known(techniques: tuple[str, ...]) -> tuple[str, ...]:
    each_known(techniques, list(TECHNIQUES), "the technique")
    return techniques


class Signature(Model):
    """One known attack. ``what`` continues "… looks like": *a check-in of Empire*; ``event``: the matching event kind;
    ``match``, ``unless``: field → regex, case-insensitive, searched: anchor them. ``words``: whole words of path,
    cookies or text of which one must occur (lower case; empty: always tried).
    """

    id: str = Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")
    what: str = Field(min_length=3)
    event: Literal["request", "body", "text", "tls", "certificate", "quic", "command"]
    match: dict[str, str] = Field(min_length=1)
    unless: dict[str, str] = {}
    words: tuple[str, ...] = ()
    severity: Literal["low", "medium", "high", "critical"] = "high"
    confidence: float = Field(0.9, gt=0, le=1)
    techniques: Annotated[tuple[str, ...], Check(_known)] = Field(min_length=1)
    examples: list[dict[str, str]] = Field(min_length=1)
    lookalikes: list[dict[str, str]] = Field(min_length=1)
    note: str = ""

    def check_whole(self, context: Any) -> None:
        for name, pattern in (*self.match.items(), *self.unless.items()):
            if name not in FIELDS:
                raise ValueError(f"found the field {name!r}, {nearest(name, FIELDS)}")
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{name} is not a regular expression: {error}") from None

    @property
    def level(self) -> Severity:
        return Severity[self.severity]


class SignatureFile(Model):
    """One file of signatures."""

    note: str = ""
    signatures: list[Signature] = Field(min_length=1)


class _Ready:
    """A signature whose regexes are compiled on first use: most are never needed."""

    __slots__ = ("_unwanted", "_wanted", "entry", "match")

    def __init__(self, entry: Signature) -> None:
        self.entry, self.match = entry, _patterns(entry.match)
        self._wanted: list[tuple[str, Pattern]] | None = None
        self._unwanted: list[tuple[str, Pattern]] = []

    def requires(self, fields: Mapping[str, str]) -> bool:
        """Whether the fields of an event match."""
        if self._wanted is None:
            self._wanted, self._unwanted = _compiled(self.match), _compiled(_patterns(self.entry.unless))
        for name, pattern in self._wanted:
            if not pattern.occurs_in(fields.get(name, "")):
                return False
        return not any(pattern.occurs_in(fields.get(name, "")) for name, pattern in self._unwanted)

    def shows(self, name: str, text: str) -> bool:
        """Whether one field matches."""
        pattern = self.match.get(name)
        return pattern is None or _pattern(pattern).occurs_in(text)


class Signatures:
    """The entries of one folder by event kind, those with words indexed by them."""

    def __init__(self, entries: list[Signature]) -> None:
        self.entries = entries
        # Requests to a device repeat, and several detectors check the same request.
        self._cached = functools.lru_cache(REMEMBERED)(self._search_text)
        self._always: dict[str, list[_Ready]] = {}
        self._by_word: dict[str, dict[str, list[_Ready]]] = {}
        for entry in entries:
            ready = _Ready(entry)
            if not entry.words:
                self._always.setdefault(entry.event, []).append(ready)
            for word in entry.words:
                self._by_word.setdefault(entry.event, {}).setdefault(word.lower(), []).append(ready)

    def found(self, event: str, fields: Mapping[str, str], text: str) -> tuple[Signature, ...]:
        """The matching entries, without duplicates. ``text``: where to look for words."""
        return self._cached(event, tuple(fields.items()), text)

    def wanted(self, event: str, fields: Mapping[str, Searched], texts: Sequence[str] = ()) -> Want:
        """Prefilter: what an event must contain for an entry to match. ``fields``: fields of the event that entries
        use; missing ones are not checked; ``texts``: those that are searched for words.
        """
        tests = [fields[name].passes(partial(self._contains, event, name)) for name in texts if event in self._by_word]
        single: dict[str, list[Pattern]] = {}
        several: list[Want] = []
        for ready in self._always.get(event, ()):
            names = [name for name in ready.match if name in fields]
            if len(names) == 1:
                single.setdefault(names[0], []).append(_pattern(ready.match[names[0]]))
            else:
                several.append(
                    all_of(fields[name].passes(partial(_any_in, (_pattern(ready.match[name]),))) for name in names)
                )
        tests += [fields[name].passes(partial(_any_in, tuple(patterns))) for name, patterns in single.items()]
        return any_of((*tests, *several))

    def _contains(self, event: str, name: str, text: str) -> bool:
        """Whether a field contains the word of an entry and meets its other conditions on this field."""
        words = self._by_word[event]
        return any(ready.shows(name, text) for word in _CUT.split(text.lower()) for ready in words.get(word, ()))

    def _search_text(self, event: str, items: tuple[tuple[str, str], ...], text: str) -> tuple[Signature, ...]:
        return tuple(self._search(event, dict(items), text))

    def _search(self, event: str, fields: Mapping[str, str], text: str) -> Iterator[Signature]:
        words = self._by_word.get(event)
        if words:
            tried: dict[str, _Ready] = {}
            for word in _CUT.split(text.lower()):
                if word in words:
                    tried |= {ready.entry.id: ready for ready in words[word]}
            for ready in tried.values():
                if ready.requires(fields):
                    yield ready.entry
        for ready in self._always.get(event, ()):
            if ready.requires(fields):
                yield ready.entry


class Pattern:
    """A regex, ignoring case. Each of its alternatives is searched only in texts with a literal that it needs, since
    most need one that few texts contain, and a search for literals takes a hundredth of the time.
    """

    def __init__(self, written: str) -> None:
        self._written = written

    @functools.cached_property
    def _parts(self) -> list[tuple[tuple[str, ...], re.Pattern[str]]]:
        """Alternatives, each with its literals; read on first use, since most signatures never meet their event."""
        parts = [self._written] if _NUMBERED.search(self._written) else alternatives(self._written)
        return [(needed_texts(part), lazy_pattern(part, re.IGNORECASE)) for part in parts]

    def occurs_in(self, text: str) -> bool:
        """Whether the regex matches somewhere. Letters beyond ASCII can equal ASCII ones if case is ignored (the Kelvin
        sign and k): texts with such letters are always searched.
        """
        lowered = _lowered(text) if text.isascii() else None
        for needed, pattern in self._parts:
            if (lowered is None or may_match(lowered, needed)) and pattern.search(text):
                return True
        return False


@functools.cache
def _pattern(written: str) -> Pattern:
    return Pattern(written)


def _any_in(patterns: tuple[Pattern, ...], *texts: str) -> bool:
    text = " ".join(texts)
    return any(pattern.occurs_in(text) for pattern in patterns)


@functools.lru_cache(maxsize=8)
def _lowered(text: str) -> str:
    return text.lower()


def _compiled(patterns: dict[str, str]) -> list[tuple[str, Pattern]]:
    return [(name, _pattern(pattern)) for name, pattern in patterns.items()]


def _patterns(written: Mapping[str, str]) -> dict[str, str]:
    """The patterns of fields as written; that of a path also matches requests through a proxy."""
    patterns = dict(written)
    if (path := patterns.get("path", "")).startswith("^/"):
        patterns["path"] = SERVER + path.removeprefix("^/")
    return patterns


@functools.cache
def load_signatures(subject: str) -> Signatures:
    """The signatures of a subject (``frameworks``, ``exploits``). Raises DocumentErrors with all faults of
    its files.
    """
    entries: dict[str, Signature] = {}
    faults: list[Fault] = []
    for path in sorted((own_folder() / subject).glob("*.yaml")):
        try:
            document = load_shipped(path, SignatureFile)
        except DocumentErrors as error:
            faults += error.faults
            continue
        for number, entry in enumerate(document.signatures):
            if entry.id in entries:
                faults.append(
                    fault_at(
                        path,
                        ("signatures", number, "id"),
                        f"found the id {entry.id!r} twice, expected a unique id",
                    )
                )
            entries[entry.id] = entry
    if faults:
        raise DocumentErrors(faults)
    return Signatures(list(entries.values()))

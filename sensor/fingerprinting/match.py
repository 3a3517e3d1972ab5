"""Matcher: from an observation to claims about its sender. All matching fingerprints count; their order is irrelevant.

Matching uses indexes: whole texts in a dictionary, prefixes (and literal beginnings of regexes) by their first two
characters, suffixes by their last two, domains by the labels of a name, so that an unknown value costs a few
microseconds. Other regexes are tried only if the value contains their longest literal text. Results are cached.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterable, Iterator

from sensor.core.bounded import Bounded
from sensor.core.domains import innermost
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.literals import may_match
from sensor.core.named_tables import NamedTables
from sensor.fingerprinting.approximate import ApproximateLists
from sensor.fingerprinting.entries import PLACEHOLDER, Claim, Fingerprint, Knowledge
from sensor.fingerprinting.same_text import OTHERWISE, SAME_TEXT, additional, in_others

REMEMBERED = 4096
VALUE_LIMIT = 1024
KEY_LENGTH = 2
# The kind under which fingerprints know the product of a model number, whatever protocol announced it; shorter ones are
# ambiguous without a vendor.
PRODUCT = "product.model"
MODEL_MINIMUM = 6
LEGAL_FORM = lazy_pattern(
    r"(?:,? (?:ag|b\.v\.|co\.|company|corp\.?|corporation|gmbh|inc\.?|limited|llc|ltd\.?|audio|communications?"
    r"|electronics?|group|industries|international|labs|networks?|systems?|technolog(?:y|ies)))+$"
)
# A text that begins with the number of a model: digits with letters, or four digits.
NUMBERED = lazy_pattern(r"(?=\S*\d\d)(?:\S*[A-Za-z]|\d{4})")
# DHCP option 55 is also matched approximately: versions of a client differ by single options.
NEAR_KINDS = frozenset(("dhcp.parameter_list",))


class Matcher:
    """All fingerprints, by kind of observation; a kind is compiled on first use."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge, self._known_kinds = knowledge, knowledge.kinds
        self._kinds: dict[str, _Index] = {}
        self._indexes: dict[tuple[tuple[str, ...], bool], _Index] = {}
        self._tests: dict[str, list[_Test]] = {}
        self.tables = NamedTables()
        self._known: Bounded[tuple[str, str], tuple[Claim, ...]] = self.tables.add("known", Bounded(REMEMBERED))

    @functools.cached_property
    def _spellings(self) -> dict[str, str]:
        return self._knowledge.vocabulary.spellings()

    def knows(self, kind: str) -> bool:
        """Whether there are fingerprints for a kind."""
        return kind in self._known_kinds

    def match(self, kind: str, value: str) -> tuple[Claim, ...]:
        """The claims for a value of a kind; empty if no fingerprint matches."""
        if kind not in self._known_kinds:
            return ()
        key = (kind, value)
        claims = self._known.get(key)
        if claims is None:
            claims = self._look(kind, value[:VALUE_LIMIT])
            self._known.put(key, claims)
        return claims

    def _look(self, kind: str, value: str) -> tuple[Claim, ...]:
        claims = self._direct(kind, value)
        for other in SAME_TEXT.get(kind, ()):
            more = (
                list(additional(claims, self._direct(other, in_others(kind, value))))
                if other in self._known_kinds
                else []
            )
            family = self._knowledge.family_of(kind) if more else ""
            claims += [claim._replace(family=family) for claim in more]
        if not claims and OTHERWISE.get(kind) in self._known_kinds:
            claims = self._direct(OTHERWISE[kind], value)
        if not claims:
            return ()
        if kind != PRODUCT and PRODUCT in self._known_kinds:
            claims += list(self._products(claims))
        return shared(tuple(sorted(_one_family(claims))))

    def _direct(self, kind: str, value: str) -> list[Claim]:
        """The claims of the fingerprints of a kind."""
        index = self._kinds.get(kind)
        if index is None:
            index = self._kinds[kind] = self._index(kind)
        claims: list[Claim] = []
        for fingerprint, groups, weight in index.find(value):
            claims += self._claims(fingerprint, groups, weight)
        return claims

    def _index(self, kind: str) -> _Index:
        """The index of a kind; kinds with the fingerprints of the same files share one."""
        paths, near = self._knowledge.paths_of(kind), kind in NEAR_KINDS
        if (paths, near) not in self._indexes:
            tests = itertools.chain.from_iterable(map(self._tests_of, paths))
            self._indexes[paths, near] = _Index(tests, near=near)
        return self._indexes[paths, near]

    def _tests_of(self, path: str) -> list[_Test]:
        if path not in self._tests:
            self._tests[path] = list(map(_Test, self._knowledge.of_file(path)))
        return self._tests[path]

    def _products(self, claims: list[Claim]) -> Iterator[Claim]:
        """The products of the models among the claims: with at most the confidence of the model, of the same family,
        and never of another vendor.
        """
        vendors = {claim.value for claim in claims if claim.attribute == "vendor"}
        for claim in claims:
            if claim.attribute != "model" or (len(claim.value) < MODEL_MINIMUM and not vendors):
                continue
            known = self.match(PRODUCT, claim.value)
            makers = {product.value for product in known if product.attribute == "vendor"}
            if makers and vendors and not makers & vendors:
                continue
            for product in known:
                yield product._replace(confidence=_rounded(claim.confidence * product.confidence), family=claim.family)

    def _vendor(self, text: str) -> str:
        """The vendor in the spelling of the vocabulary, with or without its legal form and words like ``Networks``."""
        name = text.lower()
        return self._spellings.get(name) or self._spellings.get(LEGAL_FORM.sub("", name)) or text

    def _split_vendor(self, text: str) -> tuple[str, str]:
        """(vendor, number) of a model whose number follows its vendor; others (``Roku Express 3900X``) are names as a
        whole, with an empty vendor.
        """
        first, _, rest = text.partition(" ")
        vendor = self._spellings.get(first.lower(), "") if NUMBERED.match(rest) else ""
        return vendor, rest if vendor else text

    def _claims(self, fingerprint: Fingerprint, groups: dict[str, str], weight: float) -> Iterator[Claim]:
        """The claims of a fingerprint that matched. A number after the name of its vendor names that vendor, too."""
        vendor = ""
        for attribute, template in fingerprint.asserts.items():
            text = template
            if "{" in template:
                text = " ".join(PLACEHOLDER.sub(lambda found: groups.get(found[1]) or "", template).split())
                if attribute == "vendor":
                    text = self._vendor(text)
                elif attribute == "model":
                    vendor, text = self._split_vendor(text)
            if text:
                yield self._claim(fingerprint, attribute, text, weight)
        if vendor and "vendor" not in fingerprint.asserts:
            yield self._claim(fingerprint, "model", vendor, weight)._replace(attribute="vendor")

    @staticmethod
    def _claim(fingerprint: Fingerprint, attribute: str, text: str, weight: float) -> Claim:
        confidence = _rounded(fingerprint.certainty[attribute] * weight)
        return Claim(attribute, text, confidence, fingerprint.id, fingerprint.family)


def _one_family(claims: list[Claim]) -> set[Claim]:
    """The claims, with one family for all that come from the same text: it is a single piece of evidence. The claim
    with the highest confidence determines the family.
    """
    surest: dict[tuple[str, str], Claim] = {}
    for claim in sorted(claims, key=lambda claim: (-claim.confidence, claim.family)):
        surest.setdefault((claim.attribute, claim.value), claim)
    return {claim._replace(family=surest[claim.attribute, claim.value].family) for claim in claims}


@functools.lru_cache(maxsize=4096)
def shared(claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
    """The same object for all equal claims: there are a thousand names for each claim."""
    return claims


@functools.lru_cache(maxsize=4096)
def _rounded(confidence: float) -> float:
    """A rounded number, shared by equal claims: there are many."""
    return round(confidence, 4)


Found = tuple[Fingerprint, dict[str, str], float]
_NO_GROUPS: dict[str, str] = {}


class _Index:
    """The fingerprints of a kind, indexed for lookup. Lookups are in lower case; results are then compared as the
    entry requires.
    """

    def __init__(self, tests: Iterable[_Test], *, near: bool) -> None:
        self._whole: dict[str, list[_Test]] = {}
        self._starts: dict[str, list[tuple[str, _Test]]] = {}
        self._ends: dict[str, list[tuple[str, _Test]]] = {}
        self._domains: dict[str, list[_Test]] = {}
        self._others: list[_Test] = []
        self._near = ApproximateLists() if near else None
        for test in tests:
            self._add(test)

    def _add(self, test: _Test) -> None:
        if test.operator == "exact":
            for text in test.fingerprint.match.texts:
                self._whole.setdefault(text.lower(), []).append(test)
                if self._near is not None:
                    self._near.add(text, test.fingerprint)
            return
        if test.operator == "domain":
            for text in test.fingerprint.match.texts:
                self._domains.setdefault(text.lower(), []).append(test)
            return
        if test.operator == "suffix":
            for text in test.fingerprint.match.texts:
                self._ends.setdefault(text.lower()[-KEY_LENGTH:], []).append((text.lower(), test))
            return
        match = test.fingerprint.match
        for start in match.starts:
            self._starts.setdefault(start[:KEY_LENGTH], []).append((start, test))
        if not match.starts:
            self._others.append(test)

    def find(self, value: str) -> Iterator[Found]:
        """(fingerprint, groups of its regex, weight) of all that match."""
        lower = value.lower()
        whole = self._whole.get(lower, ())
        for test in whole:
            yield from test(value)
        for test in self._at_the_ends(lower):
            if may_match(lower, test.fingerprint.match.needed):
                yield from test(value)
        if self._domains:
            for test in innermost(lower, self._domains) or ():
                yield test.fingerprint, _NO_GROUPS, 1.0
        for test in self._others:
            if may_match(lower, test.fingerprint.match.needed):
                yield from test(value)
        if self._near is not None and not whole:
            for fingerprint, weight in self._near.find(value):
                yield fingerprint, _NO_GROUPS, weight

    def _at_the_ends(self, lower: str) -> Iterator[_Test]:
        """The entries whose literal start or end matches the value."""
        if self._starts:
            for key in (lower[:1], lower[:2]):
                for start, test in self._starts.get(key, ()):
                    if lower.startswith(start):
                        yield test
        if self._ends:
            for key in (lower[-1:], lower[-2:]):
                for end, test in self._ends.get(key, ()):
                    if lower.endswith(end):
                        yield test


class _Test:
    """The comparison of a fingerprint; created on first use, shared by its kinds."""

    __slots__ = ("_same", "_search", "fingerprint")

    def __init__(self, fingerprint: Fingerprint) -> None:
        self.fingerprint = fingerprint
        self._search: Callable[[str], re.Match[str] | None] | None = None
        self._same: Callable[[str], bool] | None = None

    @property
    def operator(self) -> str:
        return self.fingerprint.match.operator

    def __call__(self, value: str) -> tuple[Found, ...]:
        fingerprint = self.fingerprint
        if fingerprint.match.regex is None:
            if self._same is None:
                self._same = _comparison(fingerprint)
            return ((fingerprint, _NO_GROUPS, 1.0),) if self._same(value) else ()
        if self._search is None:
            self._search = fingerprint.match.compiled().search
        found = self._search(value)
        return ((fingerprint, found.groupdict(""), 1.0),) if found else ()


def _comparison(fingerprint: Fingerprint) -> Callable[[str], bool]:
    """The predicate: equals, starts with, ends with or contains one of the texts."""
    match = fingerprint.match
    texts = tuple(text.lower() for text in match.texts) if match.ignore_case else match.texts
    compare: dict[str, Callable[[str], bool]] = {
        "exact": lambda value: value in texts,
        "prefix": lambda value: value.startswith(texts),
        "suffix": lambda value: value.endswith(texts),
        "contains": lambda value: any(text in value for text in texts),
    }
    chosen = compare[match.operator]
    return (lambda value: chosen(value.lower())) if match.ignore_case else chosen

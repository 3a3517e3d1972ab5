"""The matcher: operators, cache, similar parameter lists, literal prefixes of regexes."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from sensor.fingerprinting import match as module
from sensor.fingerprinting.approximate import codes_of, within
from sensor.fingerprinting.entries import About, Claim, Knowledge, PackedFile, Pattern, Row
from sensor.fingerprinting.load import Entry
from sensor.fingerprinting.match import Matcher
from sensor.fingerprinting.vocabulary import Vocabulary

VOCABULARY = Vocabulary(
    attributes={"type": "", "vendor": "", "model": ""},
    types={"printer": ""},
    vendors={"HP": ["Hewlett-Packard"], "Epson": []},
)


def made(
    identity: str, match: dict[str, object], asserts: dict[str, str], kind: str = "test.kind", ignore_case: bool = False
) -> PackedFile:
    """A file with one entry."""
    entry = Entry.model_validate(
        {"id": identity, "match": match, "assert": asserts, "examples": ["x"]}, context=VOCABULARY
    )
    pattern = Pattern.of(entry.match.operator, tuple(entry.match.texts), ignore_case)
    row = Row.of(identity, pattern, entry.asserts, dict.fromkeys(asserts, 0.8), About())
    return PackedFile.of(f"{identity}.yaml", [kind], "test", [row])


def matcher(*files: PackedFile) -> Matcher:
    return Matcher(Knowledge(VOCABULARY, files))


@pytest.mark.parametrize(
    ("match", "ignore_case", "yes", "no"),
    [
        ({"exact": "HP"}, False, ["HP"], ["hp", "HP ", "H", ""]),
        ({"exact": ["HP", "HPE"]}, True, ["hp", "hpe"], ["HPX"]),
        ({"prefix": "HP-"}, False, ["HP-", "HP-x"], ["HP", "hp-x"]),
        ({"prefix": ["A", "Bc"]}, True, ["a", "axe", "bcd"], ["b", ""]),
        ({"suffix": "-iPhone"}, False, ["Annas-iPhone"], ["Annas-iphone", "-iPhone2"]),
        ({"suffix": ["A", "-TV"]}, True, ["a", "xa", "my-tv"], ["tv", ""]),
        ({"domain": "Ring.com"}, False, ["ring.com", "a.RING.com", "a.b.ring.com"],
        ["bring.com", "ring.com.org", "com", ".com", ""]),
        ({"domain": ["a.org", "b.org"]}, False, ["x.a.org", "b.org"], ["org", "c.org", "aa.org"]),
        ({"contains": "Xerox"}, True, ["FUJIXEROX 1"], ["Xero"]),
        ({"regex": "^HP(?:1|2)$"}, False, ["HP1"], ["HP3", "hp1", "xHP1"]),
        ({"regex": "[0-9]{3}"}, False, ["a123"], ["a12"]),
    ],
)  # fmt: skip
def test_operators(match: dict[str, object], ignore_case: bool, yes: list[str], no: list[str]) -> None:
    """Each operator matches its values, and is case-sensitive by default."""
    found = matcher(made("a.b", match, {"type": "printer"}, ignore_case=ignore_case))
    claims = (Claim("type", "printer", 0.8, "a.b", "test"),)
    assert {value: found.match("test.kind", value) for value in yes} == dict.fromkeys(yes, claims)
    assert {value: found.match("test.kind", value) for value in no} == dict.fromkeys(no, ())


def test_all_matching_entries_send() -> None:
    """Every matching entry yields its attributes; entries of other observation kinds do not."""
    found = matcher(
        made("a.one", {"prefix": "HP"}, {"type": "printer"}), made("a.two", {"exact": "HP1"}, {"type": "printer"})
    )
    assert [claim.fingerprint for claim in found.match("test.kind", "HP1")] == ["a.one", "a.two"]
    assert found.match("other.kind", "HP1") == ()


def test_the_innermost_domain_sends() -> None:
    """Of nested domains only the longest matches, with every entry that contains it."""
    found = matcher(
        made("a.outer", {"domain": "hp.com"}, {"vendor": "HP"}),
        made("a.inner", {"domain": ["print.hp.com", "ink.hp.com"]}, {"type": "printer"}),
        made("a.same", {"domain": "print.hp.com"}, {"type": "printer"}),
    )
    assert [claim.fingerprint for claim in found.match("test.kind", "x.hp.com")] == ["a.outer"]
    assert [claim.fingerprint for claim in found.match("test.kind", "x.print.hp.com")] == ["a.inner", "a.same"]
    assert [claim.fingerprint for claim in found.match("test.kind", "ink.hp.com")] == ["a.inner"]


def test_names_with_many_labels() -> None:
    """A domain is found below any number of labels; DNS allows 127 (RFC 1035, 3.1)."""
    found = matcher(made("a.b", {"domain": "hp.com"}, {"vendor": "HP"}))
    assert found.match("test.kind", "a." * 125 + "hp.com")
    assert not found.match("test.kind", "a." * 125 + "notthp.com")


def test_templates() -> None:
    """Groups fill templates; a group that did not match yields nothing; a vendor gets its canonical spelling."""
    found = matcher(
        made(
            "a.b",
            {"regex": r"^(?P<vendor>[\w-]+) (?P<family>\w+)(?: (?P<number>\d+))?$"},
            {"vendor": "{vendor}", "model": "{family}  {number}"},
        )
    )
    assert {(c.attribute, c.value) for c in found.match("test.kind", "Hewlett-Packard LaserJet 400")} == {
        ("vendor", "HP"),
        ("model", "LaserJet 400"),
    }
    assert {(c.attribute, c.value) for c in found.match("test.kind", "Acme Jet")} == {
        ("vendor", "Acme"),
        ("model", "Jet"),
    }


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("HP M404dn", "M404dn"),
        ("HP LaserJet M404", "HP LaserJet M404"),
        ("hewlett-packard M404n", "M404n"),
        ("Epson 3720", "3720"),
        ("Epson One", "Epson One"),
        ("HP TV 4K", "HP TV 4K"),
        ("HP 27", "HP 27"),
        ("HPX M404n", "HPX M404n"),
        ("M404n", "M404n"),
    ],
)
def test_a_model_loses_the_vendor_in_front(text: str, model: str) -> None:
    """A number of a model is the same with and without its vendor; a name is kept as a whole."""
    found = matcher(made("a.any", {"regex": "^(?P<model>.+)$"}, {"model": "{model}"})).match("test.kind", text)
    assert [claim.value for claim in found if claim.attribute == "model"] == [model]


def test_what_a_model_is_sold_as() -> None:
    """The product of a model is yielded with it: in the same family, with a lower confidence, and never for another
    vendor.
    """
    model = made("a.model", {"regex": "^(?P<model>X\\S+)"}, {"model": "{model}"})
    ours = made("a.ours", {"suffix": "of HP"}, {"vendor": "HP"})
    theirs = made("a.theirs", {"suffix": "of Epson"}, {"vendor": "Epson"})
    product = made(
        "p.x",
        {"exact": ["XK-100", "X1"]},
        {"type": "printer", "vendor": "HP", "model": "XK-100 Big Printer"},
        module.PRODUCT,
    )
    product = msgspec.structs.replace(product, family="product")
    found = matcher(model, ours, theirs, product)
    named = (
        Claim("model", "XK-100 Big Printer", 0.64, "p.x", "test"),
        Claim("type", "printer", 0.64, "p.x", "test"),
        Claim("vendor", "HP", 0.64, "p.x", "test"),
    )
    assert [claim for claim in found.match("test.kind", "XK-100") if claim.fingerprint == "p.x"] == list(named)
    assert [claim for claim in found.match("test.kind", "XK-100 of HP") if claim.fingerprint == "p.x"] == list(named)
    assert not [claim for claim in found.match("test.kind", "XK-100 of Epson") if claim.fingerprint == "p.x"]
    assert not [claim for claim in found.match("test.kind", "X1") if claim.fingerprint == "p.x"], (
        "too short without its maker"
    )
    assert [claim for claim in found.match("test.kind", "X1 of HP") if claim.fingerprint == "p.x"]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random values of peers do not grow the cache without limit."""
    monkeypatch.setattr(module, "REMEMBERED", 100)
    found = matcher(made("a.b", {"prefix": "HP"}, {"type": "printer"}))
    for number in range(1000):
        found.match("test.kind", f"HP{number}")
    assert len(found._known) == 100


def test_it_reports_which_kinds_matter() -> None:
    """An observation kind without fingerprints is reported as not needed."""
    found = matcher(made("a.b", {"prefix": "HP"}, {"type": "printer"}))
    assert found.knows("test.kind")
    assert not found.knows("other.kind")


def test_a_fingerprint_of_several_kinds_sends_for_each() -> None:
    """A fingerprint of several kinds is compiled once and found under each of them."""
    shared = msgspec.structs.replace(
        made("a.b", {"regex": "^HP[0-9]"}, {"type": "printer"}), kinds=("one.kind", "other.kind")
    )
    found = matcher(shared)
    assert found.match("one.kind", "HP1") == found.match("other.kind", "HP1") != ()


def test_long_values_are_cut() -> None:
    """Only the first 1024 characters of a value are compared."""
    found = matcher(made("a.b", {"suffix": "end"}, {"type": "printer"}))
    assert found.match("test.kind", "x" * 1021 + "end")
    assert not found.match("test.kind", "x" * 1022 + "end")


LONG = "1,3,6,15,31,33,43,44,46,47"


@pytest.mark.parametrize(
    ("value", "confidence"),
    [
        (LONG, 0.8),
        ("3,1,6,15,31,33,43,44,46,47", 0.4),
        ("1,3,6,15,31,33,43,44,46", 0.24),
        ("1,3,6,15,31,33,43,44,46,47,119,121", 0.24),
        ("1,3,6,15,31,33,43,44,46,47,119,121,249", None),
        ("47,46,44,43,33,31,15,6,3,1,2", None),
        ("1,3,6", None),
        ("", None),
        ("a,b", None),
        ("999,1000", None),
    ],
)  # fmt: skip
def test_near_lists(value: str, confidence: float | None) -> None:
    """A parameter list has full weight when equal, half with the same codes in another order, 0.3 within two edits, and
    none beyond.
    """
    found = matcher(made("a.b", {"exact": LONG}, {"type": "printer"}, "dhcp.parameter_list"))
    claims = found.match("dhcp.parameter_list", value)
    assert [claim.confidence for claim in claims] == ([] if confidence is None else [pytest.approx(confidence)])


def test_short_lists_are_near_nothing() -> None:
    """Four codes in another order do not match."""
    found = matcher(made("a.b", {"exact": "1,3,6,28"}, {"type": "printer"}, "dhcp.parameter_list"))
    assert found.match("dhcp.parameter_list", "1,3,28,6") == ()


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("1,2,3", "1,2,3", True),
        ("1,2,3", "1,3", True),
        ("1,2,3,4", "2,1,4,3", False),
        ("1,2,3", "4,5,3", True),
        ("1,2,3", "1,2,3,4,5", True),
        ("1,2,3", "1,2,3,4,5,6", False),
        ("1,2", "3,4,5", False),
    ],
)  # fmt: skip
def test_edits(one: str, other: str, near: bool) -> None:
    """Lists within two insertions, deletions or replacements match."""
    assert within(codes_of(one), codes_of(other), 2) is near
    assert within(codes_of(other), codes_of(one), 2) is near


def distance(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """The edit distance with the full table (Levenshtein 1966)."""
    if not one or not other:
        return len(one) + len(other)
    same = distance(one[1:], other[1:]) + (one[0] != other[0])
    return min(same, distance(one[1:], other) + 1, distance(one, other[1:]) + 1)


@pytest.mark.parametrize("edits", [0, 1, 2])
def test_the_middle_band_of_the_table_is_enough(edits: int) -> None:
    """The banded algorithm equals the full table for all lists of up to four codes."""
    lists = [codes for size in range(5) for codes in itertools.product((1, 2), repeat=size)]
    pairs = [(one, other) for one in lists for other in lists]
    assert len(pairs) == 31**2
    assert [pair for pair in pairs if within(*pair, edits) is not (distance(*pair) <= edits)] == []


def test_a_number_after_its_vendor_names_the_vendor() -> None:
    """A model loses the vendor in front of its number, which is a claim of its own unless the entry has one."""
    plain = matcher(made("a.b", {"regex": "^(?P<model>.+)$"}, {"model": "{model}"}))
    assert {claim[:3] for claim in plain.match("test.kind", "hewlett-packard M404dn")} == {
        ("model", "M404dn", 0.8),
        ("vendor", "HP", 0.8),
    }
    assert [claim[:2] for claim in plain.match("test.kind", "HP LaserJet M404dn")] == [("model", "HP LaserJet M404dn")]
    known = matcher(made("a.b", {"regex": "^(?P<model>.+)$"}, {"model": "{model}", "vendor": "Epson"}))
    assert ("vendor", "HP") not in {claim[:2] for claim in known.match("test.kind", "HP M404dn")}

"""The shipped fingerprints: every entry is tested by its own examples and checked against the vocabulary."""

from __future__ import annotations

import importlib.resources
import re
import time
from pathlib import Path

import pytest

from sensor.core.device import TYPES
from sensor.core.literals import may_match
from sensor.core.observation import Evidence
from sensor.documents import own_folder
from sensor.fingerprinting.entries import PLACEHOLDER, Fingerprint
from sensor.fingerprinting.fuse import CONTESTED_THRESHOLD, ONE_FAMILY, SYSTEMS, fuse
from sensor.fingerprinting.match import Matcher
from sensor.fingerprinting.oui import shipped
from tests.fingerprinting.own import own_knowledge

KNOWLEDGE = own_knowledge()
MATCHER = Matcher(KNOWLEDGE)
BY_ID = {fingerprint.id: fingerprint for fingerprint in KNOWLEDGE.fingerprints}
FILES: dict[str, list[Fingerprint]] = {}
for one in KNOWLEDGE.fingerprints:
    FILES.setdefault(Path(one.path).relative_to(own_folder()).as_posix(), []).append(one)
VOCABULARY = KNOWLEDGE.vocabulary
HOSTILE = (
    "a" * 1024, "A1" * 512, "-" * 1024, " " * 1024, "1." * 512, "HP " * 341, "x-" * 512, "0" * 1023 + "!",
    "Mfg=" + ";" * 1000, "1,3,6," * 170, "(" * 1024,
    "Yealink " + "1." * 500, "TANDBERG/1 (" + "c" * 1000, "snom" + "9" * 1000 + "/", "AVM FRITZ!Box " + "7 " * 500, (
        "Grandstream GXP2170 "
        "(HW "
    ) + "x" * 990,
)  # fmt: skip


def claims(fingerprint: Fingerprint, kind: str, value: str) -> dict[str, str]:
    return {claim.attribute: claim.value for claim in MATCHER.match(kind, value) if claim.fingerprint == fingerprint.id}


@pytest.mark.parametrize("file", sorted(FILES))
def test_entries_of_a_file(file: str) -> None:
    """An entry yields exactly the values of its examples, for each of its kinds, and does not match its negatives."""
    differences = []
    for fingerprint in FILES[file]:
        constants = {attribute: text for attribute, text in fingerprint.asserts.items() if not PLACEHOLDER.search(text)}
        wanted = [(value, {**constants, **expected}) for value, expected in fingerprint.about.samples]
        assert wanted, fingerprint.id
        wanted += [(value, {}) for value in fingerprint.about.negatives]
        for kind in fingerprint.kinds:
            found = [(value, expected, claims(fingerprint, kind, value)) for value, expected in wanted]
            differences += [(fingerprint.id, kind, *one) for one in found if one[1] != one[2]]
    assert differences == []


def test_the_files_hold_all_entries() -> None:
    """Each entry is in one file and yields an attribute of its observation kind."""
    assert sum(map(len, FILES.values())) == len(BY_ID) > 1000
    assert not [fingerprint.id for fingerprint in BY_ID.values() if not fingerprint.kinds]


def test_an_organisation_of_the_registry_is_one_maker() -> None:
    """No IEEE organization yields two vendors or two types at once, which would cancel each other out."""
    torn = {}
    for name in filter(None, map(shipped, registered())):
        reported = [claim for claim in MATCHER.match("oui.organisation", name) if claim.attribute in ("vendor", "type")]
        if len({(claim.attribute, claim.value) for claim in reported}) > len({claim.attribute for claim in reported}):
            torn[name] = reported
    assert torn == {}


def registered() -> list[int]:
    """A MAC of each 24-bit prefix of the shipped registry."""
    lines = importlib.resources.files("netaddr.eui").joinpath("oui.idx").read_text().splitlines()
    return [int(line.partition(",")[0]) << 24 for line in lines]


def test_what_many_makes_send_names_none_of_them() -> None:
    """The DHCP option list of Red Hat's client, also used by Arista, yields an operating system and no vendor; a router
    with a conference bridge is not a phone.
    """
    red_hat = MATCHER.match("dhcp.parameter_list", "1,28,2,121,15,6,12,40,41,42,26,119,3")
    assert {(claim.attribute, claim.value) for claim in red_hat} == {("os", "Linux")}
    bridge = [*seen("sccp.side", "station"), *seen("sccp.device_type", "52")]
    assert "type" not in fuse(bridge)
    assert fuse(bridge)["vendor"].value == "Cisco"


def test_systems_take_in_what_entries_report() -> None:
    """Each name in the table of operating systems is yielded by an entry, agrees with the names that it includes, and
    no two include each other.
    """
    reported = {
        plain(text): text
        for fingerprint in KNOWLEDGE.fingerprints
        for text in [fingerprint.asserts.get("os", "")]
        if text
    }
    assert set(SYSTEMS) <= set(reported)
    for wide, taken_in in SYSTEMS.items():
        for narrow in [name for name in reported if name != wide and name.startswith((wide, *taken_in))]:
            answer = fuse(
                [Evidence("os", reported[name], 0.7, "story", name, "story", name, 0, 0) for name in (wide, narrow)]
            ).get("os")
            assert answer is not None, (wide, narrow)
            assert not answer.contested


def test_one_text_is_one_witness() -> None:
    """A banner that SSDP and HTTP entries both match counts as one family, with the confidence of one."""
    reported = fuse(seen("http.server", "HP-ChaiSOE/1.0 UPnP/1.0"))["vendor"]
    assert {piece.fingerprint for piece in reported.evidence} == {"http.server.hp_chai", "ssdp.server.hp_net"}
    assert ({piece.family for piece in reported.evidence}, reported.confidence) == ({"ssdp"}, ONE_FAMILY)


def test_a_legal_form_does_not_make_another_vendor() -> None:
    """A vendor that is written with the form of its company is the vendor of the vocabulary; others stay as written."""
    for text, vendor in (
        ("Bose Corporation", "Bose"),
        ("Sony Co., Ltd.", "Sony"),
        ("Ubiquiti Networks", "Ubiquiti"),
        ("Linkplay Technology Inc.", "Linkplay"),
        ("Acme GmbH", "Acme GmbH"),
        ("Acme Networks", "Acme Networks"),
    ):
        assert fuse(seen("mdns.txt.manufacturer", text))["vendor"].value == vendor


def test_one_text_does_not_contradict_itself() -> None:
    """A text that yields a value with an even chance or more yields this attribute: no other entry cancels it."""
    torn = {}
    for fingerprint in KNOWLEDGE.fingerprints:
        for value, _ in fingerprint.about.samples:
            evidence = seen(fingerprint.kinds[0], value)
            likely = {piece.attribute for piece in evidence if piece.confidence >= CONTESTED_THRESHOLD}
            if lost := likely - set(fuse(evidence)):
                torn[fingerprint.id, value] = lost
    assert torn == {}


def plain(text: str) -> str:
    """The name in the form in which operating systems are compared."""
    return text.casefold().replace(" ", "").replace("-", "")


def seen(kind: str, value: str) -> list[Evidence]:
    """Evidence of a value."""
    return [Evidence(*claim, kind, value, 0, 0) for claim in MATCHER.match(kind, value)]


def test_every_template_is_exercised() -> None:
    """Each attribute from a group of the regex is yielded by at least one example."""
    silent = [
        (fingerprint.id, attribute)
        for fingerprint in KNOWLEDGE.fingerprints
        for attribute, text in fingerprint.asserts.items()
        if PLACEHOLDER.search(text)
        and attribute not in {name for _, expected in fingerprint.about.samples for name in expected}
    ]
    assert silent == []


def test_placeholders_have_groups() -> None:
    """A placeholder names a group of its entry's regex."""
    placeholders = 0
    for fingerprint in KNOWLEDGE.fingerprints:
        groups = fingerprint.match.compiled().groupindex if fingerprint.match.regex is not None else ()
        named = {name for text in fingerprint.asserts.values() for name in PLACEHOLDER.findall(text)}
        assert named <= set(groups), fingerprint.id
        placeholders += len(named)
    assert placeholders


def test_vocabulary_has_the_types_of_the_core() -> None:
    """The device types of the vocabulary are exactly those of the core."""
    assert set(VOCABULARY.types) == set(TYPES)


def test_vocabulary_is_used() -> None:
    """Each vendor, family and kind of the vocabulary is used by a fingerprint; no spelling belongs to two vendors."""
    spellings = [
        spelling.lower() for vendor, others in VOCABULARY.vendors.items() for spelling in (vendor, *(others or ()))
    ]
    assert sorted(spellings) == sorted(set(spellings))
    assert {fingerprint.family for fingerprint in KNOWLEDGE.fingerprints} == set(VOCABULARY.families)
    assert {kind for fingerprint in KNOWLEDGE.fingerprints for kind in fingerprint.kinds} == set(
        VOCABULARY.observations
    )


def test_ids_name_their_file() -> None:
    """An id begins with the path of its file, so that a fingerprint in an alert is found at once."""
    for fingerprint in KNOWLEDGE.fingerprints:
        path = Path(fingerprint.path).with_suffix("")
        assert fingerprint.id.startswith(f"{path.parent.name}.{path.name}."), fingerprint.id


def test_sources_are_reported() -> None:
    """An entry that was recalled without a source is marked as such and has a low confidence."""
    for fingerprint in KNOWLEDGE.fingerprints:
        if "recalled" in fingerprint.about.note:
            assert max(fingerprint.certainty[attribute] for attribute in fingerprint.asserts) <= 0.7, fingerprint.id


@pytest.mark.parametrize("word", ["printer", "voip_phone", "tv", "camera", "conferencing"])
def test_ten_of_each_category(word: str) -> None:
    """At least ten entries yield each category over DHCP, mDNS and SIP."""
    entries = [
        f for f in KNOWLEDGE.fingerprints if f.asserts.get("type") == word and f.family in ("dhcp", "mdns", "sip")
    ]
    assert len(entries) >= 10


def test_regexes_are_safe() -> None:
    """No regex takes more than a few milliseconds of CPU on hostile values of full length, alone or after its own
    literal prefix.
    """
    slow = []
    for fingerprint in KNOWLEDGE.fingerprints:
        if fingerprint.match.regex is None:
            continue
        search = fingerprint.match.compiled().search
        example = fingerprint.about.samples[0][0]
        own = [(example[: len(example) // 2] + text)[:1024] for text in HOSTILE[:6]]
        for value in (*HOSTILE, *own, (example * 1024)[:1024]):
            started = time.thread_time()
            search(value)
            took = time.thread_time() - started
            if took > 0.02:
                slow.append((fingerprint.id, value[:40], took))
    assert slow == []


def test_prefilter_agrees_with_the_regexes() -> None:
    """The literals by which fingerprints are found are in every example that matches."""
    assert {one.match.operator for one in KNOWLEDGE.fingerprints if one.match.starts} == {"prefix", "regex"}
    assert {one.match.operator for one in KNOWLEDGE.fingerprints if one.match.needed} >= {"regex"}
    for fingerprint in KNOWLEDGE.fingerprints:
        match = fingerprint.match
        for value, _ in fingerprint.about.samples:
            assert match.regex is None or match.compiled().search(value)
            assert may_match(value.lower(), match.needed), fingerprint.id
            assert not match.starts or value.lower().startswith(match.starts), fingerprint.id


def test_regexes_are_anchored() -> None:
    """Every regex is anchored at the start, except for parameters of a SIP event, whose order is free."""
    loose = [f.id for f in KNOWLEDGE.fingerprints if f.match.regex is not None and not f.match.regex.startswith("^")]
    assert all(name.startswith("sip.profile.") for name in loose)


def test_no_inline_flags() -> None:
    """The files contain no inline flags (ignore_case is an option) and no unnamed capture groups."""
    for fingerprint in KNOWLEDGE.fingerprints:
        assert not re.search(r"\(\?[aiLmsux]|\((?!\?)", re.sub(r"\\.|\[[^\]]*\]", "", fingerprint.match.regex or "")), (
            fingerprint.id
        )

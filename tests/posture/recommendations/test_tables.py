"""Tables of the device checks: each entry with its own examples, and faults reported with their place."""

from __future__ import annotations

import pytest

from sensor.core.device import TYPES
from sensor.documents import DocumentErrors, load_document, own_folder
from sensor.posture.recommendations.names import is_factory_name
from sensor.posture.recommendations.support import support_of
from sensor.posture.recommendations.tables import (
    FOLDER,
    SUPPORT,
    FactoryName,
    Support,
    SupportExample,
    Supports,
    factory_names,
    places,
    supports,
)
from tests.golden import Golden

FACTORY = factory_names()
ENDED = [(entry, example) for entry in supports() for example in entry.examples]


@pytest.mark.parametrize("entry", FACTORY, ids=lambda entry: entry.id)
def test_names_of_factories(entry: FactoryName) -> None:
    """Renamed devices and other device types are ignored: phones keep the name by which their PBX knows them."""
    assert entry.examples
    for name in entry.examples:
        for kind in entry.types:
            assert is_factory_name(name, kind)
        assert not is_factory_name(name, "voip_phone")
        assert is_factory_name(f"{name}.corp.example", entry.types[0])
    for name in entry.negatives:
        assert not is_factory_name(name, entry.types[0])


@pytest.mark.parametrize(
    ("entry", "example"),
    ENDED,
    ids=lambda one: one.id if isinstance(one, Support) else one.os or one.model or one.software or one.vendor,
)
def test_ends_of_support(entry: Support, example: SupportExample) -> None:
    """Each example matches its entry or does not, and a positive one is found among all entries."""
    product = f"{example.vendor} {example.model}".strip()
    requested = (product, example.type, example.os, example.firmware, example.software)
    assert entry.covers(*requested) is (example.verdict == "ended")
    assert (support_of(example.vendor, example.model, *requested[1:]) is entry) is (example.verdict == "ended")


def test_ids_are_one_each() -> None:
    """Entry ids are unique."""
    for ids in ([one.id for one in FACTORY], [one.id for one in supports()]):
        assert len(ids) == len(set(ids))


def test_places_are_one_each() -> None:
    """Each device type has one placement: with users, separate, or none; unknown types are faults."""
    table = places()
    named = [*table.people, *table.apart, *table.nowhere]
    assert len(named) == len(set(named))
    assert set(named) < set(TYPES)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ends: 2010-07-13", "ends: soon"),
        ("basis: record\n", "basis: hearsay\n"),
        ("source: https://endoflife.date/windows-server", "source: somewhere"),
        ("[workstation, server,", "[workstation, servr,"),
        ("{os: Windows 2000, is: ended}, ", ""),
        ("    os: '^Windows (?:95|98|ME|NT|2000)\\b'\n", ""),
        ("'^Windows XP\\b'", "'^Windows XP(\\b'"),
    ],
)
def test_mistakes_are_reported(golden: Golden, old: str, new: str) -> None:
    """Faults are reported with file and line."""
    path = own_folder() / FOLDER / SUPPORT
    text = path.read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(DocumentErrors) as errors:
        load_document(path, Supports, text=text.replace(old, new, 1))
    [fault] = errors.value.faults
    assert (fault.path, fault.line > 1) == (path, True)
    golden(fault.message)

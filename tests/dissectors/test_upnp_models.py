"""Models in UPnP descriptions: the name, the number, or both."""

from __future__ import annotations

import pytest

from sensor.core.observation import Evidence
from sensor.dissectors.shared.upnp import describe
from sensor.dissectors.shared.xml_tree import Document, read
from sensor.fingerprinting.fuse import fuse
from sensor.fingerprinting.match import Matcher
from tests.fingerprinting.own import own_knowledge


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher(own_knowledge())


def description(name: str, number: str) -> Document:
    fields = f"<modelName>{name}</modelName><modelNumber>{number}</modelNumber>"
    return read(f"<root><device>{fields}</device></root>".encode())


@pytest.mark.parametrize(
    ("name", "number", "model"),
    [
        ("Roku Express", "3900X", "Roku Express 3900X"),
        ("Wireless Router", "R7000", "R7000"),
        ("TX-NR636", "TX-NR636", "TX-NR636"),
        ("AXIS M1014", "M1014", "M1014"),
        ("FRITZ!Box 7590", "avm", "FRITZ!Box 7590"),
        ("UE40F6500", "AllShare1.0", "UE40F6500"),
        ("Wireless Router", "RTL8186", ""),
        ("Internet Gateway Device", "1.0", ""),
    ],
)
def test_model_of_a_description(matcher: Matcher, name: str, number: str, model: str) -> None:
    """A number that is a model adds to a name or replaces a general one; a version or a chip does not."""
    found = describe(description(name, number))
    assert found is not None
    evidence = [
        Evidence(*claim, kind, value, 0, 0) for kind, value in found.facts for claim in matcher.match(kind, value)
    ]
    reported = fuse(evidence).get("model")
    assert (reported.value if reported else "") == model

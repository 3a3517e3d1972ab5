"""Names that contain the MAC of their sender."""

from __future__ import annotations

import pytest

from sensor.fingerprinting.names import own_mac_name

MAC = 0x001BA9AABBCC


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("BRN001BA9AABBCC", "BRN<mac>"),
        ("brn001ba9aabbcc.example.org", "brn<mac>"),
        ("NPIAABBCC", "NPI<mac6>"),
        ("axis-00-1b-a9-aa-bb-cc", "axis-<mac>"),
        ("AP001b.a9aa.bbcc", "AP<mac>"),
        ("ESP_AABBCC.local", "ESP_<mac6>"),
        ("BRN001BA9AABBCD", ""),
        ("AABBCC", ""),
        ("printer", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_names(name: str, written: str) -> None:
    """The MAC or its last six digits become placeholders; a name that is only the MAC has no meaning."""
    assert own_mac_name(name, MAC) == written


def test_no_mac() -> None:
    """Without a MAC on the link no name contains it."""
    assert own_mac_name("NPI000000", 0) == ""

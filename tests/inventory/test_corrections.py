"""Corrections by the operator: which ones are accepted, and how they take precedence."""

from __future__ import annotations

import pytest

from sensor.core.device import FieldChange
from sensor.core.record_parts import device_body
from sensor.inventory.corrections import Correction, checked, onto_body

MAC = "00:17:c8:1a:2b:3c"
KEY = f"mac:{MAC}"


def corrections(**text: str) -> dict[str, Correction]:
    return {field: Correction(KEY, field, value, "anna", 7, "seen it") for field, value in text.items()}


def test_what_can_be_reported():
    """Types and criticalities are fixed vocabularies, tags are a set, all other values are cleaned text."""
    assert checked("type", "VoIP Phone") == "voip_phone"
    assert checked("criticality", "HIGH") == "high"
    assert checked("tags", "b, a,b,") == "a, b"
    assert not {"\x1b", "\n"} & set(checked("name", "Lob\x1bby\n"))
    assert checked("owner", "") == ""


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [("colour", "red", "the field 'colour'"), ("type", "toaster", "'toaster'"), ("criticality", "5", "'5'")],
)
def test_what_cannot_be_reported(field: str, value: str, text: str):
    """The error names the invalid value and the valid ones."""
    with pytest.raises(ValueError, match=f"found {text}.*expected one of"):
        checked(field, value)


def test_a_value_that_is_mistyped():
    """The error names the nearest valid one."""
    with pytest.raises(ValueError, match=r"'camra'.*'camera'"):
        checked("type", "camra")


def test_it_wins_over_packets_and_packets_stay_as_evidence(story):
    """A correction overrides packets and is reported once, at once; after an undo the packets count again."""
    story.sends(MAC, "10.0.0.9", "http.server", "type=printer;model=X").at(8)
    story.persistence.correct(KEY, corrections(type="camera", name="Lobby", owner="anna"))
    device = story.at(16).sends(MAC, "10.0.0.9", "mdns.txt.ty", "type=printer@0.99").who(MAC)
    assert (device.type, device.label, device.value("owner"), device.value("model")) == ("camera", "Lobby", "anna", "X")
    assert device.attributes["type"].confidence == 1.0
    assert device.attributes["type"].evidence[0].family == "operator"
    assert len(device.attributes["type"].evidence) > 1
    changed = [change for change in story.changes if change.action == "changed"]
    assert [change.changes for change in changed] == [
        (
            FieldChange("type", "printer", "camera"),
            FieldChange("owner", "", "anna"),
            FieldChange("hostname", "", "Lobby"),
        )
    ]
    story.persistence.correct(KEY, {})
    assert story.who(MAC).type == "printer"


def test_a_correction_of_a_device_not_seen_yet_waits_for_it(story):
    """The correction is applied when a device with that MAC appears."""
    story.persistence.correct(KEY, corrections(type="camera"))
    story.sends(MAC, "10.0.0.9", "http.server", "type=printer").at(3)
    assert [(change.action, change.device.type) for change in story.changes] == [
        ("new", "camera"),
        ("identified", "camera"),
    ]


def test_a_body_reports_the_same_as_the_device(story):
    """Corrections applied to a stored body give what the sensor itself reports."""
    story.sends(MAC, "10.0.0.9", "http.server", "type=printer;vendor=HP@0.7").sends(
        MAC, "10.0.0.9", "dhcp.hostname", "prn"
    ).at(8)
    text = corrections(type="camera", name="Lobby", owner="anna", criticality="high", tags="a, b", note="by the door")
    without = device_body(story.who(MAC))
    story.persistence.correct(KEY, text)
    reported = device_body(story.who(MAC))
    assert onto_body(without, text) == reported
    assert (reported["hostname"], reported["names"], reported["tags"], reported["criticality"]) == (
        "Lobby",
        ["Lobby", "prn"],
        ["a", "b"],
        "high",
    )
    assert reported["attributes"] == {"note": "by the door"}

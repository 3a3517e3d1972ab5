"""The picture of an incident: rows of hosts, arrows of steps, for one to hundreds of hosts, and for hostile names."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from markupsafe import Markup

from sensor.console.incident_drawing import ALIKE, NARROW_STEPS, ROWS, between, incident_drawing
from sensor.views.incident_steps import IncidentStep, StepHost


def host(number: int) -> StepHost:
    return StepHost(f"dev-{number}", f"host-{number}", f"10.0.0.{number}", f"dev-{number}")


def step(number: int, targets: list[StepHost], actor: StepHost | None = None) -> IncidentStep:
    return IncidentStep(number, "", f"alert-{number}", "high", "d", "scanned", True, actor or host(0), targets, [])


def pictures(steps: list[IncidentStep]) -> list[ET.Element]:
    """The pictures as parsed XML, wide before narrow."""
    drawn = incident_drawing(steps, lambda kind, name: f"/{kind}/{name}")
    assert isinstance(drawn, Markup)
    return list(ET.fromstring(f"<all>{drawn}</all>"))  # noqa: S314 our own


def numbers(picture: ET.Element) -> tuple[int, int, int]:
    """(rows, actors, arrow heads)."""
    classes = [part.get("class") for part in picture.iter("path")]
    return classes.count("row"), len(list(picture.iter("circle"))), classes.count("head")


@pytest.mark.parametrize("targets", [1, ALIKE - 1, ALIKE, 50])
def test_hosts_with_the_same_role_share_a_row(targets: int) -> None:
    wide, narrow = pictures([step(1, [host(1 + number) for number in range(targets)])])
    rows = 2 if targets >= ALIKE else 1 + targets
    assert numbers(wide) == numbers(narrow) == (rows, 1, rows - 1)


def test_rows_are_limited_and_the_last_one_has_the_other_hosts() -> None:
    wide, *_ = pictures([step(number, [host(number)]) for number in range(1, 2 * ROWS)])
    rows, actors, heads = numbers(wide)
    assert (rows, actors, heads) == (ROWS, 2 * ROWS - 1, 2 * ROWS - 1)


def test_many_steps_have_several_pictures_on_narrow_screens() -> None:
    drawn = pictures([step(number, [host(1)]) for number in range(1, NARROW_STEPS + 3)])
    assert [picture.get("class") for picture in drawn] == ["steps on-wide", "steps on-narrow", "steps on-narrow"]
    assert [numbers(picture)[1] for picture in drawn] == [NARROW_STEPS + 2, NARROW_STEPS, 2]


def test_names_on_narrow_screens_hide_the_lines_that_cross_them_but_no_arrow_head() -> None:
    """The background of a name ends above the head on its row, and begins below the row before it."""
    _, narrow = pictures([step(1, [host(1), host(2), host(3)])])
    rows = [float(part.get("d", "").split()[1]) for part in narrow.iter("path") if part.get("class") == "row"]
    behind = [(float(part.get("y", "")), float(part.get("height", ""))) for part in narrow.iter("rect")]
    assert len(behind) == len(rows) == 4
    for (top, height), row, before in zip(behind, rows, [0, *rows], strict=False):
        assert before + 5 < top < top + height <= row - 9


def test_an_actor_that_is_its_own_target_has_no_arrow() -> None:
    wide, _ = pictures([step(1, [host(0)])])
    assert numbers(wide) == (1, 1, 0)


def test_no_picture_without_known_hosts() -> None:
    unknown = IncidentStep(1, "", "gone", "low", "d", "", False, None, [], [])
    assert incident_drawing([unknown], lambda *_: "") is None
    assert between(unknown) == "hosts unknown"


def test_names_of_peers_are_text() -> None:
    hostile = StepHost("dev-1", '"><script>alert(1)</script>', "10.0.0.1", "dev-1")
    wide, narrow = pictures([step(1, [hostile])])
    assert not [part for picture in (wide, narrow) for part in picture.iter("script")]
    assert any(hostile.name in (part.text or "") for part in wide.iter("title"))

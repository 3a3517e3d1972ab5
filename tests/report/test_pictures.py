"""Pictures: well-formed, with text alternatives, bounded for networks of any size, and safe for any device name."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import msgspec
import pytest
from markupsafe import Markup

from sensor.report.model import Alert, Conversation, Day, Device, Incident, Period, Score
from sensor.report.pictures.composition import composition
from sensor.report.pictures.conversations import conversations
from sensor.report.pictures.scores import gauge, trend
from sensor.report.pictures.svg import BANDS, PALETTE, SEVERITY, WIDTH, fitting, on, width_of
from sensor.report.pictures.timeline import timeline
from tests.report.sites import at

SVG = "{http://www.w3.org/2000/svg}"
DAY = Period(since=at(0), until=at(1439), label="24 November 2026")


def parsed(picture: Markup) -> ET.Element:
    """The picture, parsed by a strict XML parser."""
    return ET.fromstring(picture)  # noqa: S314 our own


def texts(picture: Markup) -> list[str]:
    return [one.text or "" for one in parsed(picture).iter(f"{SVG}text")]


def device(number: int, kind: str, segment: str = "vlan 1", *, gone: bool = False) -> Device:
    return Device(id=f"dev-{number}", type=kind, segment=segment, gone=gone)


def alert(number: int, minute: int, severity: str = "high") -> Alert:
    return Alert(
        id=f"alert-{number}", detector="d", title="t", severity=severity, text="s", first=at(minute), last=at(minute)
    )


def incident(output: str, first: int, last: int) -> Incident:
    return Incident(id="incident-1", severity="high", text=output, first=at(first), last=at(last))


def every_picture(word: str) -> list[Markup]:
    """All pictures, with a given text wherever external text is used."""
    connects = [
        Conversation(client=word, server="outside", count=3, services=[word]),
        Conversation(client="camera", server=word, count=1),
    ]
    return [
        composition([device(1, "camera", word)]),
        conversations(connects),
        timeline([alert(1, 60)], [incident(word, 60, 900)], DAY),
        gauge(Score(points=81.5, band="high"), Score(points=20, band="medium")),
        trend([Day(day="2026-11-23", points=81), Day(day="2026-11-24", points=40)]),
    ]


@pytest.mark.parametrize(
    "word", ["front door", "<script>alert(1)</script>", '"onload="x', "</svg></style>", "]]>", "'--><b>"]
)
def test_pictures_are_svg_whatever_stands_in_them(word: str) -> None:
    """They are well-formed, with a title and a description that the picture refers to, only shapes, and no external
    attribute.
    """
    for picture in every_picture(word):
        root = parsed(picture)
        assert {one.tag.removeprefix(SVG) for one in root.iter()} <= {
            "svg",
            "title",
            "desc",
            "rect",
            "path",
            "polyline",
            "circle",
            "text",
        }
        assert not [name for one in root.iter() for name in one.attrib if name.startswith("on")]
        ids = {one.get("id"): one.text for one in root.iter() if one.get("id")}
        assert [bool(ids[name]) for name in root.get("aria-labelledby", "").split()] == [True, True]


def test_bars_of_devices_add_up() -> None:
    """One bar for each segment, the largest first, with its sum; removed devices are in none."""
    picture = composition(
        [device(1, "camera"), device(2, "camera"), device(3, "printer", "vlan 2"), device(4, "tv", "vlan 2", gone=True)]
    )
    assert texts(picture) == ["camera", "printer", "VLAN 1", "2", "2", "VLAN 2", "1", "1"]
    assert parsed(picture).findtext(f"{SVG}desc") == "VLAN 1: 2 cameras; VLAN 2: 1 printer"


def test_many_segments_and_types_are_few_bars_and_colours() -> None:
    """The rest is combined."""
    many = [device(number, f"type{number % 30}", f"vlan {number % 200}") for number in range(1000)]
    picture = composition(many)
    assert float(parsed(picture).get("height", 0)) < 400
    assert "189 more segments" in texts(picture)
    assert (
        len(list(parsed(picture).iter(f"{SVG}polyline"))) == 2
    )  # the bar of the rest is broken: it is shorter than its value
    assert {one.get("fill") for one in parsed(picture).iter(f"{SVG}rect")} <= {*PALETTE, "#9aa3ab"}


def test_bands_are_as_wide_as_conversations_are_many() -> None:
    """The description has the largest flows as text, for screen readers."""
    picture = conversations(
        [
            Conversation(client="camera", server="outside", count=30, services=["https/443"]),
            Conversation(client="pc", server="nas", count=10),
        ]
    )
    root = parsed(picture)
    posts = [float(one.get("height", 0)) for one in root.iter(f"{SVG}rect")]
    assert posts == [240.0, 80.0, 240.0, 80.0]
    assert str(root.findtext(f"{SVG}desc")).startswith("camera → outside: 30 (https/443)")


def test_bars_of_alerts_stand_where_they_began() -> None:
    """Two alerts at noon make a bar twice as high as one in the evening; an invalid time is skipped, and so is an alert
    that began before the period.
    """
    alerts = [alert(1, 720), alert(2, 721), alert(3, 1200, "low"), alert(4, 0)]
    alerts.append(msgspec.structs.replace(alerts[0], first="2026-11-23T23:59:59.000000Z"))
    odd = Alert(id="a", detector="d", title="t", severity="low", text="", first="soon", last="soon")
    bars = [one for one in parsed(timeline([*alerts, odd], [], DAY)).iter(f"{SVG}rect") if float(one.get("y", 0)) > 20]
    assert [(round(float(one.get("x", 0))), float(one.get("height", 0))) for one in bars] == [
        (35, 48.0),
        (375, 96.0),
        (601, 48.0),
    ]


def test_incidents_are_reported_in_or_beside_their_bar() -> None:
    """A sentence of any length stays within the picture."""
    output = "a camera did what cameras do not do, and then it did it again and again " * 5
    picture = timeline(
        [alert(1, 60)], [incident(output, 10, 1400), incident(output, 10, 20), incident(output, 1400, 1430)], DAY
    )
    reported = [one for one in parsed(picture).iter(f"{SVG}text") if (one.text or "").startswith("a camera")]
    assert len(reported) == 3
    for one in reported:
        x, wide = float(one.get("x", 0)), width_of(one.text or "", 10.5)
        left = x - wide if one.get("text-anchor") == "end" else x
        assert 0 <= left <= left + wide <= WIDTH + 1


def test_marks_stand_where_the_score_is() -> None:
    """The scale has marks for the present and the previous score."""
    picture = str(gauge(Score(points=50, band="high"), Score(points=20, band="medium")))
    assert "M165.0," in picture
    assert 'cx="66.0"' in picture


def test_severities_are_reported_apart_in_grey_too() -> None:
    """Each is darker than the one before it, and text on a colour has the contrast of WCAG 2.1 for large text, 3:1."""
    lights = [_light(colour) for colour in SEVERITY.values()]
    assert lights == sorted(lights, reverse=True)
    for colour in (*SEVERITY.values(), *BANDS.values(), *PALETTE):
        high, low = sorted((_light(colour), _light(on(colour))), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 3, colour


def test_long_words_are_cut() -> None:
    """An ellipsis marks a truncated word."""
    assert fitting("a very long name of a device", 60) == "a very…"
    assert fitting("short", 60) == "short"
    assert fitting("short", 3) == ""


def _light(colour: str) -> float:
    """Relative luminance of a colour."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

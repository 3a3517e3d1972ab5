"""New devices: the intruder, similar benign devices, repetition."""

from __future__ import annotations

import pytest

from sensor.core.alert import Severity
from tests.detectors.device_stories import HOST, change, claim, made
from tests.detectors.stories import Story, World, detector, device, reviewed
from tests.golden import Golden

NEW = "device.new"


def watched(*kinds: str, hours: int = 24) -> World:
    """A day, or some hours, of a network with a device of each type."""
    present = [device(kind, f"10.0.2.{n + 100}") for n, kind in enumerate(kinds)]
    world, story = World(*present), Story().converse(0, "10.9.0.1", "10.9.0.2", 80)
    for each in present:
        story.converse(60, each.key.removeprefix("ip:"), "10.9.0.2", 443)
    return world.learned(story, hours=hours)


def newcomer(kind: str, mac: str = "00:17:c8:1a:2b:3c"):
    return made(*([claim("type", kind)] if kind != "unknown" else []), mac=mac)


@pytest.mark.parametrize(
    ("kind", "there", "severity"),
    [
        ("access_point", ["workstation"] * 3, Severity.medium),
        ("workstation", ["camera"] * 3, Severity.medium),
        ("printer", ["camera"] * 3, Severity.low),
        ("camera", ["camera"] * 3, Severity.low),
        ("workstation", ["workstation"] * 3, Severity.info),
        ("unknown", [], Severity.info),
    ],
)
def test_a_newcomer_is_reported_by_what_it_is_and_where(
    golden: Golden, kind: str, there: list[str], severity: Severity
) -> None:
    """A new device after a day of learning is reported with type, location and learning period."""
    [alert] = reviewed(detector(NEW, watched(*there)), [change(30, "new", newcomer(kind))])
    assert alert.severity == severity
    golden(alert.why[1])
    assert (alert.numbers["watched_h"], alert.numbers["threshold_h"]) == (24, 24)
    assert HOST in alert.summary
    assert alert.techniques[0].technique == "T1200"


def test_a_newcomer_that_turns_out_to_be_severe_is_reported_again() -> None:
    """A device whose type becomes severe is reported again with the same key; much later it is not."""
    unit, switch = detector(NEW, watched()), newcomer("switch")
    first, second = reviewed(unit, [change(30, "new", newcomer("unknown")), change(30.01, "identified", switch)])
    assert (first.key, first.severity, second.severity) == (second.key, Severity.info, Severity.medium)
    assert (
        reviewed(detector(NEW, watched()), [change(30, "new", newcomer("unknown")), change(40, "identified", switch)])[
            1:
        ]
        == []
    )


def test_learning_is_quiet() -> None:
    """Devices of the first day, known devices, and those that return raise no alert."""
    unit = detector(NEW, watched(hours=20))
    quiet = [
        change(21, "new", newcomer("switch")),
        change(30, "back", newcomer("switch")),
        change(30, "identified", newcomer("switch")),
    ]
    assert reviewed(unit, quiet) == []
    assert reviewed(detector(NEW, World()), [change(30, "new", newcomer("switch"))]) == []


def test_phones_with_randomised_macs_are_quiet() -> None:
    """Phones with randomized MACs are reported only with the option; a printer with one always is."""
    phone, printer = newcomer("mobile", "da:a1:19:00:00:01"), newcomer("printer", "da:a1:19:00:00:02")
    reported = [change(30, "new", phone), change(30, "new", newcomer("unknown", "da:a1:19:00:00:03"))]
    assert reviewed(detector(NEW, watched()), reported) == []
    assert len(reviewed(detector(NEW, watched(), randomised=True), reported)) == 2
    assert len(reviewed(detector(NEW, watched()), [change(30, "new", printer)])) == 1


def test_a_crowd_is_one_finding() -> None:
    """Of fifty new devices, nineteen are single alerts and the others one that grows; a router is a separate one."""
    many = [change(30 + n / 1000, "new", newcomer("voip_phone", f"00:17:c8:00:00:{n:02x}")) for n in range(50)]
    found = reviewed(detector(NEW, watched()), [*many, change(30.06, "new", newcomer("router"))])
    assert len({alert.key for alert in found}) == 19 + 1 + 1
    assert found[-2].numbers["newcomers"] == 50
    assert found[-1].severity == Severity.medium

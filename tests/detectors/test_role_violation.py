"""Role violations of devices: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.posture.profiles.installed import Installed
from sensor.posture.profiles.model import AccessList, Entry, Peer, Profile
from tests.detectors.stories import START, UDP, Story, World, device, raised
from tests.golden import Golden

ROLE = "lateral_movement.role_violation"
HOUR, DAYS = 3600, 4 * 86_400
CAMERA, OTHERS = "10.0.3.5", ("10.0.3.6", "10.0.3.7")


def watched(extra: Story | None = None) -> World:
    """Four days of cameras: video to a recorder in their segment, DNS and NTP of a server."""
    world = World(
        *(device("camera", address) for address in (CAMERA, *OTHERS)),
        device("nvr", "10.0.3.2"),
        device("server", "10.0.1.1"),
    )
    story = extra or Story()
    for hour in range(80):
        for n, address in enumerate((CAMERA, *OTHERS)):
            story.converse(hour * HOUR + n, address, "10.0.1.1", 123, proto=UDP).converse(
                hour * HOUR + 10 + n, address, "10.0.3.2", 8000
            )
    return world.learned(story)


@pytest.mark.parametrize(
    ("client", "server", "port", "actor", "technique"),
    [
        ("10.0.0.9", CAMERA, 1080, CAMERA, "T1090"),
        ("10.0.0.9", CAMERA, 4444, CAMERA, "T1571"),
        (CAMERA, "203.0.113.5", 6667, CAMERA, "T1071"),
        (CAMERA, "10.0.0.9", 4444, CAMERA, "T1021"),
    ],
)
def test_what_a_type_never_does_is_reported_on_the_first_day(
    client: str, server: str, port: int, actor: str, technique: str
) -> None:
    """An answered proxy, shell or chat connection raises an alert with the device as actor, and the reason."""
    [alert] = raised(ROLE, Story().flow(1, client, server, port, answered=True), World(device("camera", CAMERA, "CAM")))
    assert alert.actor.address == parse(actor)
    assert (alert.severity, alert.techniques[0].technique, alert.numbers["rule"]) == (Severity.high, technique, "never")
    assert "camera CAM (10.0.3.5)" in alert.summary


def test_a_service_that_no_camera_used_is_reported_after_learning() -> None:
    """A new service is medium inside and low outside; in the first three days it raises no alert."""
    story = Story().converse(DAYS, CAMERA, "10.0.3.2", 2345)
    [alert] = raised(ROLE, story, watched())
    assert (alert.severity, alert.numbers["rule"]) == (Severity.medium, "learned")
    assert "72 h" in alert.why[0]
    [alert] = raised(ROLE, Story().converse(DAYS, CAMERA, "203.0.113.5", 2345), watched())
    assert alert.severity == Severity.low
    assert raised(ROLE, story, World(device("camera", CAMERA))) == []


def test_a_segment_where_it_never_went_is_reported() -> None:
    """A camera's web request to another segment raises an alert; usual services of its type are low."""
    [alert] = raised(ROLE, Story().converse(DAYS, CAMERA, "10.0.9.4", 80), watched())
    assert (alert.severity, alert.numbers["rule"]) == (Severity.low, "segment")
    assert "10.0.9.0/24" in alert.why[0]


def test_the_ordinary_life_of_devices_is_quiet() -> None:
    """Learned services, usual ones of the type or of two similar devices, and computers raise no alert."""
    known = Story().converse(HOUR, OTHERS[0], "10.0.3.2", 2345).converse(HOUR, OTHERS[1], "10.0.3.2", 2345)
    story = (
        Story()
        .converse(DAYS, CAMERA, "10.0.3.2", 2345)
        .converse(DAYS + 1, CAMERA, "10.0.3.2", 8000)
        .converse(DAYS + 2, CAMERA, "10.0.1.1", 53, proto=UDP)
    )
    story.converse(DAYS + 3, "10.0.0.9", CAMERA, 554).converse(DAYS + 4, "10.0.0.9", "10.0.0.10", 4444).converse(
        DAYS + 5, "10.0.3.5", "203.0.113.9", 443
    )
    assert raised(ROLE, story, watched(known)) == []


def test_printers_may_do_what_printers_do() -> None:
    """Scan to folder and to mail, LDAP, and domain logins raise no alert on the first day."""
    story = Story()
    for n, port in enumerate((445, 25, 587, 389, 636, 88, 21, 443)):
        story.converse(n, "10.0.2.5", "10.0.1.1", port)
    for n, port in enumerate((9100, 631, 515, 80, 443, 445, 21)):
        story.converse(n, "10.0.0.9", "10.0.2.5", port)
    assert raised(ROLE, story, World(device("printer", "10.0.2.5"))) == []


def test_the_same_is_reported_once_a_day() -> None:
    """A violation is reported once a day, for any number of flows and servers."""
    story = Story()
    for n in range(50):
        story.flow(n * 700, f"10.0.0.{n + 1}", CAMERA, 1080, answered=True)
    assert len(raised(ROLE, story, World(device("camera", CAMERA)))) == 1


def test_exempt_devices_are_quiet() -> None:
    """Devices of an exempt type or address raise no alert."""
    story = Story().flow(1, "10.0.0.9", CAMERA, 1080, answered=True)
    assert raised(ROLE, story, World(device("camera", CAMERA)), exempt_types=("camera",)) == []
    assert raised(ROLE, story, World(device("camera", CAMERA)), exempt=("10.0.3.0/24",)) == []


# Tests with an installed profile.

CLOUD = "203.0.113.5"


def confined(*entries: Entry, kind: str = "camera", way: str = "from-device") -> World:
    """Cameras and a server, with a profile for a type."""
    world = World(device("camera", CAMERA, "CAM"), device("server", "10.0.1.1"), device("workstation", "10.0.0.9"))
    profile = Profile("https://maker.example/x", "2026-11-24T08:00:00Z", (AccessList("to-the-cloud", way, entries),))
    world.profiles.become([Installed("ours", ("type", kind), profile)])
    return world


ONLY_CLOUD = Entry("e", proto=6, far=((443, 443),), peers=(Peer("name", "cloud.example"),))


def test_what_a_profile_does_not_allow_is_reported_at_once(golden: Golden) -> None:
    """A flow outside the profile raises an alert without learning, before it ends, with the allowlist; each external
    server is a separate alert.
    """
    world = confined(ONLY_CLOUD)
    world.names = {parse(CLOUD): ("cloud.example",), parse("203.0.113.6"): ("evil.example",)}
    story = Story().flow(1, CAMERA, CLOUD, 443, answered=True).flow(2, CAMERA, "203.0.113.6", 443, answered=True)
    [alert] = raised(ROLE, story, world)
    assert (alert.severity, alert.numbers["rule"], alert.confidence, alert.target.address) == (
        Severity.medium,
        "profile",
        0.95,
        parse("203.0.113.6"),
    )
    golden(alert.why[0])
    golden(alert.summary)


def test_what_a_profile_allows_is_quiet() -> None:
    """A profile takes precedence over the baseline of the type; without the profile the flow raises an alert."""
    story = Story().flow(1, CAMERA, "203.0.113.5", 6667, answered=True)
    assert raised(ROLE, story, confined(Entry("e"))) == []
    assert len(raised(ROLE, story, confined(Entry("e"), kind="printer"))) == 1


def test_a_profile_confines_devices_of_any_type() -> None:
    """A profile applies to a PC, too, for which no baseline of its type exists."""
    [alert] = raised(
        ROLE, Story().flow(1, "10.0.0.9", "10.0.1.1", 22, answered=True), confined(ONLY_CLOUD, kind="workstation")
    )
    assert alert.actor.address == parse("10.0.0.9")


def test_who_is_served_beyond_a_profile_is_reported_and_who_connection_attempts_is_not() -> None:
    """A client outside the profile raises an alert once data was exchanged; a scanner does not."""
    world = confined(Entry("e", proto=6, near=((554, 554),)), way="to-device")
    [alert] = raised(ROLE, Story().converse(1, "10.0.0.9", CAMERA, 80).converse(2, "10.0.0.9", CAMERA, 554), world)
    assert (alert.actor.address, alert.target and alert.target.address, alert.numbers["service"]) == (
        parse(CAMERA),
        parse("10.0.0.9"),
        "tcp/80",
    )
    assert raised(ROLE, Story().flow(1, "10.0.0.9", CAMERA, 80, answered=True), world) == []


def test_what_goes_on_beyond_a_profile_is_reported_once_a_day() -> None:
    story = Story()
    for n in range(40):
        story.converse(n * 700, CAMERA, "203.0.113.6", 8443)
    assert len(raised(ROLE, story, confined(ONLY_CLOUD))) == 1


def test_an_address_without_a_resolved_name_is_doubtful_and_reported_low() -> None:
    """An address without a DNS query is low after a day, as its query may precede the start of the sensor."""
    [alert] = raised(
        ROLE, Story().converse(1, CAMERA, CLOUD, 443).converse(90_000, CAMERA, CLOUD, 443), confined(ONLY_CLOUD)
    )
    assert (alert.severity, alert.numbers["rule"], alert.ts > START + 86_400 * 10**9) == (Severity.low, "unnamed", True)


def test_exempt_devices_are_quiet_whatever_their_profile_reports() -> None:
    story = Story().converse(1, CAMERA, "203.0.113.6", 8443)
    assert raised(ROLE, story, confined(ONLY_CLOUD), exempt=("10.0.3.0/24",)) == []

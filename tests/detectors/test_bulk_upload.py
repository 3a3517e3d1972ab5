"""Unusual uploads: by limit, by the host's baseline, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from tests.detectors.stories import Story, World, device, one, raised

UPLOAD = "exfiltration.bulk_upload"
NEAR, FAR = "10.0.0.41", "203.0.113.9"
DAY = 86_400
MB = 10_000  # packets of a hundred bytes


def sent(
    megabytes: float,
    at: float = 0,
    *,
    client: str = NEAR,
    server: str = FAR,
    story: Story | None = None,
    back: bool = False,
    sport: int = 40000,
) -> Story:
    messages = (20, int(megabytes * MB)) if back else (int(megabytes * MB), 20)
    return (story or Story()).flow(at, client, server, 443, answered=True, ended=60, packets=messages, sport=sport)


def days(megabytes: float, count: int = 5) -> Story:
    """One upload a day of about the same size to one peer."""
    story = Story()
    for day in range(count):
        sent(megabytes + day % 3, day * DAY + 3600, story=story)
    return story


def test_a_printer_sends_much() -> None:
    """An upload above the limit raises an alert from the first day; a bare address is more severe than a name."""
    world = World(device("printer", NEAR, "PRN"))
    alert = one(raised(UPLOAD, sent(150), world))
    assert (alert.actor.address, alert.target and alert.target.address, alert.severity) == (
        parse(NEAR),
        parse(FAR),
        Severity.high,
    )
    assert (alert.numbers["megabytes"], alert.numbers["threshold"], alert.techniques[0].technique) == (
        150,
        100,
        "T1048",
    )
    world.names = {parse(FAR): ("files.example.net",)}
    alert = one(raised(UPLOAD, sent(150), world))
    assert alert.severity == Severity.medium
    assert "files.example.net" in alert.summary


def test_many_flows_add_up() -> None:
    story = Story()
    for n in range(60):
        sent(2, n * 600, story=story)
    assert one(raised(UPLOAD, story, World(device("tv", NEAR)))).numbers["megabytes"] == 100


def test_data_connections_of_ftp_count_the_other_way_round() -> None:
    """FTP data connections from server port 20 count as uploads of the internal host that sends."""
    alert = one(raised(UPLOAD, sent(150, client=FAR, server=NEAR, back=True, sport=20), World(device("printer", NEAR))))
    assert (alert.actor.address, alert.target and alert.target.address, alert.target_port) == (
        parse(NEAR),
        parse(FAR),
        20,
    )


@pytest.mark.parametrize("kind", ["workstation", "camera"])
def test_a_machine_sends_more_than_on_its_own_days(kind: str) -> None:
    world = World(device(kind, NEAR))
    world.names = {parse(FAR): ("cloud.example.net",)}
    alert = one(raised(UPLOAD, sent(4000, 6 * DAY, server="203.0.113.77", story=days(300)), world))
    assert (alert.severity, alert.numbers["megabytes"], alert.numbers["threshold"]) == (Severity.medium, 4000, 1000)
    assert "301 MB" in alert.why[1]


@pytest.mark.parametrize(
    "story",
    [
        sent(4000),
        sent(900, 6 * DAY, story=days(300)),
        sent(1500, 6 * DAY, story=days(900)),
        sent(4000, 6 * DAY, server="10.0.0.9", story=days(300)),
        sent(4000, 6 * DAY, story=days(300), back=True),
        sent(4000, 6 * DAY, client=FAR, server=NEAR, story=days(300)),
    ],
)
def test_ordinary_days_are_quiet(story: Story) -> None:
    """A host without a baseline, small and usual uploads, an internal backup, a download, and an external sender raise
    no alert.
    """
    assert raised(UPLOAD, story, World(device("workstation", NEAR))) == []


def test_what_devices_send_in_their_work_is_quiet() -> None:
    """A camera with a vendor cloud, a phone in a long call, a printer's reports, and exempt hosts raise no alert."""
    for kind in ("camera", "voip_phone", "conferencing"):
        world = World(device(kind, NEAR))
        world.names = {parse(FAR): ("cloud.example.net",)}
        assert raised(UPLOAD, days(800), world) == []
    assert raised(UPLOAD, days(40), World(device("printer", NEAR))) == []
    assert raised(UPLOAD, sent(150), World(device("printer", NEAR)), exempt=("203.0.113.0/24",)) == []


def test_a_camera_uploads_on_its_first_day() -> None:
    """A large TCP upload to a server without a name raises an alert; one to a named server, a smaller one, and video
    over UDP do not.
    """
    world = World(device("camera", NEAR))
    alert = one(raised(UPLOAD, sent(250), world))
    assert (alert.severity, alert.numbers["megabytes"], alert.numbers["threshold"]) == (Severity.medium, 250, 200)
    assert raised(UPLOAD, sent(150), world) == []
    assert raised(UPLOAD, Story().converse(0, NEAR, FAR, 40000, messages=(300 * MB, 20), proto=17), world) == []
    world.names = {parse(FAR): ("cloud.example.net",)}
    assert raised(UPLOAD, sent(250), world) == []


def test_long_flows_count_as_they_go_on_and_once() -> None:
    """Long flows count before they end, and their bytes count once."""
    story = Story().going(0, NEAR, FAR, 443, [(60, 64), (120, 256)], ended=(200, 300))
    found = raised(UPLOAD, story, World(device("printer", NEAR)))
    assert [alert.numbers["megabytes"] for alert in found] == [256]
    again = Story().going(0, NEAR, FAR, 443, [(60, 16), (120, 64)], ended=(200, 90))
    assert raised(UPLOAD, again, World(device("printer", NEAR))) == []


def test_repetition_is_one_finding_a_day() -> None:
    story = Story()
    for n in range(96):
        sent(50, n * 1800, story=story)
    found = raised(UPLOAD, story, World(device("printer", NEAR)))
    assert len(found) == 2
    assert one(found)

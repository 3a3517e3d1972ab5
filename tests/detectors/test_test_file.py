"""The EICAR test file: its transfers, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.event import Event
from sensor.dissectors.eicar import EicarFile
from sensor.dissectors.http import HttpResponse
from sensor.dissectors.shared.smb_events import SmbCreate
from tests.detectors.call_stories import CLIENT, SERVER, packet
from tests.detectors.stories import detector, inspected

TEST = "impact.test_file"


def fetched(path: str, status: int = 200) -> Event:
    return HttpResponse(packet(answer=True), status, "", "", 68, (), "", "", "GET", path, False)


def opened(name: str, *, writes: bool = True) -> Event:
    return SmbCreate(packet(), r"\\files\office", name, False, 0, 0, 0, writes, name.rpartition(".")[2])


@pytest.mark.parametrize(
    "event",
    [EicarFile(packet()), fetched("/eicar.com"), fetched("/files/eicar_com.zip?x=1"), opened(r"new\eicar.com.txt")],
)
def test_it_is_reported_however_it_travels(event: Event) -> None:
    """The file is detected by content or by name."""
    [alert] = inspected(detector(TEST), [event])
    assert alert.target is not None
    assert (alert.actor.address, alert.target.address) == (parse(CLIENT), parse(SERVER))


def test_benign_twins_are_quiet() -> None:
    """A missing file, a page about it, opening it for reading, and other files raise no alert."""
    for event in (
        fetched("/eicar.com", 404),
        fetched("/wiki/eicar.html"),
        opened("eicar.com", writes=False),
        opened("notes.txt"),
    ):
        assert inspected(detector(TEST), [event]) == []


def test_repetition_has_one_key() -> None:
    """Repeated transfers have one alert key."""
    assert len({alert.key for alert in inspected(detector(TEST), [fetched("/eicar.com")] * 20)}) == 1

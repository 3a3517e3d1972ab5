"""LAN sync of Dropbox."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.dropbox import Dropbox
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a computer": ([("DropboxAnnouncement", "2.0", "", 3)], [("dropbox.version", "2.0")]),
    "a computer with a name": (
        [("DropboxAnnouncement", "2.0", "accounting-2", 3)],
        [("dropbox.version", "2.0"), ("dropbox.hostname", "accounting-2")],
    ),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Dropbox().dissect(packets("dropbox")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("dropbox")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"{}", b"C\3\x35\1"])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Dropbox().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b'{"host_int":'])
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Dropbox().dissect(Packet(payload)))
    assert list(Dropbox().dissect(Packet(payload, problem=1))) == []


def test_members_of_other_types() -> None:
    """A version or list of folders of another type is ignored."""
    odd = Packet(b'{"host_int":1,"version":"x","namespaces":7}')
    assert events(Dropbox().dissect(odd)) == [("DropboxAnnouncement", "", "", 0)]


def test_a_number_in_place_of_a_name() -> None:
    """Clients without a display name repeat their number: it is not reported as a name."""
    payload = (
        b'{"host_int": 676879976, "version": [1, 8], "displayname": "676879976", "port": 17500, '
        b'"namespaces": [167841216]}'
    )
    parsed = list(Dropbox().dissect(Packet(payload)))
    assert [one.value for one in parsed[1:]] == ["1.8"]

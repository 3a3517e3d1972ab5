"""The end of an alert that an earlier run left open: its last record, closed."""

from __future__ import annotations

import msgspec
import pytest

from sensor.alerts.left_open import closed, id_of
from sensor.core.record import RecordMaker, encode
from tests.alerts.test_incidents import LAPTOP, made


def test_the_sensor_is_that_of_this_run() -> None:
    """Id, site and version are the present ones; number and time of writing are new."""
    text = encode(RecordMaker("old", "attic", "0.1").alert("open", made(1, LAPTOP))).decode()
    end = closed(text.replace('"version":"0.1"', '"version":"0.1","seq":7'), RecordMaker("new", "lab", "0.2"), 2)
    assert (end.action, end.sensor.id, end.sensor.site, end.sensor.version) == ("close", "new", "lab", "0.2")
    assert (end.sensor.seq, end.emitted) == (msgspec.UNSET, msgspec.UNSET)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"alert":1}', '{"alert":{"id":1}}'])
def test_lines_that_are_no_records(text: str) -> None:
    """They have no id, and nothing closes them."""
    assert id_of(text) == ""
    with pytest.raises(msgspec.DecodeError):
        closed(text, RecordMaker("s"), 1)

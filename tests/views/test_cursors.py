"""Cursors that were altered: an error of the request, in each list."""

from __future__ import annotations

import base64

import msgspec
import pytest

from sensor.views.alerts import alerts
from sensor.views.dataset import Data
from sensor.views.devices import devices
from sensor.views.errors import Malformed


def altered(cursor: str, value: object, number: object = 1) -> str:
    """The cursor with other values of the row behind which the page begins."""
    mark, *_ = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return base64.urlsafe_b64encode(msgspec.json.encode([mark, value, number])).decode()


@pytest.mark.parametrize("value", [[1 << 63], [], [1, 2, 3], None, {"a": 1}])
def test_values_that_no_row_has(office: Data, value: object) -> None:
    for listed in (alerts, devices):
        with pytest.raises(Malformed):
            listed(office, cursor=altered(listed(office, limit=1).cursor, value))


@pytest.mark.parametrize("number", [1 << 63, -(1 << 70), "1", 1.5])
def test_numbers_that_no_row_has(office: Data, number: object) -> None:
    for listed in (alerts, devices):
        with pytest.raises(Malformed):
            listed(office, cursor=altered(listed(office, limit=1).cursor, 1, number))

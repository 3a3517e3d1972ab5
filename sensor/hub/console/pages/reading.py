"""The reader of a request of the hub's console."""

from __future__ import annotations

from sensor.console.page_request import PageRequest
from sensor.hub.views.backend import HubBackend
from sensor.hub.views.query import Reader
from sensor.views.errors import NotReadable


def reader_of(request: PageRequest) -> Reader:
    """Raises NotReadable for a dataset that is not a hub's."""
    if not isinstance(request.views, HubBackend):
        raise NotReadable("only a hub has this page")
    return request.views.reader

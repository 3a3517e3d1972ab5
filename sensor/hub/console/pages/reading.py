"""Connections of a request of the hub's console: its reader, and a transaction that writes."""

from __future__ import annotations

from contextlib import AbstractContextManager

from sensor.console.page_request import PageRequest
from sensor.hub.console.sources import HubSources
from sensor.hub.database import Connection
from sensor.hub.views.backend import HubBackend
from sensor.hub.views.query import Reader
from sensor.views.errors import NotReadable


def reader_of(request: PageRequest) -> Reader:
    """Raises NotReadable for a dataset that is not a hub's."""
    if not isinstance(request.views, HubBackend):
        raise NotReadable("only a hub has this page")
    return request.views.reader


def writing(request: PageRequest) -> AbstractContextManager[Connection]:
    """A transaction as the owner of the tables: the caller has checked the sites of the user. Raises NotReadable."""
    if not isinstance(request.console.sources, HubSources):
        raise NotReadable("only a hub has this page")
    return request.console.sources.writing()

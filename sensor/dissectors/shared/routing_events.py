"""Messages of routing protocols, by which routers find each other and exchange routes."""

from __future__ import annotations

from sensor.core.event import Event


class RoutingMessage(Event):
    """A sender takes part in a routing protocol. ``kind``: ``hello``, ``update`` and so on; ``routes``: number of
    routes or links that it announces; ``signed``: the message is authenticated.
    """

    kind: str
    routes: int
    signed: bool

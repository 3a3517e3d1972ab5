"""Messages of routing protocols, by which routers find each other and exchange routes."""

from __future__ import annotations

from sensor.core.event import Event


class RoutingMessage(Event):
    """A sender takes part in a routing protocol. ``operation``: ``hello``, ``update`` and so on; ``routes``: number of
    routes or links that it announces; ``signed``: the message is authenticated.
    """

    operation: str
    routes: int
    signed: bool

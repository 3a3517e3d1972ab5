"""Filters of the map and of the top talkers."""

from __future__ import annotations

import msgspec

from sensor.views.conversations import ConversationFilter


class MapFilter(ConversationFilter, frozen=True, forbid_unknown_fields=True):
    """Conversations, and how the map shows them. ``by``: one of ``views.topology.GROUPINGS``; ``opened``: name of a
    group; ``severity``: of open alerts, as in ``levels_of``; ``paths``: with the steps of attack paths.
    """

    by: str = "type"
    opened: str = ""
    severity: str = ""
    paths: bool | None = None


class TrafficFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``by``: one of ``records.talkers.GROUPINGS``; ``host``: a device, an address, a block or a MAC, as client or
    server; ``service``: as the rows name it; ``since`` and ``until``: ns.
    """

    by: str = "pair"
    host: str = ""
    service: str = ""
    since: int | None = None
    until: int | None = None


WHOLE_MAP, ALL_TRAFFIC = MapFilter(), TrafficFilter()

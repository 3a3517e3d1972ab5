"""ip6tables-restore(8): as ``iptables``, for IPv6."""

from __future__ import annotations

from sensor.posture.firewall.formats.iptables import ALLOWS, MARK, undone, written
from sensor.posture.firewall.model import Request

__all__ = ["ALLOWS", "MARK", "rules", "undo"]


def rules(request: Request) -> str:
    return written(request, 6, "ip6tables")


def undo(request: Request) -> str:
    return undone(request, 6)

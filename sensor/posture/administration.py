"""Administration services: the client of such a session holds credentials of the server."""

from __future__ import annotations

from sensor.core.ip_protocols import TCP, UDP

ADMINISTRATION = frozenset(
    TCP << 16 | port for port in (22, 23, 135, 139, 445, 2323, 3389, *range(5900, 5906), 5985, 5986)
) | {UDP << 16 | 623}
"""As ``protocol << 16 | port``."""

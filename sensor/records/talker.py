"""A row of the top talkers, for programs without the libraries that read traffic records, too."""

from __future__ import annotations

import msgspec


class Talker(msgspec.Struct, frozen=True):
    """A pair of client and server, a host or a service. ``host``: id of a device, an address, or a service; ``peer``:
    the server of a pair; ``sent``: bytes by the host, or by the clients of a service; ``received``: by it, or by them;
    ``share``: of all bytes, 0 to 1. Bytes are those of whole frames. Unknown names and types are empty.
    """

    host: str
    name: str
    type: str
    peer: str
    peer_name: str
    peer_type: str
    services: list[str]
    sent: int
    received: int
    bytes: int
    connections: int
    share: float

"""Requests of `sensor sync` to the hub, over the connection of the output ``hub``."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sensor.core.output import Retry
from sensor.outputs.hub_protocol import messages
from sensor.outputs.hub_protocol.connection import HubOptions, connect_allowed
from sensor.outputs.hub_protocol.credentials import load_credentials, load_operator
from sensor.outputs.hub_protocol.messages import FilePart, Offer, Report, subject
from sensor.outputs.transport.nats_wire import NoResponders, Wire
from sensor.sync.layers import File, Refused


class Link:
    """``servers``: URLs of the hub. Methods raise Retry if the hub cannot be reached; the next call reconnects."""

    def __init__(self, servers: list[str], options: HubOptions) -> None:
        self._servers, self._options = list(servers), options
        self._path = Path(options.credentials)
        self._wire: Wire | None = None

    @property
    def key(self) -> str:
        """Public key of this sensor."""
        return load_credentials(self._path).pair.public

    @property
    def operator(self) -> str:
        """Public key of the operator who signs. Raises Refused if the hub has not announced it."""
        if found := load_operator(self._path):
            return found
        raise Refused("the key of the hub's operator is unknown: join the hub again, or upgrade the hub")

    def offer(self, report: Report) -> Offer:
        """The layers for this sensor. Sends the report on its current configuration first."""
        try:
            return msgspec.json.decode(self._ask(messages.CONFIGURE, msgspec.json.encode(report)), type=Offer)
        except msgspec.MsgspecError:
            raise Retry("the hub sent an invalid answer") from None

    def fetch(self, file: File) -> bytes:
        """The content of a file of a layer. Raises Refused if the hub does not have it."""
        body = b""
        while len(body) < file.size:
            part = self.part(file.sha256, len(body))
            if not part:
                raise Refused(f"the hub does not have {file.name}")
            body += part
        return body

    def part(self, sha256: str, offset: int) -> bytes:
        """A part of a file or package; empty if the hub does not have it."""
        return self._ask(messages.FILE, msgspec.json.encode(FilePart(sha256, offset)))

    def close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def _ask(self, kind: str, body: bytes) -> bytes:
        try:
            return self._opened().request(subject(kind, self.key), body)
        except NoResponders:
            raise Retry("no worker of the hub answers: `sensor hub run` starts one, version 0.2 or later") from None
        except Retry:
            self.close()
            raise

    def _opened(self) -> Wire:
        if self._wire is None:
            self._wire = connect_allowed(self._servers, self._options, messages.CONFIGURE)
        return self._wire

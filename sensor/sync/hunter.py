"""Answers hunts of the hub: queries on the traffic records of this sensor, one at a time, which the hub has signed.

The NATS server permits only the hub to publish on the subject of a sensor, and a sensor only under its own key; the
signature does not depend on the server.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from sensor.core.output import Retry
from sensor.logs.logs import log
from sensor.outputs.hub_protocol.connection import HubOptions, connect_allowed
from sensor.outputs.hub_protocol.credentials import load_credentials
from sensor.outputs.hub_protocol.hunt_signatures import Rejected, read_hunt, verify_hunt
from sensor.outputs.hub_protocol.hunts import FOUND, HUNT, Found, Hunt, fitted, found_subject
from sensor.outputs.hub_protocol.messages import Signed, subject
from sensor.outputs.transport.nats_wire import UNASKED, NoResponse, Wire
from sensor.sync.seen_hunts import SeenHunts

# A connection without a ping of the server for SILENT_S is lost; after FRESH_S a new one is opened, which renews
# credentials that are due.
SILENT_S, FRESH_S = 300.0, 6 * 3600.0
HEADERS_SIZE = 512


class Hunter:
    """``servers``: URLs of the hub; ``find``: runs a hunt on this sensor, and must not raise."""

    def __init__(self, servers: list[str], options: HubOptions, find: Callable[[Hunt], Found]) -> None:
        self._servers, self._options, self._find = list(servers), options, find
        self._wire: Wire | None = None
        self._key, self._account, self._opened_at = "", "", 0.0
        self._seen = SeenHunts(options.credentials.with_name(options.credentials.name + ".hunts"))

    def turn(self, within_s: float) -> bool:
        """Wait for a hunt and answer it; False if none came. Raises Retry; the next call reconnects."""
        try:
            return self._turn(self._opened(), within_s)
        except Retry:
            self.close()
            raise

    def close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def _turn(self, wire: Wire, within_s: float) -> bool:
        try:
            received = wire.answer(within_s)
        except NoResponse:
            if time.monotonic() - wire.received_at > SILENT_S:
                raise Retry(f"the NATS server sent nothing for {SILENT_S:g} s") from None
            return False
        if received.number != UNASKED:  # the client stopped waiting
            return False
        try:
            signed, hunt = read_hunt(received.body)
        except msgspec.MsgspecError as error:
            log().warning("a hunt of the hub is invalid", error=str(error))
            return False
        self._answer(wire, hunt, self._found(signed, hunt))
        return True

    def _found(self, signed: Signed, hunt: Hunt) -> Found:
        """The result of a hunt, or why it does not run."""
        now = time.time()
        try:
            verify_hunt(signed, hunt, self._account, self._key, now)
            self._seen.add(hunt, now)
        except Rejected as error:
            return Found(error.fault, str(error))
        except OSError as error:
            return Found("failed", f"{error.filename}: {error.strerror}")
        return self._find(hunt)

    def _answer(self, wire: Wire, hunt: Hunt, found: Found) -> None:
        log().info("a hunt of the hub", author=hunt.author, sql=hunt.sql, rows=len(found.rows), fault=found.fault)
        body = fitted(found, wire.info.max_payload - HEADERS_SIZE)
        wire.publish([(found_subject(hunt.id, self._key).encode(), b"", body)])

    def _opened(self) -> Wire:
        if self._wire is not None and time.monotonic() - self._opened_at > FRESH_S:
            self.close()
        if self._wire is None:
            self._wire = connect_allowed(self._servers, self._options, f"{FOUND}.*")
            credentials = load_credentials(self._options.credentials)
            self._key, self._account = credentials.pair.public, credentials.claims.iss
            self._wire.subscribe(subject(HUNT, self._key))
            self._opened_at = time.monotonic()
            log().info("listens for hunts of the hub", key=self._key)
        return self._wire

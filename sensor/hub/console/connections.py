"""Database connections of the console: one for each request that is answered at the same time."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Iterator

import psycopg

from sensor.hub.database import Connection, DatabaseError, connected
from sensor.hub.settings import Database
from sensor.views.errors import NotReadable, ViewError

KEPT = 12


class Connections:
    """Connections that are kept open between requests. Thread-safe."""

    def __init__(self, place: Database, *, keep: bool = True) -> None:
        """``keep``: false for a command, which uses one or two."""
        self._place, self._keep = place, keep
        self._free: queue.LifoQueue[Connection] = queue.LifoQueue(KEPT)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection within a transaction. Raises NotReadable if the database cannot be used, or takes too long;
        ViewError for a value that PostgreSQL cannot process, such as NUL.
        """
        try:
            with self._borrowed() as base, base.transaction():
                yield base
        except psycopg.errors.QueryCanceled:
            raise NotReadable("the database takes too long to answer: use a narrower filter, or one site") from None
        except psycopg.errors.InsufficientPrivilege as error:
            raise NotReadable(
                f"PostgreSQL: {error.diag.message_primary}: `sensor hub reader ROLE '*'` grants it"
            ) from None
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise NotReadable(f"PostgreSQL: {error.diag.message_primary or 'the connection was lost'}") from None
        except psycopg.DataError as error:
            raise ViewError(f"PostgreSQL: {error.diag.message_primary or error}: check the filter") from None

    @contextlib.contextmanager
    def _borrowed(self) -> Iterator[Connection]:
        try:
            base = self._free.get_nowait()
        except queue.Empty:
            base = self._opened()
        try:
            yield base
        finally:
            if not self._keep:
                base.close()
            elif base.closed or base.broken:
                base.close()
                self.close()  # a restart of the server ends them all
            else:
                try:
                    self._free.put_nowait(base)
                except queue.Full:
                    base.close()

    def _opened(self) -> Connection:
        try:
            return connected(self._place)
        except DatabaseError as error:
            raise NotReadable(str(error)) from None

    def close(self) -> None:
        """Close the connections that no request uses."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._free.get_nowait().close()

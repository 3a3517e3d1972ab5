"""The database connection of a worker, which reconnects on demand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import psycopg

from sensor.hub.database import Connection, DatabaseError, connected
from sensor.hub.settings import Hub
from sensor.logs.logs import log

Result = TypeVar("Result")


class HeldConnection:
    """A connection that opens on first use, and again after it was lost."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._base: Connection | None = None
        self._failing = False

    def use(
        self, call: Callable[[Connection], Result], unusable: type[psycopg.Error] = psycopg.OperationalError
    ) -> Result | None:
        """The result of a call; None if the database is unreachable, or at an ``unusable``. Other errors propagate."""
        try:
            if self._base is None:
                self._base = connected(self._hub.settings.database)
            result = call(self._base)
        except (unusable, psycopg.OperationalError, psycopg.InterfaceError, DatabaseError) as error:
            self.close()
            if not self._failing:
                log().warning("the database cannot be used", error=str(error))
            self._failing = True
            return None
        except psycopg.Error:
            self.close()
            raise
        self._failing = False
        return result

    def close(self) -> None:
        base, self._base = self._base, None
        if base is not None:
            base.close()

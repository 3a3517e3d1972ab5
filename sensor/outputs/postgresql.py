"""PostgreSQL (12 or later): one row per record, by its id. A batch is one statement: it is stored completely or not at
all, and a repeat changes nothing.

Columns contain the usual search fields; ``body`` contains the whole record in its format, which must be JSON. The table
is created on request (``create_table``); its owner (``integrations/postgresql/table.sql``) may add columns, indexes and
partitions by ``id``. An acknowledged batch is on the server's disk, unless ``synchronous_commit`` is off.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from sensor.core.model import Check, Field
from sensor.core.output import Ack, BatchRejected, Entry, Finding, Output, Retry
from sensor.core.output import Options as CommonOptions
from sensor.core.reader import clean
from sensor.outputs._postgresql_table import COLUMNS, insert_of, quoted, row, table_of, valid_name
from sensor.outputs._probe import probe
from sensor.outputs.transport.connect import resolve
from sensor.outputs.transport.secrets import Secret
from sensor.outputs.transport.tls import Tls

ANSWER_LIMIT = 200

# SQLSTATE classes about the content of a row: data, constraints; rows or index entries that are too large.
REFUSED = ("22", "23", "54")

_SECOND = 1.0


class Options(CommonOptions):
    """``host``: name, address or, beginning with a slash, folder of the server's socket; ``port``: port of the server;
    ``database``: database that contains the table; ``user``, ``password``: login at the server; ``tls``: without it,
    TLS is used if the server offers it, and the certificate is not verified; ``table``: name of the table, optionally
    with its schema; ``create_table``: create the table, its schema and its indexes if absent.
    """

    host: str = Field(min_length=1)
    port: int = Field(5432, ge=1, le=65535)
    database: str = Field("siem", min_length=1)
    user: str = Field("sensor", min_length=1)
    password: Secret | None = None
    tls: Tls | None = None
    table: Annotated[str, Check(valid_name)] = "sensor_events"
    create_table: bool = False


class Postgresql(Output):
    """A client with one connection in autocommit mode."""

    Options = Options
    title = "PostgreSQL"
    formats = ("native", "ecs", "ocsf", "device_info")
    guarantee = "exactly_once"

    def __init__(self, name: str, options: Any) -> None:
        super().__init__(name, options)
        self._connection: Any = None
        self._insert = insert_of(options.table)

    def open(self) -> None:
        try:
            import psycopg
        except ImportError:
            raise Retry(
                "PostgreSQL needs the package psycopg: pip install 'passive-network-sensor[postgresql]'"
            ) from None
        self.close()
        try:
            self._connection = _with_timeout(psycopg, self.options.timeout_s).connect(
                **self._place(), autocommit=True, prepare_threshold=None
            )
        except (psycopg.Error, OSError) as error:
            raise Retry(f"PostgreSQL: {_reason_of(error)}") from None
        if self.options.create_table:
            self._make_table()

    def check(self) -> Iterator[Finding]:
        if not self.options.host.startswith("/"):
            # TLS begins within the protocol, so it is checked at login.
            for finding in probe(self.options.host, self.options.port, None, self.options.timeout_s):
                yield finding
                if finding.level == "error":
                    return
        try:
            self.open()
        except Retry as error:
            yield Finding("tls" if "certificate" in str(error) else "auth", "error", str(error))
            return
        yield self._tls()
        yield Finding("auth", "ok", f"logged in to {self.options.database} as {self.options.user}")
        try:
            yield self._permission()
        except Retry as error:
            yield Finding("permission", "error", str(error))

    def send(self, entries: Sequence[Entry]) -> Ack:
        columns = list(zip(*[row(entry) for entry in entries], strict=True))
        self._queried(self._insert, [list(column) for column in columns])
        return Ack()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _queried(self, statement: str, values: Sequence[Any] = ()) -> Any:
        import psycopg

        if self._connection is None:
            raise Retry("not connected")
        try:
            return self._connection.execute(statement, values or None)
        except psycopg.Error as error:
            if values and (isinstance(error, psycopg.DataError) or (error.sqlstate or "")[:2] in REFUSED):
                raise BatchRejected(f"PostgreSQL: {_reason_of(error)}") from None
            raise Retry(f"PostgreSQL: {_reason_of(error)}{_advice(error.sqlstate, self.options.table)}") from None
        except OSError as error:
            raise Retry(f"PostgreSQL: {_reason_of(error)}") from None

    def _place(self) -> dict[str, Any]:
        """Arguments of the client library, as in libpq."""
        parameters: dict[str, Any] = {
            "host": self.options.host,
            "port": self.options.port,
            "dbname": self.options.database,
            "user": self.options.user,
            "password": self.options.password.reveal() if self.options.password else None,
            "application_name": "sensor",
            "connect_timeout": max(2, round(self.options.timeout_s)),
            "tcp_user_timeout": round(self.options.timeout_s * 1000),
            # The server's timeout is similar to ours: an abandoned statement would hold locks.
            "options": f"-c statement_timeout={round(self.options.timeout_s * 1000)}",
        }
        if self.options.tls is None or self.options.host.startswith("/"):
            return parameters
        return parameters | _tls_of(self.options.tls, self.options.host, self.options.port)

    def _make_table(self) -> None:
        """Create only what is missing: without permission to create a table, even IF NOT EXISTS fails."""
        table, schema = self.options.table, self.options.table.rpartition(".")[0]
        if schema and self._queried("SELECT to_regnamespace(%s) IS NULL", [quoted(schema)]).fetchone()[0]:
            self._queried(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
        if self._queried("SELECT to_regclass(%s) IS NULL", [quoted(table)]).fetchone()[0]:
            self._queried(table_of(table))

    def _tls(self) -> Finding:
        encrypted = self._connection.pgconn.ssl_in_use
        if self.options.host.startswith("/"):
            return Finding("tls", "ok", "not needed: a local socket")
        if self.options.tls is None or not self.options.tls.verify:
            how = (
                "encrypted, but its certificate is not verified"
                if encrypted
                else "not encrypted: every record can be read in transit"
            )
            return Finding("tls", "warning", f"{how}; set its CA as tls.ca")
        return Finding("tls", "ok", "encrypted, and its certificate is valid")

    def _permission(self) -> Finding:
        """Whether the table exists with our columns and permits inserts: plans the statement without running it."""
        self._queried(f"EXPLAIN {self._insert}", [[] for _ in COLUMNS])
        return Finding("permission", "ok", f"may insert into {self.options.table}")


def _with_timeout(psycopg: Any, timeout_s: float) -> Any:
    """A connection class with a timeout on every wait: the server's statement timeout does not help if the server
    hangs.
    """

    class Patient(psycopg.Connection):  # type: ignore[misc]
        """As its base, with timeouts."""

        def wait(self, requested: Generator[Any, Any, Any], *args: Any, **more: Any) -> Any:
            return super().wait(_within(requested, timeout_s + _SECOND), *args, **more)

    return Patient


def _within(requested: Generator[Any, Any, Any], seconds: float) -> Generator[Any, Any, Any]:
    """Run a generator of the client library, which continues when the socket is ready or an interval has passed."""
    end = time.monotonic() + seconds
    try:
        wanted = next(requested)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > end:
                raise TimeoutError(f"no answer within {seconds - _SECOND:g} s")
            wanted = requested.send(ready)
    except StopIteration as answer:
        return answer.value


def _tls_of(tls: Tls, host: str, port: int) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "sslmode": "verify-full" if tls.verify else "require",
        "ssl_min_protocol_version": f"TLSv{tls.minimum}",
    }
    if tls.verify:
        found = ssl.get_default_verify_paths()
        system = next(
            (path for path in (found.cafile, found.openssl_cafile) if path and Path(path).is_file()), "system"
        )
        parameters["sslrootcert"] = str(tls.ca) if tls.ca else system
    if tls.certificate is not None:
        parameters |= {"sslcert": str(tls.certificate), "sslkey": str(tls.key or tls.certificate)}
    if tls.key_password is not None:
        parameters["sslpassword"] = tls.key_password.reveal()
    if tls.server_name:
        parameters |= {"host": tls.server_name, "hostaddr": str(resolve(host, port)[0][1][0])}
    return parameters


def _advice(state: str | None, table: str) -> str:
    """Advice on faults of the table; empty for all others."""
    if state in ("42P01", "3F000"):
        return f"; create the table {table}, or set create_table: true"
    if state == "42501":
        return f"; as its owner: GRANT INSERT, SELECT ON {table} TO the user"
    if state in ("42703", "42P10"):
        return f"; the table {table} differs from integrations/postgresql/table.sql"
    return ""


def _reason_of(error: BaseException) -> str:
    """The error text of the server or the client library; never the statement, which contains records."""
    message = getattr(getattr(error, "diag", None), "message_primary", None) or str(error) or type(error).__name__
    return clean(message, ANSWER_LIMIT)

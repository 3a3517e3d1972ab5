"""Redis streams (Redis 5 or later, Valkey): one entry per record, with the fields ``id``, ``kind``, ``severity`` and
``data`` (the record in its format).

Each sensor and kind has a separate stream, ``PREFIX:SENSOR:KIND``, in which the id of an entry is the number of its
record (``18237-0``): the server rejects a repeat, because ids of a stream only increase. Rejected entries are looked
up; a missing entry (the log was restarted, or the server was full) is appended after the newest one as ``TOP-NUMBER``,
where a repeat finds it as well. So a batch that is sent twice, completely or partly, is stored once, unless consumers
delete entries after reading. Each entry is one command, without scripts and MULTI: if Redis fails while it writes one
of these, it repeats half of it at its second start (``aof-load-truncated``). With ``appendonly yes`` and ``appendfsync
always`` an acknowledged entry survives a crash of the server; with ``everysec`` it may be written two seconds later,
unless ``synced`` waits for it.

Not supported: Cluster and Sentinel; use the URL of the primary.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import SplitResult, unquote, urlsplit

from sensor.core.model import Check, Field
from sensor.core.output import Ack, Entry, Finding, Output, Retry
from sensor.core.output import Options as CommonOptions
from sensor.core.reader import clean
from sensor.outputs._names import named
from sensor.outputs._probe import probe
from sensor.outputs.transport.broker_url import parts_of
from sensor.outputs.transport.secrets import Secret
from sensor.outputs.transport.tls import Tls, context

PORT = 6379
SCHEMES = ("redis", "rediss", "unix")
ANSWER_LIMIT = 200
# Entries that are read at once.
PAGE = 500
# The server's error for an id that is not greater than the last.
PASSED = "equal or smaller"


def _url(url: str) -> str:
    parts = parts_of(url)
    if parts.scheme not in SCHEMES or not (parts.path if parts.scheme == "unix" else parts.hostname):
        raise ValueError("expected redis://host:6379/0, rediss://host:6379/0 or unix:///path/of/socket")
    if parts.scheme != "unix" and parts.path.strip("/") and not parts.path.strip("/").isdecimal():
        raise ValueError(f"found the database {parts.path.strip('/')!r}, expected a number")
    return url


class Options(CommonOptions):
    """``url``: ``redis://host:6379/0``, with TLS ``rediss://``, or ``unix:///path`` of a socket; ``user``,
    ``password``: ACL user and password; ``database``: database number, with a socket; ``prefix``: prefix of the stream
    names; ``max_entries``: approximate limit of entries per stream, 0: none; ``synced``: a batch is delivered once the
    server has it on disk (WAITAOF, Redis 7.2), which depends on its ``appendfsync``; ``replicas``: number of replicas
    that must have a batch before it is delivered.
    """

    url: Annotated[str, Check(_url)]
    user: str = ""
    password: Secret | None = None
    tls: Tls = Tls()
    database: int = Field(0, ge=0)
    prefix: str = Field("sensor", min_length=1, max_length=256)
    max_entries: int = Field(0, ge=0)
    synced: bool = False
    replicas: int = Field(0, ge=0, le=32)

    def check_whole(self, context: Any) -> None:
        if 0 < self.max_entries < 2 * self.batch_events:
            raise ValueError(
                f"found max_entries {self.max_entries}, expected 0 or at least twice batch_events: duplicates "
                "are detected among present entries"
            )


class Redis(Output):
    """A client with one connection."""

    Options = Options
    title = "Redis streams"
    # Stream ids are event log numbers, which rows do not have.
    traffic = False
    guarantee = "exactly_once"

    def __init__(self, name: str, options: Any) -> None:
        super().__init__(name, options)
        self._parts: SplitResult = urlsplit(options.url)
        self._client: Any = None

    def open(self) -> None:
        try:
            import redis
        except ImportError:
            raise Retry("Redis streams need the package redis: pip install 'passive-network-sensor[redis]'") from None
        self.close()
        self._client = redis.Redis(connection_pool=self._pool(redis))
        self._requested(self._client.ping)

    def check(self) -> Iterator[Finding]:
        if self._parts.scheme != "unix":
            tls = self.options.tls if self._parts.scheme == "rediss" else None
            for finding in probe(self._parts.hostname or "", self._parts.port or PORT, tls, self.options.timeout_s):
                yield finding
                if finding.level == "error":
                    return
        for look in (self._login, self._permission, self._durability):
            try:
                yield look()
            except Retry as error:
                yield Finding("auth" if look == self._login else "permission", "error", str(error))
                return

    def send(self, entries: Sequence[Entry]) -> Ack:
        streams: dict[str, list[Entry]] = {}
        for entry in entries:
            streams.setdefault(self._stream(entry.record), []).append(entry)
        for stream, batch in streams.items():
            passed = self._append(stream, [(f"{entry.seq}-0", entry) for entry in batch])
            if passed:
                self._append_behind(stream, passed)
        if self.options.synced or self.options.replicas:
            self._wait()
        return Ack()

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.connection_pool.disconnect()
            client.close()

    def _client_now(self) -> Any:
        if self._client is None:
            raise Retry("not connected")
        return self._client

    def _pool(self, redis: Any) -> Any:
        """One connection without retries: the runner retries."""
        arguments: dict[str, Any] = {
            "username": self.options.user or None,
            "password": self.options.password.reveal() if self.options.password else None,
            "socket_timeout": self.options.timeout_s,
            "max_connections": 1,
            "retry": redis.retry.Retry(redis.backoff.NoBackoff(), 0),
        }
        if self._parts.scheme == "unix":
            arguments |= {
                "connection_class": redis.UnixDomainSocketConnection,
                "path": unquote(self._parts.path),
                "db": self.options.database,
            }
            return redis.ConnectionPool(**arguments)
        arguments |= {
            "host": self._parts.hostname,
            "port": self._parts.port or PORT,
            "db": int(self._parts.path.strip("/") or self.options.database),
        }
        arguments |= {"socket_connect_timeout": self.options.timeout_s, "socket_keepalive": True}
        if self._parts.scheme == "rediss":
            arguments["connection_class"] = _over_tls(
                redis, context(self.options.tls), self.options.tls.server_name or self._parts.hostname or ""
            )
        return redis.ConnectionPool(**arguments)

    def _stream(self, record: Mapping[str, Any]) -> str:
        return named(f"{self.options.prefix}:{{sensor}}:{{kind}}", record)

    def _append(self, stream: str, places: list[tuple[str, Entry]]) -> list[Entry]:
        """Append each at its id; returns those whose id has passed. Raises Retry for any other error, after all
        responses.
        """
        pipe = self._requested(self._client_now().pipeline, transaction=False)
        limit = {"maxlen": self.options.max_entries, "approximate": True} if self.options.max_entries else {}
        for place, entry in places:
            fields = {
                "id": entry.id,
                "kind": entry.kind,
                "severity": entry.record.get("severity", ""),
                "data": entry.payload,
            }
            pipe.xadd(stream, fields, place, **limit)
        answers = self._requested(pipe.execute, raise_on_error=False)
        faults = [
            reason_of(answer) for answer in answers if isinstance(answer, Exception) and PASSED not in str(answer)
        ]
        if faults:
            raise Retry(f"Redis: {faults[0]}")
        return [entry for answer, (_, entry) in zip(answers, places, strict=True) if isinstance(answer, Exception)]

    def _append_behind(self, stream: str, passed: list[Entry]) -> None:
        """Append missing entries after the newest: its number, then their own."""
        top = int(self._requested(self._client.xinfo_stream, stream)["last-generated-id"].partition(b"-")[0])
        first, last = passed[0].seq, passed[-1].seq
        there = set(self._ids(stream, (first, 0), last, range(first, last + 1)))
        there.update(self._ids(stream, (top, first), top, range(first, last + 1)))
        missing = [(f"{top}-{entry.seq}", entry) for entry in passed if entry.id.encode() not in there]
        if missing and self._append(stream, missing):
            raise Retry(f"Redis: another client appends to {stream}")

    def _ids(self, stream: str, at: tuple[int, int], end: int, numbers: range) -> Iterator[bytes]:
        """Record ids of the entries from one id to the end of a first number, page by page. Entries behind a first
        number that are not among ``numbers`` are skipped: a log that was restarted leaves millions of them there.
        """
        while at[0] <= end:
            page = self._requested(self._client.xrange, stream, f"{at[0]}-{at[1]}", str(end), PAGE)
            yield from (fields.get(b"id", b"") for _, fields in page)
            if len(page) < PAGE:
                return
            first, _, second = page[-1][0].decode().partition("-")
            behind = max(int(second) + 1, numbers.start)
            at = (int(first), behind) if behind < numbers.stop else (int(first) + 1, 0)

    def _wait(self) -> None:
        """Wait until the batch is on the server's disk and its replicas. Raises Retry on a timeout."""
        patience = max(1, int(self.options.timeout_s * 500))
        if self.options.synced:
            local, have = self._requested(self._client.waitaof, 1, self.options.replicas, patience)
            if not local:
                raise Retry("Redis: the server has not written the batch to disk yet")
        else:
            have = self._requested(self._client.wait, self.options.replicas, patience)
        if have < self.options.replicas:
            raise Retry(f"Redis: {have} of {self.options.replicas} replicas have the batch")

    def _requested(self, request: Callable[..., Any], *args: Any, **more: Any) -> Any:
        """The response. No server error concerns the records, which are opaque to it."""
        import redis

        try:
            return request(*args, **more)
        except (redis.RedisError, OSError) as error:
            raise Retry(f"Redis: {reason_of(error)}") from None

    def _login(self) -> Finding:
        self.open()
        try:
            who = str(self._requested(self._client.acl_whoami))
        except Retry:
            # An older server has no such command, and another may deny it.
            who = self.options.user or "default"
        return Finding("auth", "ok", f"logged in as {clean(who, ANSWER_LIMIT)}")

    def _permission(self) -> Finding:
        """Try to append an entry with an id that every server rejects after its permission check."""
        stream = self._stream({"sensor": {"id": "check"}, "kind": "alert"})
        answer = self._requested(
            self._client.pipeline(transaction=False).xadd(stream, {"id": "check"}, "0-0").execute, raise_on_error=False
        )[0]
        if "0-0" not in str(answer):
            raise Retry(f"Redis: {reason_of(answer)}")
        return Finding("permission", "ok", f"may append to {self.options.prefix}:SENSOR:KIND")

    def _durability(self) -> Finding:
        """The durability that the server's configuration guarantees."""
        try:
            info = {**self._requested(self._client.info, "persistence"), **self._requested(self._client.info, "memory")}
            when = clean(str(self._requested(self._client.config_get, "appendfsync").get("appendfsync")), 32)
        except Retry as error:
            return Finding("durability", "warning", f"cannot be queried: {error}")
        if not info.get("aof_enabled"):
            return Finding(
                "durability",
                "warning",
                "the server has no append-only file: it may lose acknowledged records; set `appendonly yes` there",
            )
        if info.get("maxmemory") and info.get("maxmemory_policy") != "noeviction":
            policy = clean(str(info.get("maxmemory_policy")), 32)
            return Finding(
                "durability",
                "warning",
                f"the server evicts keys if its memory is full ({policy}); set `maxmemory-policy noeviction` there",
            )
        if when != "always" and not self.options.synced:
            return Finding(
                "durability",
                "warning",
                (
                    f"acknowledged records are written later (appendfsync {when}); set it to always, or set synced: "
                    "true here"
                ),
            )
        return Finding("durability", "ok", f"the server has an append-only file (appendfsync {when})")


def reason_of(error: BaseException) -> str:
    return clean(str(error) or type(error).__name__, ANSWER_LIMIT)


def _over_tls(redis: Any, trust: ssl.SSLContext, name: str) -> Any:
    """A connection class that trusts only the authorities in our options."""

    class OverTls(redis.Connection):  # type: ignore[misc]
        """As the plain connection, then TLS."""

        def _connect(self) -> ssl.SSLSocket:
            plain = super()._connect()
            try:
                return trust.wrap_socket(plain, server_hostname=name)
            except OSError:
                plain.close()
                raise

    return OverTls

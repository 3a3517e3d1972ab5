"""Elasticsearch 7.9 or later and OpenSearch: ``_bulk``, each record created under its own ``_id``.

Status 409 shows that the index already contains the document, which is then delivered, so a repeated batch adds
nothing. For the same reason the index name depends on the time of the record, not on the time of sending. Each document
has its own status: documents that do not fit the mapping are rejected, rate-limited ones are retried. A data stream
recognizes ids only within a backing index: a repeat after a rollover is stored twice.

Documents without ``@timestamp`` (all formats but ECS) get the time of the record. Not supported: several nodes; use a
load balancer or one node.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import msgspec

from sensor.core.model import Check, Field
from sensor.core.output import Ack, Entry, Finding, Retry
from sensor.core.reader import clean
from sensor.outputs._elastic_template import VERSION, template
from sensor.outputs.transport.http_client import (
    JSON_FORMATS,
    Answer,
    Client,
    check_answer,
    check_setup,
    decoded,
)
from sensor.outputs.transport.http_options import HttpOptions
from sensor.outputs.transport.http_output import HttpOutput, looked, reached
from sensor.outputs.transport.http_wire import REASON_LIMIT
from sensor.outputs.transport.secrets import Secret

ANSWERS_LIMIT = 64 * 1024 * 1024
# Only these parts of responses are needed: complete ones are larger than the documents.
FILTER = "filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason"
NDJSON = {"Content-Type": "application/x-ndjson"}
JSON = {"Content-Type": "application/json"}
# Status 400 with one of these is a configuration error, not a fault of a document.
SETUP_FAULTS = (
    "index_closed_exception",
    "invalid_index_name_exception",
    "index_not_found_exception",
    "cluster_block_exception",
)

_PLACES = re.compile(r"%[Ymd]|\{kind\}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(_DAY.pattern + r"T[0-9:.]{8,16}Z")
# Reasons of faults whose type documents have as well: no such pipeline, no room for the index of a new month, and an
# index with as many fields as it may have. Older versions answer the second with illegal_argument_exception. They are
# matched from the beginning, since other reasons quote values of the document.
_FULL = r"(?:\[\d+:\d+\] failed to parse: )?Limit of total fields \[\d+\]"
_SETUP_REASON = re.compile(rf"pipeline with id \[.*\] does not exist|Validation Failed: .* shards open|{_FULL}")


class _Error(msgspec.Struct):
    type: str = ""
    reason: str | None = None


class _Item(msgspec.Struct):
    status: int
    error: _Error | None = None

    @property
    def summary(self) -> str:
        error = self.error or _Error()
        return f"{self.status} {clean(error.type, 80)}: {clean(error.reason or '', REASON_LIMIT)}".strip(": ")

    @property
    def delivered(self) -> bool:
        return 200 <= self.status < 300 or self.status == 409

    @property
    def refused(self) -> bool:
        """Whether the document can never be accepted."""
        error = self.error or _Error()
        return (
            self.status in (400, 413, 422)
            and error.type not in SETUP_FAULTS
            and not _SETUP_REASON.match(error.reason or "")
        )


class _Bulk(msgspec.Struct):
    errors: bool
    items: list[dict[str, _Item]] = []


class _Template(msgspec.Struct):
    version: int | None = None


class _Named(msgspec.Struct):
    index_template: _Template


class _Templates(msgspec.Struct):
    index_templates: list[_Named] = []


def _index(name: str) -> str:
    plain = _PLACES.sub("0", name)
    if not _NAME.fullmatch(plain) or not _NAME.match(name):
        raise ValueError(
            f"found {name!r}, expected lowercase letters, digits, . _ -, and the placeholders %Y, %m, %d "
            f"and {{kind}} after at least one character"
        )
    return name


class Options(HttpOptions):
    """``index``: name of the index, with ``%Y``, ``%m``, ``%d`` of the record's time and ``{kind}``; ``data_stream``:
    the index is a data stream; ``api_key``: API key in base64, as Kibana shows it, instead of user and password;
    ``pipeline``: name of an ingest pipeline; ``template``: install the index template if it is absent or older.
    """

    index: Annotated[str, Check(_index)] = Field("sensor-%Y.%m", max_length=200)
    data_stream: bool = False
    api_key: Secret | None = None
    pipeline: str = Field("", pattern=r"^[A-Za-z0-9._-]*$")
    template: bool = False
    packing: Literal["none", "gzip"] = "gzip"
    batch_events: int = Field(1000, ge=1, le=50_000)
    batch_kib: int = Field(4096, ge=64, le=65_536)

    def check_whole(self, context: Any) -> None:
        super().check_whole(context)
        if self.api_key is not None and (self.token is not None or self.user):
            raise ValueError("found api_key beside another login, expected one of them")
        if self.data_stream and "%" in self.index:
            raise ValueError("a data stream has no date in its name: Elasticsearch creates its indices")

    def greeting(self) -> dict[str, str]:
        made = super().greeting()
        if self.api_key is not None:
            made["Authorization"] = f"ApiKey {self.api_key.reveal()}"
        return made


class Elasticsearch(HttpOutput):
    """One bulk request a batch."""

    Options = Options
    title = "Elasticsearch, OpenSearch (_bulk)"
    formats = ("ecs", *(name for name in JSON_FORMATS if name != "ecs"))
    guarantee = "exactly_once"

    def __init__(self, name: str, options: Any) -> None:
        super().__init__(name, options)
        self._stamped = (options.format or self.formats[0]) == "ecs"

    def check(self) -> Iterator[Finding]:
        if not (yield from reached(self.options)):
            return
        for what, look in (("auth", self._auth), ("permission", self._permission), ("template", self._template)):
            finding = looked(what, look)
            yield finding
            if finding.level == "error":
                return

    def send(self, entries: Sequence[Entry]) -> Ack:
        client = self._opened
        query = f"{FILTER}&pipeline={self.options.pipeline}" if self.options.pipeline else FILTER
        answer = client.post(f"{client.base}/_bulk?{query}", self._body(entries), NDJSON, limit=ANSWERS_LIMIT)
        check_answer(answer)
        result = decoded(answer, _Bulk)
        if result is None:
            raise Retry(
                f"{answer.where} did not return a bulk response: is it Elasticsearch? {clean(answer.body[:200], 80)}"
            )
        return (
            Ack()
            if not result.errors
            else _each([next(iter(item.values()), None) for item in result.items], len(entries), answer)
        )

    def _prepare(self, client: Client) -> None:
        if self.options.template:
            put_template(client, self.options)

    def _body(self, entries: Sequence[Entry]) -> bytes:
        parts: list[bytes] = []
        pattern, stamped = self.options.index, self._stamped
        for entry in entries:
            ts = str(entry.record.get("ts", ""))
            parts += _action(pattern, ts[:10], entry.kind), msgspec.json.encode(entry.id), b"}}\n"
            if not stamped and _TIME.fullmatch(ts):
                # The object is never empty: it has an id.
                parts += b'{"@timestamp":"', ts.encode(), b'",', entry.payload[1:], b"\n"
            else:
                parts += entry.payload, b"\n"
        return b"".join(parts)

    def _auth(self) -> Finding:
        with Client(self.options) as client:
            answer = client.request("GET", f"{client.base}/")
        check_answer(answer)
        version = (decoded(answer, dict[str, Any]) or {}).get("version")
        if not isinstance(version, dict) or "number" not in version:
            return Finding("auth", "error", f"{answer.where} is not Elasticsearch or OpenSearch: check url")
        return Finding(
            "auth",
            "ok",
            (
                f"{clean(str(version.get('distribution', 'elasticsearch')), 40)} "
                f"{clean(str(version['number']), 40)} accepted the login"
            ),
        )

    def _permission(self) -> Finding:
        """Elasticsearch reports write permission; OpenSearch has no such request."""
        name = _named(self.options)
        requested = {"index": [{"names": [name], "privileges": ["create_doc", "auto_configure"]}]}
        with Client(self.options) as client:
            answer = client.request(
                "POST", f"{client.base}/_security/user/_has_privileges", msgspec.json.encode(requested), JSON
            )
        result = (decoded(answer, dict[str, Any]) or {}).get("has_all_requested")
        if result is False:
            return Finding(
                "permission",
                "error",
                f"no permission to create documents in {name}: grant the role create_doc and auto_configure on it",
            )
        return Finding(
            "permission",
            "ok" if result else "warning",
            f"permission to create documents in {name}" if result else "not known before the first record",
        )

    def _template(self) -> Finding:
        name = template_name(self.options)
        with Client(self.options) as client:
            answer = client.request("GET", f"{client.base}/_index_template/{name}", limit=ANSWERS_LIMIT)
        if answer.status == 404:
            todo = (
                "is installed when the output starts"
                if self.options.template
                else "is missing: set template to true, or install your own"
            )
            return Finding(
                "template", "ok" if self.options.template else "warning", f"the index template {name} {todo}"
            )
        check_answer(answer)
        return Finding("template", "ok", f"the index template {name} exists")


def put_template(client: Client, options: Options) -> None:
    """Install the template if it is absent or older. Raises Retry if that fails: without it, the first records would
    determine wrong types.
    """
    url = f"{client.base}/_index_template/{template_name(options)}"
    there = client.request("GET", url, limit=ANSWERS_LIMIT)
    if there.status != 404:
        check_setup(there)
        if _version(there) >= VERSION:
            return
    body = msgspec.json.encode(template(_named(options), data_stream=options.data_stream))
    check_setup(client.request("PUT", url, body, JSON))


def _version(answer: Answer) -> int:
    """The version of the installed template; 0 if it has none."""
    found = decoded(answer, _Templates)
    return found.index_templates[0].index_template.version or 0 if found is not None and found.index_templates else 0


def template_name(options: Options) -> str:
    return re.split(r"%|\{", options.index)[0].rstrip("._-")


def _named(options: Options) -> str:
    """Pattern of all index names that records can produce."""
    return re.sub(r"(\*[._-]?)+", "*", _PLACES.sub("*", options.index))


@functools.lru_cache(maxsize=1024)
def _action(pattern: str, day: str, kind: str) -> bytes:
    """The action line before a document, up to its id."""
    if not _DAY.fullmatch(day):
        day = "1970-01-01"
    places = {"%Y": day[:4], "%m": day[5:7], "%d": day[8:], "{kind}": kind}
    return (
        b'{"create":{"_index":' + msgspec.json.encode(_PLACES.sub(lambda found: places[found[0]], pattern)) + b',"_id":'
    )


def _each(items: list[_Item | None], count: int, answer: Answer) -> Ack:
    """The results of a batch, document by document."""
    if len(items) != count or None in items:
        raise Retry(f"{answer.where} answered for {len(items)} documents of {count}")
    result = [item for item in items if item is not None]
    refused = {place: item.summary for place, item in enumerate(result) if item.refused}
    busy = tuple(place for place, item in enumerate(result) if not item.delivered and not item.refused)
    if len(busy) == count:
        raise Retry(f"{answer.where}: {result[0].summary}", answer.after_s)
    return Ack(refused, busy)

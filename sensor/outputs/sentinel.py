"""Microsoft Sentinel and Azure Monitor: the Logs Ingestion API, through a data collection rule.

Each record is one row of the table in ``integrations/sentinel/table.json``, or of one with the columns of Defender's
``DeviceInfo`` (format ``device_info``). The service keeps duplicates; queries remove them by ``EventId`` (``summarize
arg_min(TimeGenerated, *) by EventId``). A request has at most 1 MB before compression: a batch is split into several
requests if necessary; if one fails, the previous ones are delivered.

The login is an application (OAuth 2.0 client credentials) with the role Monitoring Metrics Publisher on the rule. The
service replaces times older than two days with the time of arrival. Not supported: managed identities, certificates
instead of the secret.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec

from sensor.core.model import Field
from sensor.core.output import Ack, BatchRejected, Entry, Finding, Retry
from sensor.core.reader import clean
from sensor.outputs._sentinel_columns import STREAM, row
from sensor.outputs.transport.http_client import Answer, Client, check_answer, decoded
from sensor.outputs.transport.http_options import HttpOptions, PlainUrl
from sensor.outputs.transport.http_output import HttpOutput, looked, reached
from sensor.outputs.transport.http_wire import REASON_LIMIT
from sensor.outputs.transport.secrets import Secret

API_VERSION = "2023-01-01"
# The limit is 1 MB; brackets and commas count, and it is undocumented whether a MB is 1000 or 1024 KB.
CALL_LIMIT = 1_000_000
# A token is renewed this long before it expires, so that none expires in transit.
SLACK_S = 120.0
NAME = r"^[A-Za-z0-9_.-]+$"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
ROLE = (
    "the application needs the role Monitoring Metrics Publisher on the data collection rule; a new "
    "assignment takes effect within 30 minutes"
)


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float = 3600


class _Fault(msgspec.Struct):
    code: str = ""
    message: str = ""


class _Answer(msgspec.Struct):
    """A response of the API; responses of the login endpoint differ."""

    error: _Fault | str = ""
    error_description: str = ""


class Options(HttpOptions):
    """``url``: logs ingestion endpoint of the rule or of a data collection endpoint; ``rule``: immutable id of the data
    collection rule; ``stream``: stream of the rule; ``tenant``, ``client_id``, ``client_secret``: tenant, id and secret
    of the application; ``login``, ``scope``: login endpoint and OAuth scope, for other Azure clouds.
    """

    rule: str = Field(pattern=NAME, max_length=100)
    stream: str = Field(STREAM, pattern=NAME, max_length=100)
    tenant: str = Field(pattern=NAME, max_length=100)
    client_id: str = Field(pattern=NAME, max_length=100)
    client_secret: Secret
    login: PlainUrl = "https://login.microsoftonline.com"
    packing: Literal["none", "gzip"] = "gzip"
    scope: str = Field("https://monitor.azure.com//.default", min_length=1, max_length=200)

    def check_whole(self, context: Any) -> None:
        super().check_whole(context)
        if self.token is not None or self.user:
            raise ValueError("found another login, expected tenant, client_id and client_secret only")


class Sentinel(HttpOutput):
    """As many requests per batch as its size needs, with one token."""

    Options = Options
    title = "Microsoft Sentinel (Logs Ingestion API)"
    traffic = False
    formats = ("native", "device_info")
    guarantee = "at_least_once"

    def __init__(self, name: str, options: Any) -> None:
        super().__init__(name, options)
        self._token, self._ends = "", 0.0
        self._rows = (options.format or self.formats[0]) == "native"

    def check(self) -> Iterator[Finding]:
        if not (yield from reached(self.options)):
            return
        finding = looked("auth", self._auth)
        yield finding
        if finding.level == "ok":
            yield looked("permission", self._permission)

    def send(self, entries: Sequence[Entry]) -> Ack:
        client = self._opened
        rows = [msgspec.json.encode(row(entry.record)) if self._rows else entry.payload for entry in entries]
        refused: dict[int, str] = {}
        done = 0
        for begin, end in calls([len(one) for one in rows]):
            try:
                self._call(client, b"[" + b",".join(rows[begin:end]) + b"]")
            except BatchRejected as error:
                if end - begin > 1 and not done:
                    raise
                if end - begin > 1:
                    return Ack(refused, tuple(range(begin, len(rows))))
                refused[begin] = str(error)
            except Retry:
                if not done:
                    raise
                # Delivered rows stay delivered; the next attempt gets the same error again.
                return Ack(refused, tuple(range(begin, len(rows))))
            done = end
        return Ack(refused)

    def _call(self, client: Client, body: bytes) -> None:
        """One request; with a new token if the old one is rejected."""
        answer = self._posted(client, body)
        if answer.status == 401:
            self._token = ""
            answer = self._posted(client, body)
        _check_answer(answer)

    def _posted(self, client: Client, body: bytes) -> Answer:
        if not self._token or time.monotonic() > self._ends:
            self._log_in(client)
        path = f"dataCollectionRules/{self.options.rule}/streams/{self.options.stream}?api-version={API_VERSION}"
        url = f"{client.base}/{path}"
        return client.post(url, body, {**JSON, "Authorization": f"Bearer {self._token}"})

    def _log_in(self, client: Client) -> None:
        """Get a token. Raises Retry with the response of the login: a wrong secret can be fixed."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.options.client_id,
            "client_secret": self.options.client_secret.reveal(),
            "scope": self.options.scope,
        }
        answer = client.request(
            "POST",
            f"{self.options.login.rstrip('/')}/{self.options.tenant}/oauth2/v2.0/token",
            urlencode(form).encode(),
            FORM,
        )
        if answer.status != 200:
            raise Retry(f"login: {_words(answer)}", answer.after_s)
        token = decoded(answer, _Token)
        if token is None:
            raise Retry(f"login: {answer.where} returned no token: check login")
        if not token.access_token.isascii() or not token.access_token.isprintable():
            raise Retry(f"login: {answer.where} returned a token that is not a valid header")
        self._token = token.access_token
        self._ends = time.monotonic() + max(0.0, token.expires_in - SLACK_S)

    def _auth(self) -> Finding:
        with Client(self.options) as client:
            self._log_in(client)
        return Finding("auth", "ok", f"logged in as {self.options.client_id}")

    def _permission(self) -> Finding:
        """A request without rows: the API checks permissions first."""
        with Client(self.options) as client:
            answer = self._posted(client, b"[]")
        if answer.status in (401, 403, 404) or answer.status >= 500:
            return Finding("permission", "error", _words(answer))
        return Finding("permission", "ok", f"permission to write to the stream {self.options.stream}")


def calls(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Ranges of rows for each request within the size limit; a row that is too large has its own."""
    begin, size = 0, 2
    for place, one in enumerate(sizes):
        if place > begin and size + one + 1 > CALL_LIMIT:
            yield begin, place
            begin, size = place, 2
        size += one + 1
    yield begin, len(sizes)


def _check_answer(answer: Answer) -> None:
    try:
        check_answer(answer)
    except BatchRejected:
        raise BatchRejected(_words(answer)) from None
    except Retry as error:
        raise Retry(_words(answer), error.after_s) from None
    if answer.status != 204:
        raise Retry(f"{_words(answer)}; expected 204: check url")


def _words(answer: Answer) -> str:
    """The error of the API, with advice."""
    body = decoded(answer, _Answer) or _Answer()
    fault = body.error if isinstance(body.error, _Fault) else _Fault(body.error, body.error_description)
    if not fault.code:
        return answer.summary
    words = f"{answer.where} answered {answer.status} {clean(fault.code, 60)}: {clean(fault.message, REASON_LIMIT)}"
    hints = {403: ROLE, 404: "check rule (its immutable id, dcr-…), stream, and whether url belongs to the rule"}
    return f"{words}; {hints[answer.status]}" if answer.status in hints else words

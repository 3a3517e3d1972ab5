"""Answers of destinations, as documented: a plain collector, Elasticsearch's ``_bulk``, Splunk's event collector,
Azure's Logs Ingestion.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.outputs.receiver import Answer, Request, Service, Store, plain

SECRET = "s3cret"


def answer_of(status: int, body: Any, **headers: str) -> Answer:
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})


class Bulk:
    """Elasticsearch: stores each document id once. ``items``: answers by id in place of the usual; ``indices``: index
    by id; ``template``: the installed template.
    """

    def __init__(self, authorization: str = "") -> None:
        self.authorization = authorization
        self.items: dict[str, tuple[int, str, str]] = {}
        self.indices: dict[str, str] = {}
        self.templates: dict[str, Any] = {}
        self.privileged: bool | None = True
        self.distribution = ""

    def __call__(self, request: Request, store: Store) -> Answer:
        if self.authorization and request.headers.get("authorization") != self.authorization:
            error = {
                "type": "security_exception",
                "reason": f"missing authentication credentials for REST request [{request.path}]",
            }
            return answer_of(
                401,
                {"error": {"root_cause": [error], **error}, "status": 401},
                **{"WWW-Authenticate": 'Basic realm="security"'},
            )
        path = request.path.partition("?")[0]
        if path == "/_bulk":
            return self._bulk(request, store)
        if path.startswith("/_index_template/"):
            return self._template(request, path.rpartition("/")[2])
        if path == "/_security/user/_has_privileges" and self.privileged is not None:
            return answer_of(200, {"username": "forwarder", "has_all_requested": self.privileged, "index": {}})
        if path == "/":
            version = (
                {"number": "8.17.0"}
                if not self.distribution
                else {"number": "2.18.0", "distribution": self.distribution}
            )
            return answer_of(200, {"name": "node-1", "cluster_name": "test", "version": version})
        return answer_of(
            404, {"error": f"no handler found for uri [{path}] and method [{request.method}]", "status": 404}
        )

    def _bulk(self, request: Request, store: Store) -> Answer:
        if not request.body.endswith(b"\n"):
            error = {
                "type": "illegal_argument_exception",
                "reason": "The bulk request must be terminated by a newline [\\n]",
            }
            return answer_of(400, {"error": error, "status": 400})
        lines = request.body.splitlines()
        items, kept = [], []
        for place in range(0, len(lines), 2):
            action = json.loads(lines[place])["create"]
            status, kind, reason = self._one(action, store)
            if status == 201:
                store.ids.add(action["_id"])
                self.indices[action["_id"]] = action["_index"]
                kept.append(lines[place + 1])
            error = {"error": {"type": kind, "reason": reason}} if kind else {}
            items.append({"create": {"status": status, **error}})
        store.add(kept)
        return answer_of(200, {"errors": any(item["create"]["status"] != 201 for item in items), "items": items})

    def _one(self, action: dict[str, str], store: Store) -> tuple[int, str, str]:
        if action["_id"] in self.items:
            return self.items[action["_id"]]
        if action["_id"] in store.ids:
            return (
                409,
                "version_conflict_engine_exception",
                f"[{action['_id']}]: version conflict, document already exists (current version [1])",
            )
        return 201, "", ""

    def _template(self, request: Request, name: str) -> Answer:
        if request.method == "PUT":
            self.templates[name] = json.loads(request.body)
            return answer_of(200, {"acknowledged": True})
        if name not in self.templates:
            return answer_of(
                404,
                {
                    "error": {
                        "type": "resource_not_found_exception",
                        "reason": f"index template matching [{name}] not found",
                    },
                    "status": 404,
                },
            )
        return answer_of(200, {"index_templates": [{"name": name, "index_template": self.templates[name]}]})


class Hec:
    """Splunk: accepts events up to the first invalid one. ``polls``: number of queries until an acknowledgement is
    true; -1: never.
    """

    def __init__(self, token: str = "", *, acknowledge: bool = True, polls: int = 0) -> None:
        self.token, self.acknowledge, self.polls = token, acknowledge, polls
        self.waiting: dict[tuple[str, int], int] = {}
        self.sent = 0
        self.rejection: Callable[[dict[str, Any]], tuple[str, int] | None] = lambda _: None

    def __call__(self, request: Request, store: Store) -> Answer:
        given = request.headers.get("authorization", "")
        if not given:
            return answer_of(401, {"text": "Token is required", "code": 2})
        if not given.startswith("Splunk "):
            return answer_of(401, {"text": "Invalid authorization", "code": 3})
        if self.token and given != f"Splunk {self.token}":
            return answer_of(403, {"text": "Invalid token", "code": 4})
        if request.path.startswith("/services/collector/ack"):
            return self._acks(request)
        return self._events(request, store)

    def _channel(self, request: Request) -> str:
        return request.headers.get("x-splunk-request-channel", "")

    def _events(self, request: Request, store: Store) -> Answer:
        if self.acknowledge and not self._channel(request):
            return answer_of(400, {"text": "Data channel is missing", "code": 10})
        if not request.body:
            return answer_of(400, {"text": "No data", "code": 5})
        decoder, text, place, taken = json.JSONDecoder(), request.body.decode(), 0, []
        while place < len(text):
            event, place = decoder.raw_decode(text, place)
            while place < len(text) and text[place].isspace():
                place += 1
            if (fault := self.rejection(event)) is not None:
                store.add(taken)
                return answer_of(400, {"text": fault[0], "code": fault[1], "invalid-event-number": len(taken)})
            taken.append(json.dumps(event).encode())
        store.add(taken)
        if not self.acknowledge:
            return answer_of(200, {"text": "Success", "code": 0})
        self.sent += 1
        self.waiting[self._channel(request), self.sent] = self.polls
        return answer_of(200, {"text": "Success", "code": 0, "ackId": self.sent})

    def _acks(self, request: Request) -> Answer:
        if not self.acknowledge:
            return answer_of(400, {"text": "ACK is disabled", "code": 14})
        if not self._channel(request):
            return answer_of(400, {"text": "Data channel is missing", "code": 10})
        requested = json.loads(request.body)["acks"]
        return answer_of(
            200, {"acks": {str(number): self._polled(self._channel(request), number) for number in requested}}
        )

    def _polled(self, channel: str, number: int) -> bool:
        left = self.waiting.get((channel, number), -1)
        if left > 0:
            self.waiting[channel, number] = left - 1
        if left == 0:
            del self.waiting[channel, number]
        return left == 0


class Sentinel:
    """Azure: login and ingestion in one. ``tokens``: valid tokens; ``limit``: maximum bytes of a call."""

    def __init__(self, secret: str = SECRET, *, limit: int = 1_048_576) -> None:
        self.secret, self.limit = secret, limit
        self.tokens: list[str] = []
        self.allowed = True
        self.expires_s = 3599

    def __call__(self, request: Request, store: Store) -> Answer:
        if request.path.endswith("/oauth2/v2.0/token"):
            return self._login(request)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return answer_of(
                401, {"error": {"code": "InvalidToken", "message": "The provided authentication token is not valid."}}
            )
        if not self.allowed:
            description = (
                "The authentication token provided does not have access to ingest data for the data "
                "collection rule with immutable Id 'dcr-1'."
            )
            return answer_of(403, {"error": {"code": "OperationFailed", "message": description}})
        if "/dataCollectionRules/dcr-1/streams/Custom-Sensor_CL?" not in request.path:
            return answer_of(
                404,
                {"error": {"code": "NotFound", "message": "Data collection rule with immutable Id 'dcr-2' not found."}},
            )
        if len(request.body) > self.limit:
            return answer_of(
                413,
                {
                    "error": {
                        "code": "ContentLengthLimitExceeded",
                        "message": "Maximum allowed content length: 1048576 bytes (1 MB).",
                    }
                },
            )
        rows = json.loads(request.body)
        if not isinstance(rows, list):
            return answer_of(400, {"error": {"code": "InvalidPayload", "message": "The input data is not an array."}})
        store.add(json.dumps(row).encode() for row in rows)
        return Answer(204)

    def _login(self, request: Request) -> Answer:
        if f"client_secret={self.secret}".encode() not in request.body:
            description = (
                "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request "
                "is the client secret value."
            )
            return answer_of(
                401, {"error": "invalid_client", "error_description": description, "error_codes": [7000215]}
            )
        self.tokens.append(f"token-{len(self.tokens)}")
        return answer_of(200, {"token_type": "Bearer", "expires_in": self.expires_s, "access_token": self.tokens[-1]})


SERVICES: dict[str, Callable[[], Service]] = {"plain": lambda: plain, "bulk": Bulk, "hec": Hec, "sentinel": Sentinel}

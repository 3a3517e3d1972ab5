"""Ticket systems as services of ``Receiver``: they store requests, answer as the real ones do, and reject what those
reject.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.outputs.receiver import Answer, Request, Store

LOGIN = "Basic " + base64.b64encode(b"bot@example.org:s3cret").decode()
TOKEN = "Bearer s3cret"
# Allowed child nodes of each ADF node (Atlassian Document Format, version 1), as far as tickets use them.
BELOW = {
    "doc": {"paragraph", "heading", "bulletList"}, "bulletList": {"listItem"},
    "listItem": {"paragraph", "bulletList"}, "paragraph": {"text"},
    "heading": {"text"},
}  # fmt: skip


def adf_faults(node: Any, kind: str = "doc") -> Iterator[str]:
    """Faults that Jira would report for a document."""
    if not isinstance(node, dict) or node.get("type") != kind:
        yield f"no {kind}: {node!r:.80}"
        return
    if kind == "text":
        if not node.get("text") or not node["text"].isprintable():
            yield f"text that is empty or has control characters: {node!r:.80}"
        return
    if not node.get("content"):
        yield f"{kind} without content"
    for one in node.get("content", ()):
        below = one.get("type") if isinstance(one, dict) else None
        yield from adf_faults(one, below) if below in BELOW[kind] else [f"{below} in {kind}"]


def answer(status: int, body: Any = None) -> Answer:
    return Answer(status, json.dumps(body).encode() if body is not None else b"", {"Content-Type": "application/json"})


class Service:
    """``tickets``: by the system's id; ``sent``: method and path of each request."""

    login = LOGIN

    def __init__(self) -> None:
        self.tickets: dict[str, dict[str, Any]] = {}
        self.sent: list[str] = []

    def __call__(self, request: Request, store: Store) -> Answer:
        parts = urlsplit(request.path)
        self.sent.append(f"{request.method} {parts.path}")
        if request.headers.get("authorization") != self.login:
            return answer(401, {"message": "who are you?"})
        requested = {name: values[0] for name, values in parse_qs(parts.query).items()}
        return self.serve(
            request.method, unquote(parts.path), requested, json.loads(request.body) if request.body else None
        )

    def serve(self, method: str, path: str, requested: dict[str, str], body: Any) -> Answer:
        raise NotImplementedError

    @property
    def changes(self) -> list[str]:
        """Requests that change something."""
        return [one for one in self.sent if not one.startswith("GET ")]


class JiraLike(Service):
    """Jira Cloud with a project OPS, whose workflow leads from To Do to Done and back. ``stuck``: no transition is
    offered.
    """

    api = "/rest/api/3"
    stuck = False

    def serve(self, method: str, path: str, requested: dict[str, str], body: Any) -> Answer:
        where = path.removeprefix(self.api)
        if (method, where) == ("GET", "/project/OPS"):
            return answer(200, {"key": "OPS"})
        if (method, where) == ("GET", self.search_path):
            return answer(
                200,
                {
                    "issues": [{"id": "1", "key": name} for name in self._found(requested["jql"])][
                        : int(requested["maxResults"])
                    ]
                },
            )
        if (method, where) == ("POST", "/issue"):
            return self._open(body)
        found = re.fullmatch(r"/issue/([^/]+)(/\w+)?", where)
        if found is None or found[1] not in self.tickets:
            return answer(
                404, {"errorMessages": ["Issue does not exist or you do not have permission to see it."], "errors": {}}
            )
        return self._issue(method, self.tickets[found[1]], found[2] or "", body)

    search_path = "/search/jql"

    def _found(self, jql: str) -> list[str]:
        """Results of the one search query that the output uses."""
        form = (
            r'project = "OPS" AND labels = "(ticket-\w{6})" AND labels = "(sensor-[\w.-]+)" AND statusCategory != Done'
        )
        labels = re.fullmatch(form, jql)
        assert labels is not None, jql
        return [
            name
            for name, one in self.tickets.items()
            if {labels[1], labels[2]} <= set(one["fields"]["labels"]) and one["status"] != "done"
        ]

    def _open(self, body: Any) -> Answer:
        fields = body["fields"]
        if fields["project"] != {"key": "OPS"}:
            return answer(400, {"errorMessages": [], "errors": {"project": "project is required"}})
        if faults := self._faults(fields):
            return answer(400, {"errorMessages": faults, "errors": {}})
        if any(not re.fullmatch(r"\S{1,255}", label) for label in fields["labels"]):
            return answer(
                400, {"errorMessages": [], "errors": {"labels": "The label contains spaces which is invalid."}}
            )
        name = f"OPS-{len(self.tickets) + 1}"
        self.tickets[name] = {"fields": fields, "properties": body["properties"], "status": "new", "comments": []}
        return answer(201, {"id": str(10_000 + len(self.tickets)), "key": name, "self": f"https://x/{name}"})

    def _faults(self, fields: dict[str, Any]) -> list[str]:
        faults = list(adf_faults(fields["description"]))
        if len(json.dumps(fields["description"])) > 32_767 or not 0 < len(fields["summary"]) <= 255:
            faults.append("The entered text is too long. It exceeds the allowed limit of 32,767 characters.")
        return faults + ([] if re.fullmatch(r"\d{4}-\d\d-\d\d", fields.get("duedate", "2026-01-01")) else ["duedate"])

    def _issue(self, method: str, one: dict[str, Any], below: str, body: Any) -> Answer:
        if (method, below) == ("PUT", ""):
            if faults := self._faults(body["fields"]):
                return answer(400, {"errorMessages": faults, "errors": {}})
            one["fields"] |= body["fields"]
            return answer(204)
        if (method, below) == ("GET", ""):
            return answer(200, {"fields": {"status": {"statusCategory": {"key": one["status"]}}}})
        if (method, below) == ("GET", "/transitions"):
            offered = (
                []
                if self.stuck
                else [
                    {"id": "31", "to": {"statusCategory": {"key": "done"}}},
                    {"id": "11", "to": {"statusCategory": {"key": "new"}}},
                ]
            )
            return answer(200, {"transitions": offered})
        if (method, below) == ("POST", "/transitions"):
            one["status"] = {"31": "done", "11": "new"}[body["transition"]["id"]]
            return answer(204)
        if (method, below) == ("POST", "/comment"):
            if faults := self._comment_faults(body["body"]):
                return answer(400, {"errorMessages": faults, "errors": {}})
            one["comments"].append(body["body"])
            return answer(201, {"id": "1"})
        return answer(405)

    def _comment_faults(self, body: Any) -> list[str]:
        return list(adf_faults(body))


class JiraServerLike(JiraLike):
    """Jira Data Center: the same with plain texts."""

    api, search_path = "/rest/api/2", "/search"

    def _faults(self, fields: dict[str, Any]) -> list[str]:
        return self._comment_faults(fields["description"])

    def _comment_faults(self, body: Any) -> list[str]:
        fine = (
            isinstance(body, str)
            and len(body) <= 32_767
            and body.startswith("{noformat}\n")
            and body.lower().count("{noformat}") == 2
        )
        return [] if fine else ["text that ends its form"]


class ServiceNowLike(Service):
    """A table of incidents, which requires a close code and notes when one is resolved."""

    def serve(self, method: str, path: str, requested: dict[str, str], body: Any) -> Answer:
        base = "/api/now/table/incident"
        if (method, path) == ("GET", base):
            return answer(
                200,
                {
                    "result": [
                        {"sys_id": name, "number": one["number"]}
                        for name, one in self._found(requested.get("sysparm_query", ""))
                    ]
                },
            )
        if (method, path) == ("POST", base):
            return self._open(body)
        name = path.removeprefix(f"{base}/")
        if name not in self.tickets:
            return answer(404, {"error": {"message": "No Record found"}, "status": "failure"})
        if method == "PATCH" and body.get("state") == "6" and not (body.get("close_code") and body.get("close_notes")):
            return answer(
                403, {"error": {"message": "Data Policy Exception: Resolution code, Resolution notes are mandatory"}}
            )
        self.tickets[name] |= body
        return answer(200, {"result": self.tickets[name]})

    def _found(self, query: str) -> Iterator[tuple[str, dict[str, Any]]]:
        conditions = dict(one.partition("=")[::2] for one in query.split("^") if one)
        assert conditions.pop("active", "true") == "true"
        for name, one in self.tickets.items():
            if one["state"] not in ("6", "7") and all(one.get(column) == value for column, value in conditions.items()):
                yield name, one

    def _open(self, body: Any) -> Answer:
        if len(body["short_description"]) > 160 or len(body["description"]) > 4000 or len(body["correlation_id"]) > 100:
            return answer(400, {"error": {"message": "too long"}})
        name = f"{len(self.tickets) + 1:032x}"
        self.tickets[name] = {**body, "state": "1", "number": f"INC{len(self.tickets) + 1:07}"}
        return answer(201, {"result": {"sys_id": name, "number": self.tickets[name]["number"]}})


class GitHubLike(Service):
    """A repository with issues, in pages of fifty."""

    login = TOKEN

    def serve(self, method: str, path: str, requested: dict[str, str], body: Any) -> Answer:
        base = "/repos/acme/network"
        if (method, path) == ("GET", base):
            return answer(200, {"full_name": "acme/network", "has_issues": True})
        if (method, path) == ("GET", f"{base}/issues"):
            assert requested["labels"] == "network-sensor"
            listed = [
                one
                for one in reversed(self.tickets.values())
                if "network-sensor" in one["labels"] and one["state"] == requested["state"]
            ]
            at = (int(requested["page"]) - 1) * int(requested["per_page"])
            return answer(200, listed[at : at + int(requested["per_page"])])
        if (method, path) == ("POST", f"{base}/issues"):
            return self._open(body)
        found = re.fullmatch(rf"{base}/issues/(\d+)(/comments)?", path)
        if found is None or found[1] not in self.tickets:
            return answer(404, {"message": "Not Found"})
        if found[2]:
            self.tickets[found[1]]["comments"].append(body["body"])
            return answer(201, {"id": 1})
        self.tickets[found[1]] |= body
        return answer(200, self.tickets[found[1]])

    def _open(self, body: Any) -> Answer:
        if len(body["body"]) > 65_536 or not 0 < len(body["title"]) <= 256:
            return answer(422, {"message": "Validation Failed"})
        number = len(self.tickets) + 1
        self.tickets[str(number)] = {**body, "number": number, "state": "open", "comments": []}
        return answer(201, {"number": number, "state": "open"})


class DeskLike(Service):
    """A generic ticket system: stores posted tickets, answers with a number, and accepts updates at the URL."""

    def serve(self, method: str, path: str, requested: dict[str, str], body: Any) -> Answer:
        if (method, path) == ("POST", "/in"):
            name = f"T/{len(self.tickets) + 1}"
            self.tickets[name] = body
            return answer(201, {"created": {"number": name}})
        name = path.removeprefix("/in/")
        if method != "PATCH" or name not in self.tickets:
            return answer(404, {})
        self.tickets[name] |= body
        return answer(200, {})


SYSTEMS: dict[str, tuple[type[Service], str, dict[str, Any]]] = {
    "jira": (JiraLike, "", {"user": "bot@example.org", "password": "env:PASSWORD", "project": "OPS"}),
    "jira_server": (JiraServerLike, "", {"user": "bot@example.org", "password": "env:PASSWORD", "project": "OPS"}),
    "servicenow": (ServiceNowLike, "/api/now/table/incident", {"user": "bot@example.org", "password": "env:PASSWORD"}),
    "github": (GitHubLike, "/repos/acme/network", {"token": "env:PASSWORD"}),
    "webhook": (
        DeskLike,
        "/in",
        {"user": "bot@example.org", "password": "env:PASSWORD", "answer_id": "created.number"},
    ),
}

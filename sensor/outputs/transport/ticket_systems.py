"""Requests to ticket systems: find, open, change, close and reopen. One class per system; texts of tickets are made
elsewhere.

Jira: REST API 3 (Cloud) and 2 (Data Center); ServiceNow: Table API; GitHub: REST API 2022-11-28. All return the id of a
new ticket when it is opened.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

import msgspec

from sensor.core.output import Retry
from sensor.core.reader import clean
from sensor.outputs.transport.http_client import Answer, Client, check_answer, decoded
from sensor.outputs.transport.http_signing import signature

JSON = {"Content-Type": "application/json", "Accept": "application/json"}
ANSWER_LIMIT, LIST_LIMIT = 256 * 1024, 32 << 20
# Page size, and number of pages of GitHub issues that are searched for a lost one.
PAGE, PAGES = 50, 40
NAME_LIMIT = 100

Body = Mapping[str, Any]


class Missing(Exception):
    """The system no longer has the ticket."""


class NotNow(Retry):
    """An immediate retry does not help."""


class NeedsOperator(NotNow):
    """A fault that only an operator can fix."""


class Unclear(NotNow):
    """A ticket that may have been opened although its answer was lost. It is found only later."""


class System:
    """Base class. ``looked_at``: URL path to check permissions; empty: none."""

    headers: ClassVar[Mapping[str, str]] = JSON

    def __init__(self, client: Client, options: Any) -> None:
        self._client, self._options = client, options
        self._base = client.base

    @property
    def looked_at(self) -> str:
        return ""

    def doubt(self, answer: Answer) -> str:
        """The error in a successful response; empty if there is none."""
        return ""

    def find(self, found_by: str) -> str:
        raise NotImplementedError

    def create(self, key: str, content: str, body: Body) -> str:
        raise NotImplementedError

    def update(self, handle: str, key: str, content: str, body: Body) -> None:
        raise NotImplementedError

    def close(self, handle: str, key: str, content: str, body: Body) -> str:
        raise NotImplementedError

    def reopen(self, handle: str) -> str:
        raise NotImplementedError

    def _ask(
        self,
        method: str,
        url: str,
        body: Body | None = None,
        more: Mapping[str, str] | None = None,
        *,
        limit: int = ANSWER_LIMIT,
    ) -> Answer:
        """A successful response. Raises Missing if the object does not exist; Retry or BatchRejected for others."""
        raw = msgspec.json.encode(body) if body is not None else b""
        answer = self._client.request(method, url, raw, {**self.headers, **(more or {})}, limit=limit)
        if answer.status in (404, 410):
            raise Missing(answer.summary)
        if (
            answer.status in (401, 403)
            and answer.after_s is None
            and answer.headers.get("x-ratelimit-remaining") != "0"
        ):
            raise NeedsOperator(f"{answer.summary}: check user, password, token, and their permissions")
        check_answer(answer)
        return answer

    def _new(self, fields: Body) -> dict[str, Any]:
        """The fields of a new ticket, with the operator's fields."""
        return self._old({**fields, **self._options.extra})

    def _old(self, fields: Body) -> dict[str, Any]:
        """Fields without those that the operator excluded."""
        left_out = {name for name, value in self._options.extra.items() if value is None}
        return {name: value for name, value in fields.items() if name not in left_out}

    def _value(self, answer: Answer, *way: str) -> Any:
        """A value in a response; None if absent."""
        found: Any = decoded(answer, dict[str, Any])
        for step in way:
            found = found.get(step) if isinstance(found, dict) else None
        return found


class Jira(System):
    """Issues. Users change their status: it is changed only if traffic shows newer evidence. The search finds a new
    issue after seconds to minutes, so that a retry before that would open a second one.
    """

    api: ClassVar[str] = "/rest/api/3"
    search: ClassVar[str] = "/search/jql"

    @property
    def looked_at(self) -> str:
        return f"{self._base}{self.api}/project/{self._options.project}"

    def find(self, found_by: str) -> str:
        query = urlencode({"jql": f"{found_by} AND statusCategory != Done", "fields": "status", "maxResults": 1})
        issues = self._value(self._ask("GET", f"{self._base}{self.api}{self.search}?{query}"), "issues")
        first = issues[0] if isinstance(issues, list) and issues else None
        return _named(_within(first, "key"))

    def create(self, key: str, content: str, body: Body) -> str:
        try:
            answer = self._ask("POST", f"{self._base}{self.api}/issue", {**body, "fields": self._new(body["fields"])})
            return _handle(answer, self._value(answer, "key"))
        except NeedsOperator:
            raise
        except Retry as error:
            if error.after_s is not None:  # it limits requests
                raise
            raise Unclear(f"{error.args[0]}; the issue may exist: the next run searches for it") from None

    def update(self, handle: str, key: str, content: str, body: Body) -> None:
        self._ask("PUT", self._issue(handle), {**body, "fields": self._old(body["fields"])})

    def close(self, handle: str, key: str, content: str, body: Body) -> str:
        done = self._status(handle) == "done"
        moved = done or self._moved(handle, "done")
        self._ask("POST", f"{self._issue(handle)}/comment", body)
        return "" if moved else f"{handle}: its workflow has no transition to a done status: close it manually"

    def reopen(self, handle: str) -> str:
        moved = self._status(handle) != "done" or self._moved(handle, "new", "indeterminate")
        return "" if moved else f"{handle}: its workflow has no transition from done: reopen it manually"

    def _issue(self, handle: str) -> str:
        return f"{self._base}{self.api}/issue/{quote(handle, safe='')}"

    def _status(self, handle: str) -> str:
        """The status category: ``new``, ``indeterminate`` or ``done``."""
        return str(
            self._value(
                self._ask("GET", f"{self._issue(handle)}?fields=status"), "fields", "status", "statusCategory", "key"
            )
        )

    def _moved(self, handle: str, *categories: str) -> bool:
        """Apply the first transition to one of the categories; returns whether there is one."""
        offered = self._value(self._ask("GET", f"{self._issue(handle)}/transitions"), "transitions")
        for category in categories:
            for one in offered if isinstance(offered, list) else ():
                if _within(one, "to", "statusCategory", "key") == category:
                    self._ask(
                        "POST", f"{self._issue(handle)}/transitions", {"transition": {"id": str(one.get("id", ""))}}
                    )
                    return True
        return False


class JiraServer(Jira):
    """Self-hosted Jira (Data Center): REST API 2."""

    api: ClassVar[str] = "/rest/api/2"
    search: ClassVar[str] = "/search"


class ServiceNow(System):
    """Rows of a task table."""

    @property
    def looked_at(self) -> str:
        return f"{self._base}?sysparm_limit=1&sysparm_fields=sys_id"

    def find(self, found_by: str) -> str:
        query = urlencode(
            {"sysparm_query": f"{found_by}^active=true", "sysparm_fields": "sys_id,number", "sysparm_limit": 1}
        )
        rows = self._value(self._ask("GET", f"{self._base}?{query}"), "result")
        return _named(_within(rows[0], "sys_id")) if isinstance(rows, list) and rows else ""

    def create(self, key: str, content: str, body: Body) -> str:
        answer = self._ask("POST", self._base, self._new(body))
        return _handle(answer, self._value(answer, "result", "sys_id"))

    def update(self, handle: str, key: str, content: str, body: Body) -> None:
        self._ask("PATCH", self._row(handle), self._old(body))

    def close(self, handle: str, key: str, content: str, body: Body) -> str:
        self._ask("PATCH", self._row(handle), {**body, **self._options.closing})
        return ""

    def reopen(self, handle: str) -> str:
        self._ask("PATCH", self._row(handle), self._options.reopening)
        return ""

    def _row(self, handle: str) -> str:
        return f"{self._base}/{quote(handle, safe='')}"


class GitHub(System):
    """Issues of a repository. Open ones are listed once, when the first new one is to be opened."""

    headers: ClassVar[Mapping[str, str]] = {
        **JSON,
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }

    def __init__(self, client: Client, options: Any) -> None:
        super().__init__(client, options)
        self._known: dict[str, str] | None = None

    @property
    def looked_at(self) -> str:
        return self._base

    def doubt(self, answer: Answer) -> str:
        push = self._value(answer, "permissions", "push")
        return (
            "no push permission: GitHub then drops the labels of issues, by which they are found again"
            if push is False
            else ""
        )

    def find(self, found_by: str) -> str:
        if self._known is None:
            self._known = self._all()
        return self._known.get(found_by, "")

    def create(self, key: str, content: str, body: Body) -> str:
        answer = self._ask("POST", f"{self._base}/issues", self._new(body))
        return _handle(answer, self._value(answer, "number"))

    def update(self, handle: str, key: str, content: str, body: Body) -> None:
        self._ask("PATCH", self._issue(handle), body)

    def close(self, handle: str, key: str, content: str, body: Body) -> str:
        self._ask("PATCH", self._issue(handle), {"state": "closed", "state_reason": "completed"})
        self._ask("POST", f"{self._issue(handle)}/comments", body)
        return ""

    def reopen(self, handle: str) -> str:
        self._ask("PATCH", self._issue(handle), {"state": "open"})
        return ""

    def _issue(self, handle: str) -> str:
        return f"{self._base}/issues/{quote(handle, safe='')}"

    def _all(self) -> dict[str, str]:
        """Issue numbers by the comment at the beginning of the text. Pull requests are listed among issues, and
        skipped.
        """
        found: dict[str, str] = {}
        for page in range(1, PAGES + 1):
            query = urlencode({"labels": "network-sensor", "state": "open", "per_page": PAGE, "page": page})
            issues = decoded(self._ask("GET", f"{self._base}/issues?{query}", limit=LIST_LIMIT), list[dict[str, Any]])
            if issues is None:
                raise Retry("the list of issues cannot be read")
            for one in issues:
                if "pull_request" not in one:
                    found.setdefault(str(one.get("body") or "").partition("\n")[0].strip(), str(one.get("number", "")))
            if len(issues) < PAGE:
                break
        return found


class Webhook(System):
    """Any receiver of JSON. It cannot be searched: an unrecorded request is sent a second time, with the same key."""

    def find(self, found_by: str) -> str:
        return ""

    def create(self, key: str, content: str, body: Body) -> str:
        whole = self._new(body)
        answer = self._ask("POST", self._client.place.url, whole, self._signed(key, content, whole))
        found = self._value(answer, *self._options.answer_id.split("."))
        # A system that returns no id finds it by our key.
        return _named(found) or key

    def update(self, handle: str, key: str, content: str, body: Body) -> None:
        self._change(handle, key, content, {**body, "id": handle})

    def close(self, handle: str, key: str, content: str, body: Body) -> str:
        self._change(handle, key, content, {**body, "id": handle, "key": key})
        return ""

    def reopen(self, handle: str) -> str:
        """The following update reopens it."""
        return ""

    def _change(self, handle: str, key: str, content: str, body: Body) -> None:
        url = self._options.update_url.replace("{id}", quote(handle, safe=""))
        self._ask(
            self._options.update_method if url else "POST",
            url or self._client.place.url,
            body,
            self._signed(key, content, body),
        )

    def _signed(self, key: str, content: str, body: Body) -> dict[str, str]:
        """Headers for deduplication and authentication."""
        name = "".join(
            sign if sign.isascii() and (sign.isalnum() or sign in "/._-") else "-"
            for sign in f"{key}-{body.get('action', '')}-{content}"
        )
        if self._options.sign is None:
            return {"Idempotency-Key": name}
        return {
            "Idempotency-Key": name,
            **signature(self._options.sign.reveal(), name, int(time.time()), msgspec.json.encode(body)),
        }


SYSTEMS: dict[str, type[System]] = {
    "jira": Jira,
    "jira_server": JiraServer,
    "servicenow": ServiceNow,
    "github": GitHub,
    "webhook": Webhook,
}


def _handle(answer: Answer, found: Any) -> str:
    """The id of a new ticket. Raises Retry if the system returns none: the ticket is then searched for."""
    name = _named(found)
    if not name:
        raise Retry(f"{answer.where} accepted the ticket but returned no id: check url")
    return name


def _named(found: Any) -> str:
    return clean(str(found), NAME_LIMIT) if isinstance(found, str | int) and not isinstance(found, bool) else ""


def _within(found: Any, *way: str) -> Any:
    for step in way:
        found = found.get(step) if isinstance(found, dict) else None
    return found

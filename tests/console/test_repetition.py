"""A client that repeats requests, and one that never completes a request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from uvicorn.server import ServerState

from sensor.console import page_request, timeouts
from sensor.console.api import routes
from sensor.console.api.replies import KEPT_BYTES, Busy, Replies
from sensor.views.errors import Malformed
from tests.console.kit import Running


@pytest.fixture
def there(start, own: Path) -> Running:
    return start(own)


def test_a_repeated_write_is_done_once(there: Running) -> None:
    """The response is lost and the program repeats the request: one comment, the same response."""
    headers = {"Authorization": f"Bearer {there.token('write')}", "Idempotency-Key": "6f1c-1"}
    with httpx.Client(base_url=there.url, headers=headers, timeout=60) as client:
        name = client.get("/api/v1/alerts").json()["items"][0]["id"]
        url, note = f"/api/v1/alerts/{name}/notes", {"action": "comment", "text": "asked the owner"}
        first, again = client.post(url, json=note), client.post(url, json=note)
        assert first.status_code == again.status_code == 200
        assert first.content == again.content
        assert again.headers["idempotent-replayed"] == "true"
        notes = client.get(f"/api/v1/alerts/{name}").json()["item"]["notes"]
        assert [one["text"] for one in notes] == ["asked the owner"]
        other = client.post(url, json=note | {"text": "another"})
        assert (other.status_code, other.json()["field"]) == (400, "Idempotency-Key")
        assert client.post(url, json=note, headers={"Idempotency-Key": "k" * 200}).status_code == 400
        other_key = {"Idempotency-Key": "6f1c-2"}
        assert client.post(url, json=note | {"action": "explode"}, headers=other_key).status_code == 400
        assert client.post(url, json=note, headers=other_key).status_code == 200  # a failed request may be repeated
        assert len(client.get(f"/api/v1/alerts/{name}").json()["item"]["notes"]) == 2


def test_an_internal_error_leaves_the_key_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client repeats the request with the same key, and it is carried out."""
    console: Any = SimpleNamespace(replies=Replies())
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "server": ("localhost", 80)}
    request = Request(scope | {"headers": [(b"idempotency-key", b"6f1c-3")]})
    monkeypatch.setattr(routes, "bearer_of", lambda *_: SimpleNamespace(name="siem"))
    monkeypatch.setattr(routes, "_requested", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        routes._once(console, request, b"", lambda _: Response())
    monkeypatch.setattr(routes, "_requested", lambda *_, **__: Response(b"{}", 200))
    assert routes._once(console, request, b"", lambda _: Response()).status_code == 200


def test_a_write_does_not_overwrite_what_another_one_changed(there: Running) -> None:
    """Two programs read an alert, and both close it: the second one has to read it again. A repetition with the same
    key has the first response, and records that arrive meanwhile are no change of the alert.
    """
    with httpx.Client(base_url=there.url, headers={"Authorization": f"Bearer {there.token('write')}"}) as client:
        name = client.get("/api/v1/alerts").json()["items"][0]["id"]
        path, note = f"/api/v1/alerts/{name}", {"action": "close", "value": "benign"}
        read = client.get(path).headers["etag"]
        mine = {"If-Match": f'"of-another-object", {read}', "Idempotency-Key": "mine"}
        first = client.post(f"{path}/notes", json=note, headers=mine)
        assert first.status_code == 200
        assert first.headers["etag"] == client.get(path).headers["etag"] != read
        second = client.post(f"{path}/notes", json=note | {"value": "true_positive"}, headers={"If-Match": read})
        assert (second.status_code, second.json()["code"]) == (412, "changed")
        assert client.post(f"{path}/notes", json=note, headers=mine).content == first.content
        assert client.get(path).json()["item"]["alert"]["verdict"] == "benign"
        weak = {"If-Match": f"W/{first.headers['etag']}"}
        assert client.post(f"{path}/notes", json=note, headers=weak).status_code == 412
        assert client.post(f"{path}/notes", json={"action": "reopen"}, headers={"If-Match": "*"}).status_code == 200
        missing = client.post("/api/v1/alerts/alert-nothing/notes", json=note, headers={"If-Match": "*"})
        assert missing.status_code == 404


def test_a_new_record_does_not_change_the_tag_of_another_object(there: Running) -> None:
    with httpx.Client(base_url=there.url, headers={"Authorization": f"Bearer {there.token('read')}"}) as client:
        name = client.get("/api/v1/alerts").json()["items"][0]["id"]
        before, listed = client.get(f"/api/v1/alerts/{name}"), client.get("/api/v1/alerts")
        log = there.state / "events.jsonl"
        last = json.loads(log.read_text().splitlines()[-1])
        last["sensor"]["seq"] += 1
        last["id"] = f"{last['id'][:-1]}0"
        with log.open("a") as stream:
            stream.write(json.dumps(last) + "\n")
        after = client.get(f"/api/v1/alerts/{name}")
        assert after.json()["source"] != before.json()["source"]
        assert after.headers["etag"] == before.headers["etag"]
        assert client.get("/api/v1/alerts").headers["etag"] != listed.headers["etag"]


def test_keys_are_of_one_user_and_of_one_request() -> None:
    replies = Replies()
    assert replies.begin("anna", "k", "mark") is None
    with pytest.raises(Busy):
        replies.begin("anna", "k", "mark")
    assert replies.begin("berta", "k", "mark") is None
    replies.end("anna", "k", 200, b"{}")
    found = replies.begin("anna", "k", "mark")
    assert found is not None
    assert (found.status, found.body) == (200, b"{}")
    with pytest.raises(Malformed):
        replies.begin("anna", "k", "other")


def test_stored_responses_have_a_limit_of_bytes() -> None:
    """The newest are kept; a response that alone exceeds the limit is kept until the next one."""
    replies, body = Replies(), bytes(KEPT_BYTES // 4)
    for number in range(8):
        assert replies.begin("anna", str(number), "mark") is None
        replies.end("anna", str(number), 200, body)
    kept = [number for number in range(8) if replies.begin("anna", str(number), "mark") is not None]
    assert kept == [4, 5, 6, 7]
    replies.begin("anna", "large", "mark")
    replies.end("anna", "large", 200, bytes(2 * KEPT_BYTES))
    found = replies.begin("anna", "large", "mark")
    assert found is not None
    assert len(found.body) == 2 * KEPT_BYTES
    assert replies.begin("anna", "7", "mark") is None


def test_a_head_that_never_ends_loses_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence, a header byte by byte, and an incomplete second header time out; a slow request gets a response."""
    monkeypatch.setattr(timeouts, "HEAD_S", 0.3)
    assert asyncio.run(_clients()) == [b"", b"", b"200", b"200"]


async def _clients() -> list[bytes]:
    released = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/slow":
            await released.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    config = uvicorn.Config(app, lifespan="off", access_log=False, log_level="error")
    state, loop = ServerState(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: timeouts.HeaderTimeoutProtocol(config, state, {}), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    heads = (b"", b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTT")
    found = [await _answer(port, head) for head in heads]
    slow = asyncio.create_task(_answer(port, b"GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
    await _answer(port, b"")  # longer than the timeout of a header
    released.set()
    found.append(await slow)
    server.close()
    await server.wait_closed()
    return found


async def _answer(port: int, data: bytes) -> bytes:
    """The status before the connection ends; empty without a response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    received = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    await writer.wait_closed()
    return received.partition(b"HTTP/1.1 ")[2][:3]


def test_a_form_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A form that stops, one sent byte by byte, and one whose client disconnects are rejected."""
    monkeypatch.setattr(page_request, "BODY_S", 0.2)
    parts = [{"type": "http.request", "body": b"a", "more_body": True}]

    async def ended(after: Callable[[], Awaitable[dict[str, Any]]]) -> bytes:
        given = list(parts)

        async def receive() -> dict[str, Any]:
            return given.pop() if given else await after()

        return await page_request.body_of(Request({"type": "http", "method": "POST"}, receive))

    async def nothing() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def drops() -> dict[str, Any]:
        await asyncio.sleep(0.01)
        return parts[0]

    async def leaves() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    for after in (nothing, drops, leaves):
        with pytest.raises(Malformed):
            asyncio.run(ended(after))

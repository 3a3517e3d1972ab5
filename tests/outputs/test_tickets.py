"""The ticket output against systems that answer as Jira, ServiceNow, GitHub and a generic ticket system do."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from pydantic import ValidationError

from sensor.core.output import BatchRejected, Retry
from sensor.outputs.tickets import Change, Options, TicketResult, Tickets
from sensor.outputs.transport.ticket_systems import NeedsOperator, NotNow
from sensor.posture.tickets.formats import Form, format_of
from sensor.posture.tickets.grouping import tickets_of
from sensor.posture.tickets.model import Ticket
from sensor.posture.tickets.policy import Policy
from tests.golden import Golden
from tests.outputs.batches import entries
from tests.outputs.invalid import faults_of
from tests.outputs.receiver import Fault, Receiver
from tests.outputs.ticket_systems import SYSTEMS, Service
from tests.posture.tickets.made import node, setting, site

FORM = Form("hq", "OPS", "Task")


class Place(NamedTuple):
    """A ticket system, its stored tickets, and an output for it."""

    system: str
    receiver: Receiver
    service: Service
    output: Tickets

    def ticket(self, devices: int = 1) -> Ticket:
        return tickets_of(
            site([node(number) for number in range(devices)], [setting(f"dev-{number}") for number in range(devices)]),
            Policy(),
        )[0]

    def change(self, kind: Any, ticket: Ticket, handle: str = "", content: str = "c1") -> Change:
        system_format = format_of("json" if self.system == "webhook" else self.system)
        body = (
            system_format.closed(["10.0.0.7 (front-door, camera): runs 11.0 now"], FORM)
            if kind == "close"
            else system_format.created(ticket, FORM)
        )
        return Change(
            kind,
            FORM.key(ticket.id),
            system_format.found_by(ticket.id, FORM),
            handle,
            content,
            body,
            system_format.updated(ticket, FORM),
        )

    def give(self, kind: Any, ticket: Ticket, handle: str = "", content: str = "c1") -> TicketResult:
        return self.output.give(self.change(kind, ticket, handle, content))

    def text_of(self, handle: str) -> str:
        return str(self.service.tickets[handle])


@pytest.fixture(params=list(SYSTEMS))
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with at(request.param, monkeypatch) as there:
        yield there


@contextlib.contextmanager
def at(system: str, monkeypatch: pytest.MonkeyPatch, **more: Any) -> Iterator[Place]:
    monkeypatch.setenv("PASSWORD", "s3cret")
    made, path, options = SYSTEMS[system]
    service = made()
    with Receiver(service) as receiver:
        url = receiver.url + path
        if system == "webhook":
            options = options | {"update_url": url + "/{id}"}
        output = Tickets(
            "desk", Options.model_validate({"url": url, "system": system, "timeout_s": 3, **options, **more})
        )
        output.open()
        yield Place(system, receiver, service, output)
        output.close()


def test_opened_once_then_changed_then_closed(place: Place) -> None:
    """One ticket for all changes: its text adds the second device, and finally the reason for closing."""
    ticket = place.ticket()
    handle = place.give("create", ticket).handle
    assert list(place.service.tickets) == [handle]
    assert "2 devices" not in place.text_of(handle)
    assert place.give("update", place.ticket(2), handle, "c2") == TicketResult(handle)
    assert place.give("close", ticket, handle, "c3") == TicketResult(handle)
    assert list(place.service.tickets) == [handle]
    assert "host-1" in place.text_of(handle)
    assert "runs 11.0 now" in place.text_of(handle)


@pytest.mark.parametrize("place", ["jira", "jira_server", "servicenow", "github"], indirect=True)
def test_what_was_opened_without_an_answer_is_found_again(place: Place) -> None:
    """After a lost answer or a lost local note, the next try finds the ticket by its id and updates it."""
    place.receiver.script = [None, Fault(store=True, reset=True)]
    with pytest.raises(Retry) as raised:
        place.give("create", place.ticket())
    # The search of Jira finds it later, that of the others at once.
    assert isinstance(raised.value, NotNow) == place.system.startswith("jira")
    assert len(place.service.tickets) == 1
    place.output.open()
    [name] = place.service.tickets
    assert place.give("create", place.ticket(2)) == TicketResult(name)
    assert len(place.service.tickets) == 1
    assert "host-1" in place.text_of(name)


@pytest.mark.parametrize("place", ["webhook"], indirect=True)
def test_a_desk_without_search_knows_a_repeat_by_its_key(place: Place) -> None:
    """A repeated request has the same key and Idempotency-Key; other contents have another."""
    place.receiver.script = [Fault(store=True, reset=True)]
    with pytest.raises(Retry):
        place.give("create", place.ticket())
    place.output.open()
    handle = place.give("create", place.ticket()).handle
    place.give("update", place.ticket(2), handle, "c2")
    first, second, third = (one.headers["idempotency-key"] for one in place.receiver.requests)
    assert first == second != third
    assert {one["key"] for one in place.service.tickets.values()} == {f"hq/{place.ticket().id}"}


@pytest.mark.parametrize("place", ["jira", "jira_server", "servicenow", "github"], indirect=True)
def test_two_sensors_have_tickets_of_their_own(place: Place) -> None:
    """The same recommendation at another site has its own ticket."""
    place.give("create", place.ticket())
    system_format = format_of(place.system)
    there = Form("branch", "OPS")
    ticket = place.ticket()
    place.output.open()
    place.output.give(
        Change(
            "create",
            there.key(ticket.id),
            system_format.found_by(ticket.id, there),
            "",
            "c",
            system_format.created(ticket, there),
            {},
        )
    )
    assert len(place.service.tickets) == 2


def test_what_a_user_deleted_there_is_opened_again(place: Place) -> None:
    """A deleted open ticket is opened again; a deleted one that is done is not closed again."""
    handle = place.give("create", place.ticket()).handle
    place.service.tickets.clear()
    assert place.give("close", place.ticket(), handle) == TicketResult(handle)
    assert place.service.tickets == {}
    again = place.give("update", place.ticket(), handle).handle
    assert list(place.service.tickets) == [again]


def test_what_comes_back_is_opened_again(place: Place) -> None:
    """A setting that regresses reopens the same ticket."""
    handle = place.give("create", place.ticket()).handle
    place.give("close", place.ticket(), handle)
    assert place.give("reopen", place.ticket(2), handle, "c2") == TicketResult(handle)
    one = place.service.tickets[handle]
    if place.system != "webhook":
        assert (one.get("status") or one["state"]) in ("new", "open", "2")
    assert "host-1" in place.text_of(handle)


@pytest.mark.parametrize("place", ["jira", "jira_server"], indirect=True)
def test_a_workflow_that_leads_nowhere_is_reported(golden: Golden, place: Place) -> None:
    """Without a closing transition the comment reports that the fix is done; a person has to close the ticket."""
    handle = place.give("create", place.ticket()).handle
    place.service.stuck = True
    outcome = place.give("close", place.ticket(), handle)
    golden(outcome)
    assert "runs 11.0 now" in place.text_of(handle)


@pytest.mark.parametrize("place", ["jira", "jira_server"], indirect=True)
def test_people_may_close_before_us(place: Place) -> None:
    """A ticket that a person closed only receives the comment."""
    handle = place.give("create", place.ticket()).handle
    place.service.tickets[handle]["status"] = "done"
    place.give("close", place.ticket(), handle)
    assert not [one for one in place.service.changes if one.endswith("/transitions")]
    assert len(place.service.tickets[handle]["comments"]) == 1


@pytest.mark.parametrize("place", ["github"], indirect=True)
def test_a_lost_issue_is_found_on_a_later_page(place: Place) -> None:
    """An issue is found behind a hundred others; pull requests in the list are ignored."""
    handle = place.give("create", place.ticket()).handle
    body = place.service.tickets[handle]["body"]
    for number in range(2, 130):
        place.service.tickets[str(number)] = {
            "number": number,
            "body": "x",
            "labels": ["network-sensor"],
            "state": "open",
        }
    place.service.tickets["130"] = {
        "number": 130,
        "body": body,
        "labels": ["network-sensor"],
        "state": "open",
        "pull_request": {},
    }
    place.output.open()
    assert place.give("create", place.ticket()).handle == handle


@pytest.mark.parametrize("place", ["servicenow"], indirect=True)
def test_fields_of_the_operator(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Additional fields of new tickets, and closing values where close codes have other names."""
    with at(
        "servicenow",
        monkeypatch,
        extra={"assignment_group": "Network"},
        closing={"state": "6", "close_code": "Solved (Permanently)"},
    ) as there:
        handle = there.give("create", there.ticket()).handle
        there.give("close", there.ticket(), handle)
        assert there.service.tickets[handle]["assignment_group"] == "Network"
        assert there.service.tickets[handle]["close_code"] == "Solved (Permanently)"


@pytest.mark.parametrize("place", ["jira"], indirect=True)
def test_fields_that_a_project_does_not_have(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields that a project lacks are omitted from new tickets and updates."""
    with at(
        "jira", monkeypatch, extra={"priority": None, "duedate": None, "components": [{"name": "Network"}]}
    ) as there:
        handle = there.give("create", there.ticket()).handle
        there.give("update", there.ticket(2), handle, "c2")
        fields = there.service.tickets[handle]["fields"]
        assert fields["components"] == [{"name": "Network"}]
        assert not {"priority", "duedate"} & fields.keys()


def test_who_may_not_is_reported_at_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong password or missing permission is reported at once, without retries."""
    monkeypatch.setenv("PASSWORD", "wrong")
    place.output.open()
    with pytest.raises(NeedsOperator, match=r"answered 401 Unauthorized.*check user, password, token"):
        place.give("create", place.ticket())


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(status=500), Retry),
        (Fault(status=429, headers={"Retry-After": "7"}), Retry),
        (Fault(status=400), BatchRejected),
    ],
)
def test_what_answers_mean(place: Place, fault: Fault, error: type[Exception]) -> None:
    """Busy and failing systems are retried when they ask for it; invalid requests are refused."""
    place.receiver.script = [fault]
    with pytest.raises(error) as raised:
        place.give("create", place.ticket())
    if fault.status == 429:
        assert raised.value.after_s == 7


@pytest.mark.parametrize("place", ["github"], indirect=True)
def test_too_many_requests_by_the_message_of_github(place: Place) -> None:
    """GitHub's rate limit is a 403 with a header that no requests are left for the hour."""
    place.receiver.script = [Fault(status=403, headers={"x-ratelimit-remaining": "0"})]
    with pytest.raises(Retry) as raised:
        place.give("create", place.ticket())
    assert not isinstance(raised.value, NeedsOperator)


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b'{"result": "x"}', b'{"key": {"a": 1}}', b"\xff", b"[" * 100_000])
def test_an_answer_that_reports_no_name(place: Place, body: bytes) -> None:
    """An answer without an id is no failure: the next try searches for the ticket; a generic system finds it by key."""
    if place.system == "webhook":
        place.receiver.script = [Fault(status=200, body=body)]
        assert place.give("create", place.ticket()).handle == f"hq/{place.ticket().id}"
        return
    place.receiver.script = [None, Fault(status=201, body=body)]
    with pytest.raises(Retry, match="returned no id"):
        place.give("create", place.ticket())


def test_a_place_that_is_not_there(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """404 for every request means a wrong address, which only a person can fix."""
    place.receiver.script = [Fault(status=404)] * 3
    with pytest.raises(NeedsOperator, match=r"\burl\b.*\bproject\b"):
        place.give("create", place.ticket())


def test_names_of_a_system_cannot_leave_their_place(place: Place) -> None:
    """A handle with slashes and question marks stays one segment of a path."""
    place.receiver.script = [Fault(status=500)]
    with pytest.raises(Retry):
        place.give("update", place.ticket(), "../../admin?x=1#y")
    assert "/..%2F..%2Fadmin%3Fx%3D1%23y" in place.receiver.requests[-1].path


def test_check_asks_who_we_are(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check opens no ticket."""
    levels = {one.what: one.level for one in place.output.check()}
    assert levels == {"dns": "ok", "tcp": "ok", "auth": "warning" if place.system == "webhook" else "ok"}
    monkeypatch.setenv("PASSWORD", "wrong")
    if place.system != "webhook":
        assert [one.level for one in place.output.check()][-1] == "error"
    assert place.service.tickets == {}


@pytest.mark.parametrize("place", ["github"], indirect=True)
def test_check_sees_that_labels_would_be_dropped(place: Place) -> None:
    """GitHub accepts issues of any user, and labels only of users with write access."""
    place.receiver.script = [Fault(status=200, body=b'{"permissions": {"push": false}}')]
    assert [(one.what, one.level) for one in place.output.check()][-1] == ("auth", "warning")


def test_records_of_the_log_are_not_taken(place: Place) -> None:
    assert not place.output.options.delivers
    with pytest.raises(BatchRejected, match="it accepts tickets"):
        place.output.send(entries(1))


@pytest.mark.parametrize(
    "options",
    [
        {"system": "jira"},
        {"system": "github", "update_url": "https://x/{id}"},
        {"system": "webhook", "update_url": "https://x/tickets"},
        {"system": "servicenow", "sign": "env:X"},
        {"system": "github", "redact": ["src.hostname"]},
        {"system": "github", "filter": {"kinds": ["alert"]}},
        {"system": "trello"},
    ],
)
def test_options_that_make_no_sense(golden: Golden, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as raised:
        Options.model_validate({"url": "https://x.example", **options})
    golden(faults_of(raised))


def test_a_signed_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are signed as in Standard Webhooks, over the bytes on the wire."""
    monkeypatch.setenv("SIGN", "hush")
    with at("webhook", monkeypatch, sign="env:SIGN") as there:
        there.give("create", there.ticket())
        request = there.receiver.requests[-1]
        signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.raw
        assert (
            request.headers["webhook-signature"]
            == "v1," + base64.b64encode(hmac.digest(b"hush", signed, hashlib.sha256)).decode()
        )

"""sensor tickets send: each ticket of the office is opened once in ticket systems, whatever fails on the way."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.cli.conftest import Result
from tests.cli.faults import reports
from tests.forked import started
from tests.golden import Golden
from tests.outputs.receiver import Fault, Receiver
from tests.outputs.ticket_systems import SYSTEMS, JiraLike, Service
from tests.waiting import until

PCAPS = Path(__file__).parents[2] / "pcaps"


class Desk(NamedTuple):
    """A state folder with the office, a system that receives its tickets, and the command."""

    folder: Path
    service: Service
    receiver: Receiver
    invoke: Callable[..., Result]
    configure: Callable[..., None]

    @property
    def arguments(self) -> list[str]:
        """Options with the paths of the configuration, the state folder and the log."""
        return [
            "--config",
            str(self.folder / "sensor.yaml"),
            "--state",
            str(self.folder),
            "--events",
            str(self.folder / "events.jsonl"),
        ]

    @property
    def all(self) -> int:
        """The number of tickets."""
        return len(self.invoke("tickets", "list", "--json", *self.arguments).lines)

    def send(self, *arguments: str) -> Result:
        return self.invoke("tickets", "send", "desk", *arguments, *self.arguments)

    def add(self, **record: Any) -> None:
        """Appends a later record to the log."""
        log = self.folder / "events.jsonl"
        last = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])["sensor"]["seq"]
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record | {"sensor": record["sensor"] | {"seq": last + 1}}) + "\n")

    def recommendation(self, setting: str) -> dict[str, Any]:
        """The record of a recommendation of one device."""
        records = map(json.loads, (self.folder / "events.jsonl").read_text(encoding="utf-8").splitlines())
        return next(
            one for one in records if one["kind"] == "recommendation" and one["recommendation"]["setting"] == setting
        )


@pytest.fixture(params=["jira"])
def desk(
    request: pytest.FixtureRequest, run_cli, office: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    monkeypatch.setenv("PASSWORD", "s3cret")
    folder = tmp_path / "state"
    shutil.copytree(office, folder)
    made, path, options = SYSTEMS[request.param]
    service = made()
    with Receiver(service) as receiver:

        def configure(**more: Any) -> None:
            url = receiver.url + path
            output = {
                "type": "tickets",
                "system": request.param,
                "url": url,
                "backoff_s": 0.01,
                "timeout_s": 3,
                **options,
                **more,
            }
            output |= {"update_url": url + "/{id}"} if request.param == "webhook" else {}
            (folder / "sensor.yaml").write_text(json.dumps({"sensor": {"id": "hq"}, "outputs": {"desk": output}}))

        configure()
        yield Desk(folder, service, receiver, run_cli, configure)


def counts(result: Result) -> list[int]:
    """The counts of the summary: what was done, then what was left unchanged."""
    summary = result.lines[-1]
    assert summary.startswith("desk: ")
    return [int(number) for number in re.findall(r"\b\d+\b", summary)]


every_system = pytest.mark.parametrize("desk", list(SYSTEMS), indirect=True)


@every_system
def test_each_ticket_is_opened_once(desk: Desk) -> None:
    """All tickets are opened at first; without a change not even a request is sent."""
    result = desk.send()
    assert (result.code, counts(result)) == (0, [desk.all, 0])
    assert len(desk.service.tickets) == desk.all
    desk.service.sent.clear()
    assert counts(desk.send()) == [desk.all]
    assert desk.service.sent == []
    listed = [json.loads(line) for line in desk.invoke("tickets", "list", "--json", *desk.arguments).lines]
    assert {one["state"] for one in listed} == {"open"}
    assert {one["given"]["desk"] for one in listed} == set(desk.service.tickets)


@every_system
def test_what_changed_is_updated_and_what_is_done_is_closed(desk: Desk) -> None:
    """A new owner is sent; a fixed setting closes its ticket with a comment."""
    desk.send()
    count = desk.all
    assert desk.invoke("devices", "set", "10.20.10.61", "owner=Facilities", "--state", str(desk.folder)).code == 0
    record = desk.recommendation("sip_clear")
    desk.add(
        **record
        | {
            "action": "close",
            "id": "x" * 26,
            "recommendation": record["recommendation"] | {"closed": "its telephones use TLS now"},
        }
    )
    result = desk.send()
    assert result.code == 0, result.err
    assert len([line for line in result.lines if ": closed: " in line]) == 1
    assert "1 closed" in result.lines[-1]
    assert len(desk.service.tickets) == count
    assert "its telephones use TLS now" in str(desk.service.tickets)
    assert "Facilities" in str(desk.service.tickets)
    assert "updated" in result.lines[-1]
    assert counts(desk.send()) == [desk.all]


def test_what_would_be_done(desk: Desk, golden: Golden) -> None:
    """A dry run sends nothing and stores nothing."""
    result = desk.send("--dry-run")
    assert re.match(r"desk: [a-z ]+: ticket-", result.lines[0])
    assert counts(result) == [desk.all, 0]
    golden(re.sub(r"\d+", "N", result.lines[-1]))
    assert desk.service.sent == []
    assert desk.send("--dry-run").lines == result.lines


def test_some_of_them(desk: Desk) -> None:
    """Tickets are selected by the filter of the output, by an option, and by id."""
    desk.configure(filter={"vlans": [99]})
    assert counts(desk.send()) == [desk.all]
    desk.configure(filter={"types": ["voip_*"]})
    desk.send()
    of_phones = desk.invoke("tickets", "list", "type=voip_phone", "--json", *desk.arguments).lines
    assert of_phones
    assert all(json.loads(line)["given"] for line in of_phones)
    assert len(desk.service.tickets) == len(of_phones)
    desk.configure()
    assert counts(desk.send("--severity", "critical")) == [1, 0]
    name = next(
        one["id"]
        for one in map(json.loads, desk.invoke("tickets", "list", "--json", *desk.arguments).lines)
        if not one["given"]
    )
    assert counts(desk.send(name)) == [1, 0]


@pytest.mark.slow
@every_system
def test_killed_between_sending_and_noting(desk: Desk) -> None:
    """A ticket that was opened but not stored is found again; a system without a search gets it once more, with the
    same key, and no other one twice.
    """
    opened = "/in" if isinstance(desk.service, SYSTEMS["webhook"][0]) else ""
    desk.receiver.script = [None] * 6 + [Fault(store=True, status=201, after_s=20)] * 2
    command = [sys.executable, "-m", "sensor", "tickets", "send", "desk", *desk.arguments]
    with started(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until(lambda: len(desk.receiver.requests) >= 8 - bool(opened))
        process.send_signal(signal.SIGKILL)
    before = len(desk.service.tickets)
    assert 1 <= before < desk.all
    desk.receiver.script = []
    result = desk.send()
    assert result.code == 0, result.err
    repeats = len(desk.service.tickets) - desk.all
    assert repeats <= 1 if opened else repeats == 0
    if opened:
        keys = Counter(one["key"] for one in desk.service.tickets.values())
        assert len(keys) == desk.all
        assert max(keys.values()) <= 2


def test_a_system_that_is_away_gets_the_rest_later(desk: Desk) -> None:
    """After some attempts the error is reported; sent tickets are stored, and the next run continues from there."""
    desk.receiver.script = [None] * 4 + [Fault(status=503)] * 5
    result = desk.send()
    assert result.code == 3
    assert reports(result, "output.failed", "503"), result.err
    assert reports(result, "output.failed"), result.err
    assert len(desk.service.tickets) == 2
    assert counts(desk.send()) == [desk.all - 2, 2]


def test_a_system_that_is_busy_for_a_moment(desk: Desk) -> None:
    """A request to a busy system is repeated and succeeds."""
    desk.receiver.script = [Fault(status=503), Fault(reset=True), Fault(status=429, headers={"Retry-After": "0"})]
    assert desk.send().code == 0
    assert len(desk.service.tickets) == desk.all


def test_a_lost_answer_opens_no_second_ticket(desk: Desk) -> None:
    """Jira does not find a new issue at once: the run ends, and the next one finds it."""
    desk.receiver.script = [None, Fault(store=True, reset=True)]
    assert desk.send().code == 3
    assert len(desk.service.tickets) == 1
    assert desk.service.sent[-1].startswith("POST ")
    assert desk.send().code == 0
    assert len(desk.service.tickets) == desk.all


def test_a_system_that_wants_an_hour(desk: Desk) -> None:
    """The command does not wait as long as Retry-After requests."""
    desk.receiver.script = [Fault(status=429, headers={"Retry-After": "3600"})]
    began = time.monotonic()
    assert desk.send().code == 3
    assert time.monotonic() - began < 60


def test_a_wrong_password_is_reported_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "wrong")
    result = desk.send()
    assert result.code == 3
    assert result.err.count("answered 401 Unauthorized") == 1
    assert "wrong" not in result.err
    assert len(desk.service.sent) == 1


def test_what_is_refused_does_not_hold_up_the_others(desk: Desk) -> None:
    """A field that the project lacks: the response is reported with what to do, and the other tickets are sent."""
    refusal = json.dumps(
        {"errors": {"priority": "Field 'priority' cannot be set. It is not on the appropriate screen, or unknown."}}
    ).encode()
    desk.receiver.script = [None, Fault(status=400, body=refusal)]
    result = desk.send()
    assert result.code == 1
    assert reports(result, "output.failed"), result.err
    assert reports(result, "output.failed", "'priority'"), result.err
    assert counts(result) == [desk.all - 1, 0]


def test_a_workflow_that_leads_nowhere_is_reported(desk: Desk) -> None:
    assert isinstance(desk.service, JiraLike)
    desk.send()
    desk.service.stuck = True
    desk.add(**desk.recommendation("sip_clear") | {"action": "close", "id": "x" * 26})
    result = desk.send()
    assert reports(result, "output.failed"), result.err
    assert counts(desk.send()) == [desk.all]


def test_without_an_inventory_nothing_is_sent(golden: Golden, desk: Desk, tmp_path: Path) -> None:
    """A log alone may be from another network, and nothing is stored about it."""
    result = desk.invoke(
        "tickets",
        "send",
        "desk",
        "--config",
        str(desk.folder / "sensor.yaml"),
        "--events",
        str(desk.folder / "events.jsonl"),
    )
    assert result.code == 6
    golden(result.out.partition(": ")[0])
    assert desk.service.sent == []


def test_where_nothing_can_be_noted_nothing_is_sent(desk: Desk) -> None:
    """If the lock is held or the folder is not writable, every run would open all tickets again."""
    (desk.folder / "tickets.lock").mkdir()
    result = desk.send()
    assert (result.code, result.out) == (3, "")
    assert reports(result, "ticket.ledger"), result.err
    assert desk.service.sent == []


@pytest.mark.slow
def test_two_at_once(desk: Desk) -> None:
    """The second command is rejected with the reason."""
    desk.receiver.script = [Fault(before_s=3)]
    command = [sys.executable, "-m", "sensor", "tickets", "send", "desk", *desk.arguments]
    with started(command, stdout=subprocess.PIPE, text=True) as first:
        until(lambda: desk.receiver.requests)
        result = desk.send()
        assert (result.code, result.out) == (3, "")
        assert reports(result, "ticket.ledger"), result.err
        out, _ = first.communicate(timeout=60)
    assert f"desk: {desk.all} opened" in out


@pytest.mark.parametrize(
    ("outputs", "error"),
    [
        ({}, "output.unknown"),
        ({"desk": {"type": "file", "path": "x"}}, "output.wrong-type"),
        ({"dask": {"type": "tickets", "system": "github", "url": "https://x"}}, "output.unknown"),
        ({"desk": {"type": "tickets", "system": "jira", "url": "https://x"}}, "config.invalid-value"),
    ],
    ids=("none", "not of tickets", "near", "incomplete"),
)
def test_outputs_that_make_no_sense(golden: Golden, desk: Desk, outputs: dict[str, Any], error: str) -> None:
    (desk.folder / "sensor.yaml").write_text(json.dumps({"outputs": outputs}))
    sent = desk.send()
    assert (sent.code, sent.out, sent.errors) == (2, "", (error,))
    golden(sent.err)


def test_without_a_name_all_systems_get_them(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enabled systems get them; an unreachable one does not delay the others; the exit code is the highest of all."""
    document = json.loads((desk.folder / "sensor.yaml").read_text())
    away = document["outputs"]["desk"] | {"url": "http://127.0.0.1:9"}
    document["outputs"] = {
        "away": away,
        "off": away | {"enabled": False},
        "desk": document["outputs"]["desk"],
        "log": {"type": "file", "path": "x"},
    }
    (desk.folder / "sensor.yaml").write_text(json.dumps(document))
    result = desk.invoke("tickets", "send", *desk.arguments)
    assert (result.code, counts(result)) == (3, [desk.all, 0])
    assert reports(result, "output.failed"), result.err
    assert "off:" not in result.out + result.err


# Beside the outputs that receive records.


def test_the_log_does_not_wait_for_it(golden: Golden, desk: Desk) -> None:
    """`outputs` lists and checks it and reports that it receives no events; `forward` ignores it."""
    config = ["--config", str(desk.folder / "sensor.yaml")]
    assert "tickets" in desk.invoke("outputs", "list", *config).lines[1]
    assert desk.invoke("outputs", "check", *config).code == 0
    tested = desk.invoke("outputs", "test", *config)
    assert tested.code == 0
    golden(tested.out)
    assert desk.invoke("outputs", "status", *config).code == 2
    result = desk.invoke("outputs", "replay", "desk", "--since", "1h", *config)
    assert reports(result, "output.wrong-type"), result.err
    assert desk.invoke("forward", "--once", *config).code == 2
    assert desk.service.tickets == {}

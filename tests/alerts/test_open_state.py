"""A restart continues open alerts, incidents and suppressed alerts: a repeat updates its alert, silence closes it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from sensor.alerts.aggregation import AlertAggregator
from sensor.alerts.incidents import Incidents
from sensor.alerts.mutes import Mute, Mutes
from sensor.alerts.open_state import ALERT, INCIDENT, SUPPRESSED
from sensor.alerts.processor import AlertProcessor
from sensor.capture.files import open_captures
from sensor.config import load_config
from sensor.core.alert import Alert, Severity
from sensor.core.record import Record, RecordMaker
from sensor.core.stored import OpenEntry
from sensor.core.time_units import DAY, HOUR, SECOND
from sensor.evidence.gather import Gatherer
from sensor.runtime.assembly import assemble
from tests import sampling
from tests.alerts.test_incidents import LAPTOP, OTHER, SERVER, made
from tests.detectors.stories import World, device
from tests.offices import PCAPS

LIMIT, MANY = 100, 10_000
MUTES = [Mute(id="m1", src=LAPTOP, author="anna", reason="our scanner")]
ATTACKS = [PCAPS / "office.pcapng", *sorted(PCAPS.glob("lab/attacks/*.pcap"))]


class Sensor:
    """The alert processor of a run, which starts with what an earlier run stored."""

    def __init__(self, stored: list[OpenEntry] | None = None, keys: int = 64, mutes: list[Mute] | None = None) -> None:
        self.records: list[Record] = []
        self.muted: list[Record] = []
        self.evidence = Gatherer(lambda *_: None)
        world = World(device("workstation", LAPTOP), device("server", SERVER))
        self.processor = AlertProcessor(
            AlertAggregator(2 * HOUR, keys),
            RecordMaker("s"),
            self.records.append,
            world.device,
            incidents=Incidents(world.device, 2 * HOUR),
            evidence=self.evidence,
            mutes=Mutes(mutes or ()),
            muted=self.muted.append,
        )
        self.open_state = self.processor.keep_open_state(LIMIT)
        for entry in stored or []:
            self.open_state.restore(entry.kind, entry.body)

    def take(self, *alerts: Alert) -> Sensor:
        self.processor.take(alerts)
        return self

    def tick(self, seconds: float) -> Sensor:
        self.processor.tick(int(seconds * SECOND))
        return self

    def stored(self) -> list[OpenEntry]:
        """What a store would contain after this run, if it was empty before."""
        self.processor.finish(0)
        return sorted((entry for entry in self.open_state.take(LIMIT) if entry.body), key=lambda entry: entry.ts)

    def restarted(self) -> Sensor:
        return Sensor(self.stored())

    def reported(self, kind: str = ALERT) -> list[tuple[str, str, int]]:
        """Action, id and count of the reports."""
        return _bodies(self.records, kind)

    def suppressed(self) -> list[tuple[str, str, int]]:
        """The same of suppressed alerts."""
        return _bodies(self.muted, ALERT)


def _bodies(records: list[Record], kind: str) -> list[tuple[str, str, int]]:
    bodies = [(one.action, getattr(one, kind)) for one in records if one.kind == kind]
    return [(action, body["id"], body["count"]) for action, body in bodies]


def test_a_repeat_after_a_restart_updates_the_alert() -> None:
    """It keeps its id, its start, its count, and the proof of the earlier run; so does its incident."""
    before = Sensor().take(made(1, LAPTOP))
    after = before.restarted().take(made(601, LAPTOP, OTHER))
    [(_, alert, _)], [(_, incident, _)] = before.reported(), before.reported(INCIDENT)
    assert after.reported() == [("update", alert, 2)]
    old, new = before.records[0], after.records[0]
    assert isinstance(old.alert, dict)
    assert isinstance(new.alert, dict)
    assert isinstance(new.evidence, list)
    assert isinstance(new.targets, list)
    assert new.alert["first"] == old.alert["first"]
    assert new.evidence[:1] == old.evidence
    assert [one["ip"] for one in new.targets] == [SERVER, OTHER]
    assert after.tick(DAY / SECOND).reported()[1:] == [("close", alert, 2)]
    assert [one[:2] for one in after.reported(INCIDENT)] == [("close", incident)]


def test_silence_during_the_restart_closes_the_alert() -> None:
    """The first second of the next run closes it, and a repeat is a new alert."""
    before = Sensor().take(made(1, LAPTOP))
    after = before.restarted().tick(DAY / SECOND).take(made(DAY / SECOND + 1, LAPTOP))
    (_, alert, _), (_, other, _) = before.reported()[0], after.reported()[1]
    assert after.reported() == [("close", alert, 1), ("open", other, 1)]
    assert alert != other
    assert [action for action, *_ in after.reported(INCIDENT)] == ["close", "open"]


def test_a_closed_alert_is_not_restored() -> None:
    """The operator closed it, and with that removed it from the store: a repeat is a new alert."""
    before = Sensor().take(made(1, LAPTOP))
    [(_, alert, _)] = before.reported()
    entries = list(before.open_state.take(LIMIT))
    assert before.processor.close(alert, "anna", "known", 2 * SECOND)
    assert [(entry.key, entry.body) for entry in before.open_state.take(LIMIT)] == [(entries[0].key, "")]
    assert [action for action, *_ in before.restarted().take(made(3, LAPTOP)).reported()] == ["open"]


def test_a_host_that_was_compromised_before_the_restart_continues_the_chain() -> None:
    """What it does after the restart is part of the incident; a host that was only scanned starts its own."""
    login = {"detector": "credential_access.password_guessing", "technique": "T1110.001"}
    for more, actions in ((login, ["update"]), ({}, ["open"])):
        before = Sensor().take(made(1, LAPTOP, severity=Severity.high, **more))
        after = before.restarted().take(made(601, SERVER, OTHER))
        assert [action for action, *_ in after.reported(INCIDENT)] == actions


def test_a_restored_alert_that_becomes_more_severe() -> None:
    """It moves to the table of its severity, and is closed as such."""
    before = Sensor().take(made(1, LAPTOP, severity=Severity.low))
    after = before.restarted().take(made(601, LAPTOP, severity=Severity.high))
    assert [one.severity for one in after.records if one.kind == ALERT] == ["high"]
    assert [action for action, *_ in after.tick(3 * HOUR / SECOND).reported()] == ["update", "close"]


def test_the_file_of_its_packets_is_named_after_a_restart() -> None:
    """The number of frames is that of the earlier run."""
    before = Sensor()
    packets = {"file": "evidence/alert-1.pcapng", "frames": 3}
    before.open_state.note_alert("open", "alert-1", made(1, LAPTOP), packets)
    after = before.restarted()
    assert after.evidence.gather("update", "alert-1", made(2, LAPTOP)) == packets


def test_a_purged_device_takes_its_alerts_along() -> None:
    """Those of other devices stay open."""
    before = Sensor().take(made(1, LAPTOP), made(1, OTHER, OTHER))
    before.open_state.forget(f"dev-{LAPTOP}")
    stored = before.stored()
    assert [(entry.kind, entry.devices) for entry in stored] == [(ALERT, ()), (INCIDENT, ())]
    after = Sensor(stored).take(made(601, LAPTOP), made(601, OTHER, OTHER))
    assert [action for action, *_ in after.reported()] == ["open", "update"]


def test_more_alerts_than_there_is_room_for() -> None:
    """With a smaller budget the oldest are left out, and removed from the store."""
    stored = Sensor().take(*(made(number, LAPTOP, key=f"k{number}") for number in range(1, 13))).stored()
    alerts = [entry for entry in stored if entry.kind == ALERT]
    after = Sensor(alerts, keys=8)
    assert [entry.key for entry in after.open_state.take(LIMIT)] == [f"k{number}" for number in range(1, 7)]


def test_a_restart_continues_a_suppressed_alert() -> None:
    """It keeps its id, its start, its count and its mute; silence closes it in its log, and no alert is raised."""
    before = Sensor(mutes=MUTES).take(made(1, LAPTOP), made(2, LAPTOP))
    [(_, name, _)] = before.suppressed()
    stored = before.stored()
    assert [entry.kind for entry in stored] == [SUPPRESSED]
    after = Sensor(stored, mutes=MUTES).take(made(601, LAPTOP)).tick(DAY / SECOND)
    assert after.suppressed() == [("update", name, 3), ("close", name, 3)]
    assert all(record.alert["muted"] == before.muted[0].alert["muted"] for record in after.muted)  # type: ignore[index]
    assert after.muted[0].alert["first"] == before.muted[0].alert["first"]  # type: ignore[index]
    assert after.records == []


def test_a_suppressed_alert_whose_mute_was_removed() -> None:
    """The next repeat opens an alert; the suppressed one is closed by silence."""
    before = Sensor(mutes=MUTES).take(made(1, LAPTOP))
    [(_, name, _)] = before.suppressed()
    after = Sensor(before.stored()).take(made(601, LAPTOP)).tick(3 * HOUR / SECOND)
    assert [action for action, *_ in after.reported()] == ["open", "close"]
    assert after.suppressed() == [("close", name, 1)]


def test_a_purged_device_takes_its_suppressed_alerts_along() -> None:
    """They are removed from the store, and a repeat is a new one."""
    before = Sensor(mutes=MUTES).take(made(1, LAPTOP))
    before.open_state.forget(f"dev-{LAPTOP}")
    assert [(entry.kind, entry.body) for entry in before.open_state.take(LIMIT)] == [(SUPPRESSED, "")]
    assert [action for action, *_ in before.take(made(2, LAPTOP)).suppressed()] == ["open", "open"]


@pytest.mark.parametrize(("kind", "other"), [(ALERT, SUPPRESSED), (SUPPRESSED, ALERT)])
def test_a_suppressed_alert_is_never_restored_as_an_alert(kind: str, other: str) -> None:
    """An entry with a mute is one of suppressed alerts, and no other."""
    stored = Sensor(mutes=MUTES if kind == SUPPRESSED else []).take(made(1, LAPTOP)).stored()
    [body] = [entry.body for entry in stored if entry.kind == kind]
    assert not rejected(kind, body)
    assert rejected(other, body)


def rejected(kind: str, body: str) -> bool:
    """Whether an entry is not restored, because it is invalid."""
    try:
        Sensor().open_state.restore(kind, body)
    except (ValueError, msgspec.DecodeError):
        return True
    return False


@pytest.mark.parametrize("kind", [ALERT, INCIDENT, SUPPRESSED])
def test_invalid_entries_are_rejected(kind: str) -> None:
    """Each truncation is invalid; a mutation is invalid, or another entry."""
    one = Sensor(mutes=MUTES if kind == SUPPRESSED else []).take(made(1, LAPTOP))
    [body] = [entry.body for entry in one.stored() if entry.kind == kind]
    assert all(rejected(kind, body[:end]) for end in range(len(body)))
    chance, mutated = sampling.chance("open state", kind), list[str]()
    for _ in range(sampling.count(5000, 500)):
        at = chance.randrange(len(body))
        mutated.append(body[:at] + chance.choice('{}[]",:0aé-') + body[at + 1 :])
    assert any(rejected(kind, one) for one in mutated)


@pytest.mark.parametrize("capture", sampling.some(ATTACKS, 8, "open state"), ids=lambda path: path.stem)
def test_each_alert_of_a_capture_is_restored_as_it_was_reported(capture: Path) -> None:
    """Stored again, it is the same."""
    pipeline, source = assemble(load_config(None), lambda _: None), open_captures([str(capture)])
    processor = pipeline.alert_processor
    open_state = processor.keep_open_state(MANY)
    for batch in source.batches():
        pipeline.process(batch)
        batch.release()
    source.close()
    pipeline.finish()
    entries = [entry for entry in open_state.take(MANY) if entry.body]
    assert ALERT in {entry.kind for entry in entries}
    for entry in entries:
        open_state.restore(entry.kind, entry.body)
    for one in processor.aggregator._all():
        processor._emit_alert("update", one.alert, one.alert.ts)
    for case in processor.incidents._cases.values():
        if case.reported >= 0:
            open_state.note_incident("update", case.incident)
    assert sorted(open_state.take(MANY)) == sorted(entries)

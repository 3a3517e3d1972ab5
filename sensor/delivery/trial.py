"""Trial: checks one output, or sends one test event to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from sensor.boundary import Boundary, Fault
from sensor.core.output import BatchRejected, Entry, Finding, Options, Output, Retry
from sensor.core.reader import clean
from sensor.core.record import RecordMaker
from sensor.core.secrecy import masked
from sensor.delivery.catalogue import formats_of, output_class
from sensor.delivery.redaction import changes
from sensor.delivery.section import type_of
from sensor.outputs.formats import FORMATS

REASON_LIMIT, CHECK_LIMIT = 300, 600
MESSAGE = "test event: checks that events of this sensor arrive"


def checked(name: str, options: Options) -> Iterator[Finding]:
    """Findings of its check, one after another. Texts of the destination are cleaned for the terminal."""
    for finding in _guarded(output_class(type_of(options))(name, options), "check"):
        yield msgspec.structs.replace(finding, message=clean(masked(finding.message), CHECK_LIMIT))


def tested(name: str, options: Options, sensor_id: str, site: str, now_ns: int, salt: Callable[[], bytes]) -> Finding:
    """Send one event from a sensor named ``…-test``, so that it does not affect the real sensor's numbers. ``salt``:
    for redacted values.
    """
    unit = output_class(type_of(options))
    if not options.records:
        return Finding(
            "test",
            "warning",
            (
                f"it accepts tickets, so no event was sent: `sensor tickets send {name} --dry-run` shows what "
                "would be sent"
            ),
        )
    output = unit(name, options)
    form = options.format or formats_of(unit)[0]
    record = _record(sensor_id, site, now_ns)
    change = changes(options.fields, options.redact, salt() if options.redact else b"")
    record = record if change is None else change(record)
    payload = FORMATS[form](record)
    if payload is None:
        return Finding("test", "warning", f"the format {form} has no representation of sensor events, so none was sent")
    return next(iter(_guarded(output, "send", [Entry(1, record, payload)])))


def _record(sensor_id: str, site: str, now_ns: int) -> dict[str, Any]:
    made: dict[str, Any] = msgspec.to_builtins(
        RecordMaker(f"{sensor_id}-test", site).sensor("health", now_ns, MESSAGE, test=True, check="sensor.test")
    )
    made["sensor"]["seq"] = 1
    return made


def _guarded(output: Output, step: str, *args: Any) -> Iterator[Finding]:
    """The findings of a step, and the error that ends it."""
    faults: list[Fault] = []
    boundary = Boundary(faults.append)
    calls: dict[str, Callable[..., Iterator[Finding]]] = {"check": _checking, "send": _sending}
    findings: list[Finding]
    findings, whole = boundary.run(output.name, calls[step], output, *args)
    yield from findings
    if not whole:
        yield Finding(step, "error", f"an internal error: {faults[0].error if faults else 'it broke'}")
    boundary.run(output.name, _closing, output)


def _checking(output: Output) -> Iterator[Finding]:
    try:
        yield from output.check()
    except (Retry, BatchRejected) as answer:
        yield Finding("check", "error", clean(masked(str(answer.args[0])), REASON_LIMIT))


def _sending(output: Output, entries: list[Entry]) -> Iterator[Finding]:
    try:
        output.open()
        ack = output.send(entries)
    except (Retry, BatchRejected) as answer:
        yield Finding("test", "error", clean(masked(str(answer.args[0])), REASON_LIMIT))
        return
    if ack.refused or ack.busy:
        yield Finding("test", "error", clean(masked(next(iter(ack.refused.values()), "it is busy now")), REASON_LIMIT))
        return
    promise = "" if output.guarantee != "best_effort" else ", without acknowledgement by the destination"
    yield Finding("test", "ok", f"delivered the event {entries[0].id}{promise}")


def _closing(output: Output) -> Iterator[None]:
    output.close()
    yield None

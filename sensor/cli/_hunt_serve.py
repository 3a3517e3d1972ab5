"""``sensor hunt serve``: answers queries of the hub on the traffic records of this sensor."""

from __future__ import annotations

import argparse
import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._codes import DONE, NOT_OPENED, USAGE, Exit
from sensor.cli._records import installed, live_folder
from sensor.cli._setup import settings

if TYPE_CHECKING:
    from sensor.outputs.hub_protocol.hunts import Found, Hunt
    from sensor.sync.hunter import Hunter

# Limits of one query: memory, and time to write pending records before it.
MEMORY_MIB, WRITE_S = 256, 10.0
TICK_S, PAUSE_S = 0.5, 2.0


def serve(args: argparse.Namespace) -> int:
    """Answer until stopped; 2 if the configuration has faults or no hub, 3 without the extra `hunt`."""
    from sensor.cli._sync_agent import hub_output
    from sensor.runtime.process import serving
    from sensor.sync.hunter import Hunter

    config = settings(args)
    if config is None:
        return USAGE
    if args.config is None:
        raise Exit(USAGE, "found no configuration, expected --config with an output to a hub", error="config.missing")
    if not installed():
        return NOT_OPENED
    _, options = hub_output(args.config)
    folder = live_folder(args, config)
    hunter = Hunter(options.servers, options, functools.partial(found_in, folder))
    try:
        with serving():
            _until_stopped(hunter)
    finally:
        hunter.close()
    return DONE


def found_in(folder: Path, hunt: Hunt) -> Found:
    """The result of a query on the records of a folder, with pending ones. A fault is part of the result."""
    from sensor.outputs.hub_protocol.hunts import REASON_LIMIT, Found
    from sensor.records.waiting import write_waiting_aside

    try:
        write_waiting_aside(folder, min(WRITE_S, hunt.seconds))
    except OSError as error:
        return Found("failed", f"{error.filename or folder}: {error.strerror}"[:REASON_LIMIT])
    return found_of(folder, hunt)


def found_of(folder: Path, hunt: Hunt) -> Found:
    """The result of a query on the files of a folder. A fault is part of the result."""
    from sensor.outputs.hub_protocol.hunts import REASON_LIMIT, Found
    from sensor.records.coverage import coverage, sentences
    from sensor.records.query import NoRecords, Query, QueryError, Range, UnreadableRecords

    try:
        within = Range(hunt.since, hunt.until)
        query = Query(folder, within, memory_mib=MEMORY_MIB, seconds=hunt.seconds, aside=True)
        try:
            answer, seen = query.run(hunt.sql, most=hunt.rows), coverage(query)
        finally:
            query.close()
    except UnreadableRecords as error:
        return Found("failed", str(error)[:REASON_LIMIT])
    except NoRecords as error:
        return Found("no_records", str(error)[:REASON_LIMIT])
    except QueryError as error:
        return Found("query", str(error)[:REASON_LIMIT])
    except OSError as error:
        return Found("failed", f"{error.filename or folder}: {error.strerror}"[:REASON_LIMIT])
    covered = [*sentences(seen)]
    return Found("", "", answer.columns, answer.types, answer.rows, answer.more, seen.whole, covered)


def _state(failing: str, answered: int) -> str:
    return f"cannot answer hunts: {failing}" if failing else f"{answered:,} hunts answered"


def _until_stopped(hunter: Hunter) -> None:
    """Errors are retried: the sensor does not depend on it."""
    from sensor.cli._signals import Signals
    from sensor.core.output import Retry
    from sensor.logs.logs import log
    from sensor.runtime.notify import Notifier

    notifier, failing, answered = Notifier(), "", 0
    with Signals() as signals:
        notifier.ready("connecting to the hub")
        while not signals.stopped:
            try:
                answered += hunter.turn(TICK_S)
                failing = ""
            except (Retry, OSError) as error:
                if str(error) != failing:
                    failing = str(error)
                    log().warning("hunts of the hub cannot be answered", error=failing)
                time.sleep(PAUSE_S)
            notifier.status(functools.partial(_state, failing, answered))
            notifier.beat()
        notifier.stopping()
    notifier.close()

"""``sensor hub hunt``: one query on the traffic records of many sensors. Texts of sensors are cleaned before they are
printed.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from sensor.cli._codes import DONE, INCOMPLETE, NOT_FOUND, NOT_OPENED, USAGE, Exit
from sensor.cli._hub_base import check_extra, hub_of, opened
from sensor.cli._hub_central import MISSING, found_centrally
from sensor.cli._hub_hunt_text import REASON_LIMIT, put_combined, put_rows, put_sensors, same_columns
from sensor.cli._records import installed
from sensor.cli._show import tidy

if TYPE_CHECKING:
    from sensor.hub.hunting import HuntResult, Target
    from sensor.outputs.hub_protocol.hunts import Hunt
    from sensor.records.query_process import Answer


def hunt(args: argparse.Namespace) -> int:
    """Query, and print rows and sensors; 1 if nothing is found, 2 if the query is rejected, 6 if the result of a sensor
    is unknown, or central records lack a part of the time.
    """
    check_extra()
    from sensor.hub.hunting import targets

    question = _question(args)
    if args.combine and not installed():
        return NOT_OPENED
    with opened(args) as base:
        chosen = targets(base, args.site, args.sensor)
        if not chosen:
            raise Exit(NOT_FOUND, "no approved sensor of this name or site at the hub", error="hub.unknown-sensor")
        outcomes = found_centrally(args, base, chosen, question) if args.central else None
    if outcomes is None:
        outcomes = _answers(args, chosen, question)
    code = _code(args, outcomes)
    if args.combine:
        put_combined(_combined(args, outcomes), as_json=args.json)
    else:
        put_rows(outcomes, as_json=args.json)
    put_sensors(outcomes, as_json=args.json)
    return code


def _answers(args: argparse.Namespace, chosen: Sequence[Target], question: Hunt) -> list[HuntResult]:
    """The answers of sensors. Raises Exit if NATS or the key of the hub cannot be used."""
    from sensor.core.output import Retry
    from sensor.hub.folder import FolderError
    from sensor.hub.hunting import hunted
    from sensor.hub.worker import NatsError

    try:
        return asyncio.run(hunted(hub_of(args), [(target, question) for target in chosen], args.within))
    except TimeoutError:
        raise Exit(NOT_OPENED, "no NATS server of the hub can be reached", error="hub.no-nats") from None
    except FolderError as error:
        raise Exit(NOT_OPENED, str(error), error="hub.folder") from None
    except (Retry, OSError, NatsError) as error:
        raise Exit(NOT_OPENED, f"NATS: {error}", error="hub.no-nats") from None


def _question(args: argparse.Namespace) -> Hunt:
    """The hunt in the arguments. Raises Exit if a value is out of range, or the hunt is unknown."""
    from sensor.cli._devices_actions import author_of
    from sensor.outputs.hub_protocol.hunts import Hunt

    if len(args.operands) != 1:
        raise Exit(USAGE, "expected hunt QUERY, in quotation marks", error="usage.missing-argument")
    made = {
        "id": secrets.token_hex(8),
        "sql": query_of(args.operands[0]),
        "rows": args.limit,
        "seconds": args.within,
        "since": _moment(args.since),
        "until": _moment(args.until),
        "author": author_of(args),
    }
    try:
        return msgspec.convert(made, Hunt)
    except msgspec.ValidationError as error:
        text = str(error).replace("`$.rows`", "--limit").replace("`$.seconds`", "--within")
        raise Exit(USAGE, text, error="usage.invalid-value") from None


def query_of(text: str) -> str:
    """A query, or that of a hunt in the library."""
    from sensor.documents import nearest
    from sensor.records.hunts_library import hunt as hunt_of
    from sensor.records.hunts_library import library

    known = library()
    if text in known:
        return hunt_of(known[text]).sql
    if len(text.split()) < 2:
        raise Exit(NOT_FOUND, f"no query, no hunt: {tidy(text)!r}, {nearest(text, list(known))}", error="hunt.unknown")
    return text


def _moment(text: str) -> int | None:
    """Microseconds since 1970."""
    return int(moment_of(text).timestamp() * 1e6) if text else None


def moment_of(text: str) -> datetime:
    """A time; spans refer to now, since sensors differ in their newest record. Raises Exit."""
    from sensor.cli._tail_filter import moment

    try:
        return datetime.fromisoformat(moment(text))
    except argparse.ArgumentTypeError as error:
        raise Exit(USAGE, str(error), error="usage.invalid-value") from None


def _combined(args: argparse.Namespace, outcomes: Sequence[HuntResult]) -> Answer:
    """The result of --combine on the rows of sensors with the same columns as the first."""
    from sensor.records.combine import Columns, combined
    from sensor.records.confined import QueryError
    from sensor.records.query_process import Answer

    some = same_columns(outcomes)
    if not some:
        return Answer()
    columns = Columns(["site", "sensor", *some[0].found.columns], ["VARCHAR", "VARCHAR", *some[0].found.types])
    rows = [(one.site, one.sensor, *row) for one in some for row in one.found.rows]
    try:
        return combined(columns, rows, args.combine, args.limit)
    except QueryError as error:
        raise Exit(USAGE, f"--combine: {tidy(str(error), REASON_LIMIT)}", error="records.invalid-query") from None


def _code(args: argparse.Namespace, outcomes: Sequence[HuntResult]) -> int:
    states = {one.state for one in outcomes}
    if states == {"query"}:
        text = f"the query is refused: {tidy(outcomes[0].reason, REASON_LIMIT)}"
        raise Exit(USAGE, text, error="records.invalid-query")
    with_rows = [one for one in outcomes if one.found.rows]
    # Sums are incomplete if rows were truncated, or those with other columns are missing.
    cut = args.combine and (any(one.found.more for one in with_rows) or len(same_columns(outcomes)) < len(with_rows))
    lacking = any(line.startswith(MISSING) for one in outcomes for line in one.found.coverage)
    if states != {"answered"} or cut or lacking:
        return INCOMPLETE
    return DONE if with_rows else NOT_FOUND

"""Which incidents are closed: those that their sensor closed, and those of which operators closed all alerts, as in the
lists of a sensor.

An incident lists its first alerts only, and ``count`` is the number of all: with more, and with an alert that the hub
does not have or the reader may not see, its state is the recorded one.
"""

from __future__ import annotations

from typing import LiteralString


def closed_of(row: LiteralString) -> LiteralString:
    """A test of a row of incidents, by its name in the statement."""
    return f"""
({row}.closed OR cardinality({row}.alerts) = {row}.count AND {row}.count > 0 AND NOT EXISTS (
    SELECT FROM unnest({row}.alerts) part (id) LEFT JOIN alerts ON alerts.sensor = {row}.sensor AND alerts.id = part.id
    WHERE alerts.state IS DISTINCT FROM 'closed'))"""  # noqa: S608 - names of rows in our own statements


CLOSED: LiteralString = closed_of("i")

"""``sensor firewall suggest``: firewall requests, with a simulation of side effects."""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime

from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE
from sensor.cli._configuration import configuration
from sensor.cli._firewall_text import put_json, put_requests, put_rules
from sensor.cli._setup import complain, complain_of_faults
from sensor.cli._site import firewall_view
from sensor.cli._times import clock
from sensor.config import Config
from sensor.documents import DocumentErrors, nearest
from sensor.posture.firewall.formats import names
from sensor.posture.firewall.model import Request
from sensor.posture.firewall.question import block_of, expiry_of, match_of
from sensor.posture.firewall.requests import Spec
from sensor.posture.firewall.simulate import simulate
from sensor.posture.firewall.suggest import Question, suggested
from sensor.posture.firewall.view import View
from sensor.posture.firewall.work import TooWide, UnknownHost

FORCE = "--force suggests it regardless"


def suggest(args: argparse.Namespace) -> int:
    spec = _spec(args)
    config = _config(args) if spec is not None else None
    if spec is None or config is None:
        return USAGE
    args.for_programs = bool(args.format) and not args.simulate
    view = firewall_view(args, config)
    if view is None:
        return NOT_OPENED
    found = _requests(Question(args.what or "", spec, args.allow, args.force), view)
    if not found:
        return NOT_FOUND
    if args.backtest:
        from sensor.cli._firewall_backtest import backtest

        return backtest(args, found)
    seen = view.seen._replace(
        moved=view.moved(party for request in found for party in (*request.machines, *request.peers))
    )
    simulated = [(request, simulate(request, seen)) for request in found]
    if args.json:
        put_json(simulated, args.format)
    elif args.format and not args.simulate:
        put_rules(simulated, args.format, undo=args.undo)
    else:
        put_requests(simulated, rules=not args.simulate)
    return 0


def _requests(question: Question, view: View) -> list[Request]:
    """The requests, after printing remarks; empty if there is nothing to suggest."""
    try:
        found = suggested(question, view, clock)
    except UnknownHost as error:
        complain(str(error), error="device.unknown")
        return []
    except TooWide as error:
        complain(str(error), error="firewall.too-wide")
        return []
    for remark in found.remarks:
        complain(f"{remark.text}; {FORCE}" if remark.forcible else remark.text, error=remark.code)
    return found.requests


def _spec(args: argparse.Namespace) -> Spec | None:
    """The options; None after an error."""
    now = datetime.fromtimestamp(int(time.time()), UTC)
    try:
        _check(args)
        match = match_of(args.service) if args.service else None
        block = block_of(args.address) if args.address else None
        return Spec(now, expiry_of(now, args.expires), args.comment, match, block, args.everyone)
    except ValueError as error:
        complain(str(error), error="usage.invalid-value")
        return None


def _check(args: argparse.Namespace) -> None:
    """Raises ValueError for incompatible options."""
    if (args.what is None) == (args.address is None):
        raise ValueError("expected an alert, an incident or a recommendation, or --address ADDRESS, and not both")
    if args.format is not None and args.format not in names():
        raise ValueError(f"--format: found {args.format!r}, {nearest(args.format, names())}")
    if args.undo and not args.format:
        raise ValueError("--undo needs --format")


def _config(args: argparse.Namespace) -> Config | None:
    try:
        return configuration(args)
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return None

"""Help without internet access: what each page shows, and the texts of ``sensor help``."""

from __future__ import annotations

import functools
import re
import threading
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sensor.console.child import Limits, run
from sensor.console.page_request import Given
from sensor.console.render import bare
from sensor.console.request_handling import endpoint
from sensor.console.security.keys import RequestUser
from sensor.console.settings import Console
from sensor.views.errors import NotReadable, Unknown

TOPIC = re.compile(r"[a-z][a-z0-9.-]{0,60}")
NOT_FOUND = 1
LIMITS = Limits(memory=512 << 20, seconds=20.0)
# Each text is the output of a process: their number is limited, others wait.
_AT_ONCE = threading.BoundedSemaphore(2)


def routes(console: Console) -> list[BaseRoute]:
    return [
        Route("/help", endpoint(console, _pages), methods=["GET"]),
        Route("/help/{topic}", endpoint(console, _topic), methods=["GET"]),
    ]


def _pages(_: Console, request: Request, who: RequestUser, __: Given) -> Response:
    return bare(request, "help.jinja", "Help", who=who, topic="", text="")


def _topic(console: Console, request: Request, who: RequestUser, _: Given) -> Response:
    """A command or an error code: the output of ``sensor help``. Raises Unknown; NotReadable if it fails."""
    topic = request.path_params["topic"]
    text = _text(console.state, topic) if TOPIC.fullmatch(topic) else ""
    if not text:
        raise Unknown("topic", topic, ("alerts", "devices", "hunt", "errors", "exit-codes"))
    return bare(request, "help.jinja", f"Help: {topic}", who=who, topic=topic, text=text)


@functools.lru_cache(maxsize=128)
def _text(state: Path, topic: str) -> str:
    """The output for a topic; empty if it does not exist."""
    with _AT_ONCE:
        done = run(["help", topic], state, LIMITS, good=(0, NOT_FOUND))
    if done.fault:
        raise NotReadable(f"`sensor help {topic}` failed: {done.fault}")
    return done.output.decode("utf-8", "replace") if done.code == 0 else ""

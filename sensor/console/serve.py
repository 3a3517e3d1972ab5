"""The process: a listening socket, uvicorn, and a notification once it is ready."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import uvicorn
from msgspec import structs
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool

from sensor.alerts.mutes import FILE as MUTES
from sensor.console.api.replies import Replies
from sensor.console.app import app_of
from sensor.console.assess import Assessing, Assessments
from sensor.console.configuration import Configuration
from sensor.console.hunt_files import HuntFiles
from sensor.console.languages import Languages
from sensor.console.listen_address import ListenAddress, bound, tls_of
from sensor.console.render import compile_templates
from sensor.console.reports import Reports
from sensor.console.rule_files import RuleFiles
from sensor.console.saved_views import SavedViews
from sensor.console.security.attempts import Attempts
from sensor.console.security.audit import Audit
from sensor.console.security.challenges import Challenges
from sensor.console.security.keys import Keys
from sensor.console.security.oidc_provider import Provider
from sensor.console.security.passkeys import Passkeys
from sensor.console.security.proxy import Proxy
from sensor.console.security.store import StateStore
from sensor.console.security.users import Users
from sensor.console.settings import Console, Shared
from sensor.console.sources import Sources, StateFolder
from sensor.console.stream import Streams
from sensor.console.threat_lists import Lists
from sensor.console.timeouts import HeaderTimeoutProtocol
from sensor.console.undo import Undo
from sensor.console.uploads import Uploads
from sensor.console.visits import Visits

# Limit of connections, beyond which clients get 503; seconds for idle ones; seconds for open streams at shutdown.
CONNECTIONS, IDLE_S, END_S = 512, 15, 2
HEAD_BYTES = 32 << 10
TICK_S = 5.0
# Seconds between two checks of the schedules of reports.
SCHEDULES_S = 30.0


def console_of(
    state: Path,
    place: ListenAddress,
    usual: str = "",
    assessing: Assessing | None = None,
    mutes: Path | None = None,
    config: Path | None = None,
    proxy: Proxy | None = None,
    oidc: Provider | None = None,
    languages: Languages | None = None,
    sources: Sources | None = None,
    shared: Shared | None = None,
) -> Console:
    """The state that requests share. ``mutes``: their file, if configured; ``config``: the configuration; ``proxy``:
    peers that may name users; ``oidc``: provider for logins; ``sources``, ``shared``: other than the state folder.
    Raises OSError or sqlite3.Error if the state folder cannot be written.
    """
    store, audit, undo, challenges, secret = shared or local(state)
    return Console(
        place, state, secret, sources or StateFolder(state, usual), Keys(store), audit, Attempts(), undo,
        Assessments(state, assessing or Assessing()), mutes or state / MUTES, SavedViews(store), Users(store),
        Passkeys(store), challenges, Uploads(state, config=config), Visits(store), Replies(),
        Configuration(config, state), Lists(state), RuleFiles(state, config), HuntFiles(state, config),
        Reports(state, config), proxy, oidc, languages or Languages(),
    )  # fmt: skip


def local(state: Path) -> Shared:
    """The state of one console, in its folder and in memory. Raises OSError or sqlite3.Error."""
    return Shared(StateStore(state), Audit(state), Undo(), Challenges(), secrets.token_bytes(32))


def serve(
    console: Console,
    ready: Callable[[ListenAddress], None],
    alive: Callable[[], None] = lambda: None,
    app: Callable[[Console], Starlette] = app_of,
) -> None:
    """Serve an application until SIGTERM or SIGINT. ``ready`` is called with the address once it listens; ``alive``
    every few seconds. Raises BadPlace, OSError.
    """
    place = console.place
    tls_of(place)
    listener = bound(place)
    if not place.path and place.port == 0:
        port = listener.getsockname()[1]
        place = place._replace(
            port=port, public=place.public[:-2] + f":{port}" if place.public.endswith(":0") else place.public
        )
    config = uvicorn.Config(
        app(structs.replace(console, place=place)),
        http=HeaderTimeoutProtocol, ws="none", loop="asyncio", log_level="warning", access_log=False,
        server_header=False, proxy_headers=False,
        limit_concurrency=CONNECTIONS, timeout_keep_alive=IDLE_S, timeout_graceful_shutdown=END_S,
        h11_max_incomplete_event_size=HEAD_BYTES, ssl_certfile=place.cert, ssl_keyfile=place.key,
    )  # fmt: skip
    try:
        ready(place)
        asyncio.run(_run(_Server(config), listener, alive, console))
    finally:
        listener.close()
        if place.path:
            Path(place.path).unlink(missing_ok=True)


class _Server(uvicorn.Server):
    """Ends its streams first: browsers would keep them open."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        Streams.ending = True
        super().handle_exit(sig, frame)


async def _run(server: uvicorn.Server, listener: socket.socket, alive: Callable[[], None], console: Console) -> None:
    compiled = run_in_threadpool(compile_templates, console.languages.wanted(""))
    beside = [asyncio.create_task(one) for one in (_watch(alive), _make_due(console.reports), compiled)]
    try:
        await server.serve(sockets=[listener])
    finally:
        for task in beside:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _make_due(reports: Reports) -> None:
    """Request the reports of schedules. A state folder that cannot be written is tried again."""
    while True:
        with contextlib.suppress(OSError):
            await run_in_threadpool(reports.begin_due, time.time())
        await asyncio.sleep(SCHEDULES_S)


async def _watch(alive: Callable[[], None]) -> None:
    """Feed the watchdog from within the event loop, which proves that the loop responds."""
    while True:
        alive()
        await asyncio.sleep(TICK_S)

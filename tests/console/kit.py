"""A console as a process, its clients (browser and program), and search functions for pages."""

from __future__ import annotations

import contextlib
import io
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sensor.cli.main import main
from sensor.console import child
from sensor.console.api.openapi import BASE
from tests.forked import Forking, started
from tests.waiting import TIMEOUT_S

# Of a page that shows the present though a past time was requested.
PRESENT_ALONE = '<p class="notice" role="note">The time '
# For clients of a console without TLS: each client would read the certificates of the system, in 20 ms of CPU time.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

ALL_CLEAR = ("No alert", "No open alerts", "0 alerts", "No known losses", "No open incidents", "No incidents")


def no_all_clear(text: str) -> None:
    assert not [sentence for sentence in ALL_CLEAR if sentence in text]


def output_of(*arguments: str) -> str:
    """The output of a command beside a running console. In this process: a child process takes seconds to start."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()) as errors:
        code = main(arguments)
    assert code == 0, errors.getvalue()
    return output.getvalue()


@contextlib.contextmanager
def commands_forked() -> Iterator[None]:
    """The confined commands of consoles that start meanwhile are forked, in place of two starts of Python for each.
    Memory is what they have beyond that of the console.
    """
    resident = child._resident
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "subprocess", Forking())
        patch.setattr(child, "_resident", lambda pid: resident(pid) - resident(os.getpid()))
        yield


class Running:
    """A running console. ``url``: its address; ``state``: its folder."""

    def __init__(self, state: Path, *arguments: str) -> None:
        self.state, at = state, arguments.index("--hub") if "--hub" in arguments else None
        # The users of a hub are in its database.
        self.users = ("--state", str(state)) if at is None else tuple(arguments[at : at + 2])
        listen = [] if "--listen" in arguments else ["--listen", "127.0.0.1:0"]
        command = [sys.executable, "-m", "sensor", "console", "--state", str(state), *listen, *arguments]
        self.process = started(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[1]
        self.link = self.process.stdout.readline().split()[-1]

    def login(self, name: str = "anna", scope: str = "write") -> str:
        """A one-time link, created by the command."""
        arguments = ("login", name, "--scope", scope, "--public-url", self.url)
        return output_of("console", *arguments, *self.users).splitlines()[0]

    def token(self, scope: str = "read", *arguments: str) -> str:
        made = output_of("console", "token", "program", "--scope", scope, *self.users, *arguments)
        return made.splitlines()[0]

    @contextlib.contextmanager
    def client(self, name: str = "anna", scope: str = "write") -> Iterator[httpx.Client]:
        """A browser that is logged in."""
        with httpx.Client(base_url=self.url, verify=NO_TLS, timeout=TIMEOUT_S) as client:
            assert client.post(self.login(name, scope), headers=FORM).status_code == 303
            yield client

    @contextlib.contextmanager
    def program(self) -> Iterator[httpx.Client]:
        """A program that uses the API, with a token."""
        headers = {"Authorization": f"Bearer {self.token()}"}
        with httpx.Client(base_url=self.url + BASE, headers=headers, verify=NO_TLS, timeout=TIMEOUT_S) as client:
            yield client

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(120)
        assert self.process.stdout is not None
        self.process.stdout.close()


def csrf_of(text: str) -> str:
    """The token in forms of a page."""
    found = re.search(r'name="csrf" value="([^"]+)"', text)
    assert found is not None
    return found[1]


def act(client: httpx.Client, **fields: str | list[str]) -> httpx.Response:
    """Sends the form of alerts as a page of this session does."""
    token = csrf_of(client.get("/alerts").text)
    return client.post("/alerts/act", data={"csrf": token, "verdict": "", "assignee": "", "text": "", **fields})

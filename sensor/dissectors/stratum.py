"""Stratum and similar protocols between cryptocurrency miners and their pools: JSON in lines over TCP on any port.

Reads the method, the program and the account: ``mining.…`` (Bitcoin, Zcash), ``eth_…`` (Ethereum), ``login`` and
``submit`` (Monero). There is no standard; the methods are those that pools document. The work itself is not read, and
the password, which is nearly always ``x``, is never stored. Other programs exchange lines of JSON too: a conversation
without any of these methods is ignored.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.lines import LineStream

TEXT_LIMIT = 128
LINES_LIMIT = 6  # of a connection without a known method
MESSAGES_LIMIT = 8
STARTS = (
    b'{"id":', b'{"id" :', b'{ "id"', b'{"jsonrp', b'{ "jsonr', b'{"method', b'{ "metho', b'{"params', b'{"worker',
    b'{"result', b'{"error"',
)  # fmt: skip
CLIENT_METHODS = frozenset(
    b"mining.subscribe mining.authorize mining.submit mining.extranonce.subscribe mining.configure "
    b"mining.get_transactions eth_submitLogin eth_login "
    b"eth_getWork eth_submitWork eth_submitHashrate getblocktemplate getwork keepalived getjob".split()
)
SERVER_METHODS = frozenset(b"mining.notify mining.set_difficulty mining.set_target mining.set_extranonce job".split())
_METHOD = lazy_pattern(rb'"method"\s{0,4}:\s{0,4}"([\w.]{1,40})"')
_LOGIN = lazy_pattern(rb'"login"\s{0,4}:\s{0,4}"([^"]{1,256})"')
_PASSWORD = lazy_pattern(rb'"pass"\s{0,4}:')
_AGENT = lazy_pattern(rb'"agent"\s{0,4}:\s{0,4}"([^"]{1,128})"')
_WORK = lazy_pattern(rb'"(?:job_id|nonce)"\s{0,4}:')
_FIRST = lazy_pattern(rb'"params"\s{0,4}:\s{0,4}\[\s{0,4}"([^"]{1,256})"')


class StratumRequest(Event):
    """A miner's request. ``agent``: its program, ``account``: receiver of the payout; either may be empty."""

    method: str
    agent: str
    account: str


class StratumWork(Event):
    """A pool assigns work."""

    method: str


class Stratum(Dissector):
    """The first lines of connections that begin like JSON; each call is one line in its own segment."""

    interest = Interest(starts=STARTS, stream=True, opening=2)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return StratumStream()


class StratumStream(LineStream):
    """One connection: done after a few calls, or if the first lines have none."""

    def __init__(self) -> None:
        super().__init__()
        self._lines = self._messages = 0

    def line(self, packet: Packet, line: bytes, from_client: bool) -> Iterator[Parsed]:
        found = _METHOD.search(line)
        event: Event | None = None
        if found is not None:
            method = found[1]
            event = _request(packet, method, line) if from_client or method in CLIENT_METHODS else None
            if event is None and method in SERVER_METHODS and (method != b"job" or _WORK.search(line)):
                event = StratumWork(packet, clean(method))
        self._lines += 1
        if event is not None:
            self._messages += 1
            yield event
        self.done = self._messages >= MESSAGES_LIMIT or (not self._messages and self._lines >= LINES_LIMIT)


def _request(packet: Packet, method: bytes, line: bytes) -> StratumRequest | None:
    """A miner's call; methods that other protocols also use count only with specific parameters."""
    login = _LOGIN.search(line)
    if method == b"login":
        if login is None or not _PASSWORD.search(line):
            return None
    elif method == b"submit":
        if not _WORK.search(line):
            return None
    elif method not in CLIENT_METHODS:
        return None
    agent, first = _AGENT.search(line), _FIRST.search(line)
    program = b""
    if agent:
        program = agent[1]
    elif first and method == b"mining.subscribe":
        program = first[1]
    account = b""
    if login:
        account = login[1]
    elif first and method in (b"mining.authorize", b"eth_submitLogin", b"eth_login"):
        account = first[1]
    return StratumRequest(packet, clean(method), clean(program, TEXT_LIMIT), clean(account, TEXT_LIMIT))

"""The rhythm of a miner and its pool, in the sizes and times of encrypted messages.

Whatever the coin, a Stratum session consists of three messages: the pool pushes jobs, which the miner does not answer;
the miner sends shares, which differ in their nonce only; the pool acknowledges each with a short message. Finding a
share is a Poisson process: the intervals between shares are exponentially distributed, so that their standard deviation
equals their mean, while telemetry is periodic. Servers that push messages in other protocols get acknowledgements
(MQTT, AMQP, chats), or push messages of many sizes; acknowledgements of publishers are a few bytes long.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from sensor.core.time_units import SECOND

CHECKS = (8, 12, 16, 24, 32, 48)  # numbers of client messages at which the session is assessed
RECORDS_LIMIT = 200
PUSHES_LIMIT = 40  # of a session with fewer than 4 client messages
LARGEST = 8_192  # bytes of a message: certificates; a solution of Equihash has 2,700
SHARES, JOBS = 8, 4
SAME = 16  # bytes by which messages of one kind differ: counters in decimal digits, padding to blocks
SHARE_SIZES, ANSWER_SIZES, JOB_LEAST = (96, 4_000), (48, 200), 150
JOBS_ALIKE = 0.15  # share of the size by which jobs differ: the transactions of a block
REPLY, REACTION = 2 * SECOND, SECOND // 2  # within which a share is acknowledged, and a push would be
SPREAD = (0.45, 2.5)
LONG = 60 * SECOND


class Message(NamedTuple):
    """One encrypted message: time (ns), direction, and its size in bytes with protection."""

    ts: int
    from_client: bool
    size: int


class MiningWork(NamedTuple):
    """What was recognized: numbers and sizes (bytes) of jobs and shares, size of an acknowledgement, and the standard
    deviation of the intervals between shares divided by their mean.
    """

    jobs: int
    job_size: int
    shares: int
    share_size: int
    answer_size: int
    spread: float


class MiningSession:
    """The messages of one session. ``over``: it is no mining session, or it was assessed often enough."""

    __slots__ = ("_messages", "_sent", "over")

    def __init__(self) -> None:
        self._sent = 0
        self._messages: list[Message] = []
        self.over = False

    def add(self, message: Message) -> MiningWork | None:
        """Add the next message; the result, once the session is recognized."""
        self._messages.append(message)
        self._sent += message.from_client
        known, sent = len(self._messages), self._sent
        self.over = message.size > LARGEST or known >= RECORDS_LIMIT or (known >= PUSHES_LIMIT and sent < JOBS)
        if not message.from_client or sent not in CHECKS or self.over:
            return None
        found = work_of(self._messages)
        may = _may_be_shares([one.size for one in self._messages if one.from_client])
        self.over = found is not None or sent == CHECKS[-1] or not may
        return found


def work_of(messages: Sequence[Message]) -> MiningWork | None:
    """The jobs and shares among these messages, if they explain nearly all of them."""
    sent = [one for one in messages if one.from_client]
    size = _usual([one.size for one in sent])
    shares = [at for at, one in enumerate(messages) if one.from_client and abs(one.size - size) <= SAME]
    answers = [answer.size for at in shares[:-1] if (answer := _answer(messages, at)) is not None]
    acknowledged = _usual(answers)
    pushed = [at for at, one in enumerate(messages) if not one.from_client and abs(one.size - acknowledged) > SAME]
    job = statistics.median_low([messages[at].size for at in pushed] or [0])
    jobs = [at for at in pushed if abs(messages[at].size - job) <= JOBS_ALIKE * job]
    spread = _spread([messages[at].ts for at in shares])
    fits = (
        len(shares) >= max(SHARES, 0.8 * len(sent))
        and SHARE_SIZES[0] <= size <= SHARE_SIZES[1]
        and sum(abs(one - acknowledged) <= SAME for one in answers) >= 0.8 * (len(shares) - 1)
        and ANSWER_SIZES[0] <= acknowledged <= min(ANSWER_SIZES[1], 0.8 * size)
        and len(jobs) >= max(JOBS, 0.75 * len(pushed))
        and job >= max(JOB_LEAST, 2 * acknowledged)
        and sum(_replied(messages, at) for at in jobs) <= 0.4 * len(jobs)
        and SPREAD[0] <= spread <= SPREAD[1]
        and messages[-1].ts - messages[0].ts >= LONG
    )
    return MiningWork(len(jobs), job, len(shares), size, acknowledged, spread) if fits else None


def _usual(sizes: Sequence[int]) -> int:
    """The size to which most sizes are the same; 0 if there are none."""
    return max(sizes, key=lambda size: sum(abs(one - size) <= SAME for one in sizes), default=0)


def _may_be_shares(sizes: Sequence[int]) -> bool:
    """Whether at least half of the sizes are the same, and possible for shares."""
    usual = _usual(sizes)
    alike = sum(abs(one - usual) <= SAME for one in sizes)
    return SHARE_SIZES[0] <= usual <= SHARE_SIZES[1] and 2 * alike >= len(sizes)


def _answer(messages: Sequence[Message], at: int) -> Message | None:
    """The next message of the server, if it comes in time."""
    for one in messages[at + 1 :]:
        if one.ts - messages[at].ts > REPLY:
            return None
        if not one.from_client:
            return one
    return None


def _replied(messages: Sequence[Message], at: int) -> bool:
    """Whether the client reacted to a message of the server immediately."""
    after = messages[at + 1] if at + 1 < len(messages) else None
    return after is not None and after.from_client and after.ts - messages[at].ts <= REACTION


def _spread(times: Sequence[int]) -> float:
    """Standard deviation of the intervals divided by their mean; 0 if there are too few."""
    gaps = [after - before for before, after in itertools.pairwise(times)]
    mean = statistics.fmean(gaps) if len(gaps) > 1 else 0.0
    return statistics.stdev(gaps) / mean if mean else 0.0

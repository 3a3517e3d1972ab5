"""JSON responses of a NATS server: to stored messages, and to requests about a stream or a login."""

from __future__ import annotations

from typing import Any

import msgspec

from sensor.core.reader import clean

ANSWER_LIMIT = 200


class Error(msgspec.Struct):
    """Why a server rejected a request."""

    code: int = 0
    err_code: int = 0
    description: str = ""


class Stored(msgspec.Struct):
    """The response of a stream to a message."""

    stream: str = ""
    seq: int = 0
    duplicate: bool = False
    error: Error | None = None


class Rights(msgspec.Struct):
    """Subjects that may be published to; without a list of allowed ones, all but the denied ones."""

    allow: list[str] | None = None
    deny: list[str] | None = None

    def allows(self, subject: str) -> bool:
        return (self.allow is None or any(covers(each, subject) for each in self.allow)) and not any(
            covers(each, subject) for each in self.deny or ()
        )


class Permissions(msgspec.Struct):
    """Permissions of a login."""

    publish: Rights = msgspec.field(default_factory=Rights)


class User(msgspec.Struct):
    """Our user at the server."""

    permissions: Permissions = msgspec.field(default_factory=Permissions)


class UserAnswer(msgspec.Struct):
    """The response to a request for our user."""

    data: User = msgspec.field(default_factory=User)


class Stream(msgspec.Struct):
    """The response to a request for a stream."""

    config: dict[str, Any] = {}
    error: Error | None = None


def covers(pattern: str, subject: str) -> bool:
    """Whether a subject matches a pattern: ``*`` matches one token, ``>`` all remaining tokens."""
    words = subject.split(".")
    for place, part in enumerate(pattern.split(".")):
        if part == ">":
            return len(words) > place
        if place >= len(words) or part not in ("*", words[place]):
            return False
    return len(words) == pattern.count(".") + 1


def reason_of(error: Error) -> str:
    return clean(error.description, ANSWER_LIMIT) or f"error {error.code}"

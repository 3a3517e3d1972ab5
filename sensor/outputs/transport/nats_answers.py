"""The answers of a NATS server, in JSON: to a message that was stored, and to questions about a stream or a login."""

from __future__ import annotations

from typing import Any

import msgspec

from sensor.core.reader import clean

ANSWER_LIMIT = 200


class Error(msgspec.Struct):
    """Why a server did not do what it was asked."""

    code: int = 0
    err_code: int = 0
    description: str = ""


class Stored(msgspec.Struct):
    """The answer of a stream to a message."""

    stream: str = ""
    seq: int = 0
    duplicate: bool = False
    error: Error | None = None


class Rights(msgspec.Struct):
    """Subjects that may be published to; no list of those allowed: all but those denied."""

    allow: list[str] | None = None
    deny: list[str] | None = None

    def allows(self, subject: str) -> bool:
        return (self.allow is None or any(covers(each, subject) for each in self.allow)) and not any(
            covers(each, subject) for each in self.deny or ()
        )


class Permissions(msgspec.Struct):
    """What a login may do."""

    publish: Rights = msgspec.field(default_factory=Rights)


class User(msgspec.Struct):
    """Who we are to the server."""

    permissions: Permissions = msgspec.field(default_factory=Permissions)


class UserAnswer(msgspec.Struct):
    """The answer to the question who we are."""

    data: User = msgspec.field(default_factory=User)


class Stream(msgspec.Struct):
    """The answer to a question about a stream."""

    config: dict[str, Any] = {}
    error: Error | None = None


def covers(pattern: str, subject: str) -> bool:
    """Whether a subject matches a pattern: ``*`` stands for a token, ``>`` for all tokens from there on."""
    words = subject.split(".")
    for place, word in enumerate(pattern.split(".")):
        if word == ">":
            return len(words) > place
        if place >= len(words) or word not in ("*", words[place]):
            return False
    return len(words) == pattern.count(".") + 1


def reason_of(error: Error) -> str:
    return clean(error.description, ANSWER_LIMIT) or f"error {error.code}"

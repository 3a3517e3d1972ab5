"""SMTP of the standard library over a given connection, with limits on responses, and errors mapped to
Retry or BatchRejected.
"""

from __future__ import annotations

import base64
import contextlib
import re
import smtplib
import socket
from collections.abc import Mapping
from typing import Any, NoReturn

from sensor.core.output import BatchRejected, Retry
from sensor.core.reader import clean
from sensor.outputs.transport.connect import reason_of
from sensor.outputs.transport.secrets import Secret

ANSWER_LIMIT, LINES_LIMIT = 200, 100
TOO_LARGE, NO_LOGIN = (552, 523), (530, 534, 535, 538)


class Client(smtplib.SMTP):
    """The client of the standard library over a given connection, with limits on responses."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(local_hostname=re.sub(r"[^A-Za-z0-9.-]", "", socket.gethostname())[:253] or "sensor")
        self.sock: socket.socket | None = connection

    def greet(self) -> None:
        code, reply = self.getreply()
        if code != 220:
            raise smtplib.SMTPConnectError(code, reply)

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Lines(self.sock.makefile("rb"))
        return super().getreply()

    def detach(self) -> socket.socket:
        """The connection without its client. Drops data that the server has already sent, which prevents command
        injection before TLS.
        """
        connection, self.sock = self.sock, None
        if connection is None:
            raise smtplib.SMTPServerDisconnected("it closed the connection")
        return connection

    def leave(self) -> None:
        """Send QUIT and close. Never raises."""
        with contextlib.suppress(smtplib.SMTPException, OSError, ValueError):
            if self.sock is not None:
                self.sock.settimeout(1)
                self.quit()
        self.close()


class _Lines:
    """A file of response lines with a limited number of lines per response."""

    def __init__(self, file: Any) -> None:
        self._file, self._count = file, 0

    def readline(self, size: int) -> bytes:
        line: bytes = self._file.readline(size)
        self._count = self._count + 1 if line[3:4] == b"-" else 0
        if self._count > LINES_LIMIT:
            raise OSError("an incomplete answer")
        return line

    def close(self) -> None:
        self._file.close()


def log_in(client: Client, user: str, password: Secret) -> None:
    """Log in. Raises Retry on failure, with the server's text unless it repeats the secret."""
    secret = password.reveal()
    try:
        client.login(user, secret)
    except smtplib.SMTPAuthenticationError as error:
        reply = clean(error.smtp_error, 1024)
        secrets = (
            secret,
            base64.b64encode(secret.encode()).decode(),
            base64.b64encode(f"\0{user}\0{secret}".encode()).decode(),
        )
        shown = (
            "in a message that contains the password" if any(one in reply for one in secrets) else reply[:ANSWER_LIMIT]
        )
        raise Retry(f"the login of {user} was rejected: {error.smtp_code} {shown}") from None
    except smtplib.SMTPNotSupportedError:
        raise Retry("the server accepts no login here: check port and security, or remove user and password") from None
    except UnicodeError:
        raise Retry(f"user and the password in {password} must be ASCII (SMTP)") from None


def answers(turned_down: Mapping[str, tuple[int, bytes]]) -> str:
    text = "; ".join(
        f"{address}: {code} {clean(reply, ANSWER_LIMIT)}" for address, (code, reply) in turned_down.items()
    )
    return text[: 2 * ANSWER_LIMIT]


def raise_outcome(error: Exception, place: str, timeout_s: float) -> NoReturn:
    """Raise BatchRejected if the content was rejected permanently, Retry for all else."""
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        raise Retry(f"{place}: no answer within {timeout_s:g} s") from None
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        raise Retry(f"{place} rejected all recipients: {answers(error.recipients)}") from None
    if not isinstance(error, smtplib.SMTPResponseException):
        raise Retry(f"{place}: connection lost: {reason_of(error)}") from None
    code, reply = error.smtp_code, clean(error.smtp_error, ANSWER_LIMIT)
    if code < 0:
        raise Retry(f"{place} is not an SMTP server: {reply}") from None
    about_content = isinstance(error, smtplib.SMTPDataError) and code not in NO_LOGIN
    if code >= 500 and (about_content or code in TOO_LARGE):
        raise BatchRejected(f"{code} {reply}") from None
    turned_down = f"rejects the sender {error.sender}: " if isinstance(error, smtplib.SMTPSenderRefused) else "answers "
    raise Retry(f"{place} {turned_down}{code} {reply}") from None

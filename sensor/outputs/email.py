"""E-mail over SMTP (RFC 5321): one message per batch, a digest of its records, with STARTTLS, TLS or without
encryption, and a login if the server requires one.

The subject describes the most severe record. A repeated message has the same Message-ID, derived from the ids of the
first and the last record, so that mail programs show it once. A message is delivered once the server has accepted it;
whether it reaches a mailbox is unknown.

After a rejected login, sender or recipient the batch waits for a change of the configuration; a message whose content
is permanently rejected goes to the dead letter queue. If only some recipients are rejected, the others have received
the message: temporarily rejected recipients are retried for some time, then the records also go to the dead letter
queue.

Not supported: OAuth, non-ASCII addresses.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import Annotated, Any, Literal

from sensor.core.model import Check, Field
from sensor.core.output import Ack, Entry, Filter, Finding, Level, Output, Retry
from sensor.core.output import Options as CommonOptions
from sensor.core.reader import clean
from sensor.outputs._email_body import page, plain, subject
from sensor.outputs._probe import probe, probe_tls
from sensor.outputs._smtp import ANSWER_LIMIT, Client, answers, log_in, raise_outcome
from sensor.outputs.transport.connect import connect, reach, resolve, secure
from sensor.outputs.transport.secrets import Secret
from sensor.outputs.transport.tls import Tls

PORTS = {"starttls": 587, "tls": 465, "none": 25}
# How long busy recipients get the same mail again, and number of mails for which they are remembered.
RETRY_S, REMEMBERED = 900.0, 8

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError(f"found {text!r}, expected an address such as soc@example.com")
    return text


Address = Annotated[str, Check(_address)]


class Options(CommonOptions):
    """``host``: the mail server; ``port``: port (default: 587 with STARTTLS, 465 with TLS, otherwise 25); ``security``:
    encryption of the connection; ``user``, ``password``: login, if the server requires one; ``sender``: sender address;
    ``recipients``: recipient addresses; ``subject``: prefix of subjects. A digest contains the records of ``batch_ms``.
    Alerts and incidents from severity high are sent, unless ``filter`` is given.
    """

    host: str = Field(min_length=1, max_length=253)
    port: int = Field(0, ge=0, le=65_535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    tls: Tls = Tls()
    user: str = ""
    password: Secret | None = None
    sender: Address
    recipients: list[Address] = Field(min_length=1, max_length=50)
    subject: str = Field("[sensor]", max_length=64)
    filter: Filter = Filter(kinds=["alert", "incident"], severity="high")
    batch_events: int = Field(100, ge=1, le=1000)
    batch_ms: int = Field(30_000, ge=0, le=60_000)
    timeout_s: float = Field(60, gt=0, le=600)

    def check_whole(self, context: Any) -> None:
        if bool(self.user) != (self.password is not None):
            raise ValueError("expected both user and password, or none")
        if self.password is not None and self.security == "none":
            raise ValueError(
                "found a password without security, expected starttls or tls: it would be sent in cleartext"
            )


class Email(Output):
    """One connection for each mail; ``open`` makes that of the first."""

    Options = Options
    title = "E-mail"
    traffic = False
    formats = ("native",)
    guarantee = "at_least_once"

    def __init__(self, name: str, options: Any) -> None:
        super().__init__(name, options)
        self._client: Client | None = None
        # Message-ID → recipients that do not have it yet, and the end of their retries.
        self._missing: dict[str, tuple[list[str], float]] = {}

    def open(self) -> None:
        self.close()
        with self._outcomes():
            self._client = self._connected()

    def check(self) -> Iterator[Finding]:
        options, host, port = self.options, self.options.host, self._port
        for finding in probe(host, port, options.tls if options.security == "tls" else None, options.timeout_s):
            yield finding
            if finding.level == "error":
                return
        if options.security == "starttls":
            yield (finding := probe_tls(self._before_tls, host, options.tls, options.timeout_s))
            if finding.level == "error":
                return
        try:
            self.open()
            yield Finding(
                "auth",
                "ok",
                f"logged in as {options.user}"
                if options.user
                else "the server accepts the connection; no login is configured",
            )
            yield from self._check_addresses()
        except Retry as error:
            yield Finding("auth", "error", error.args[0])
        finally:
            self.close()

    def send(self, entries: Sequence[Entry]) -> Ack:
        mail = compose(entries, self.options)
        key = str(mail["Message-ID"])
        recipients, retry_end = self._missing.get(key, (list(self.options.recipients), time.monotonic() + RETRY_S))
        with self._outcomes():
            try:
                turned_down = self._ready().sendmail(self.options.sender, recipients, mail.as_bytes())
            except smtplib.SMTPRecipientsRefused as error:
                if key not in self._missing:
                    raise
                turned_down = error.recipients
        self.close()
        return self._check_answer(key, turned_down, retry_end, len(entries))

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.leave()

    # Delivery of a mail.

    def _check_answer(
        self, key: str, turned_down: Mapping[str, tuple[int, bytes]], retry_end: float, count: int
    ) -> Ack:
        """Result for a mail that some recipients rejected and at least one accepted."""
        self._missing.pop(key, None)
        if not turned_down:
            return Ack()
        reply = answers(turned_down)
        busy = [address for address, (code, _) in turned_down.items() if code < 500]
        if busy and time.monotonic() < retry_end:
            self._missing[key] = (list(turned_down), retry_end)
            while len(self._missing) > REMEMBERED:
                del self._missing[next(iter(self._missing))]
            raise Retry(f"not all recipients accepted the mail: {reply}")
        return Ack(dict.fromkeys(range(count), f"delivered to some recipients, but not {reply}"))

    def _check_addresses(self) -> Iterator[Finding]:
        """Verify sender and recipients without sending."""
        try:
            with self._outcomes():
                client = self._ready()
                requested = [("sender", self.options.sender, *client.mail(self.options.sender))]
                requested += [
                    ("recipient", each, *client.rcpt(each)) for each in self.options.recipients if requested[0][2] < 400
                ]
                client.rset()
        except Retry as error:
            yield Finding("permission", "error", error.args[0])
            return
        for role, address, code, reply in requested:
            level: Level = "ok" if 200 <= code < 400 else "warning" if 400 <= code < 500 else "error"
            yield Finding("permission", level, f"the {role} {address}: {code} {clean(reply, ANSWER_LIMIT)}")

    def _ready(self) -> Client:
        """The connection if it is still open, or a new one."""
        if self._client is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                if self._client.noop()[0] == 250:
                    return self._client
            self.close()
        self._client = self._connected()
        return self._client

    # Connections.

    @property
    def _port(self) -> int:
        return int(self.options.port or PORTS[self.options.security])

    def _connected(self) -> Client:
        options = self.options
        if options.security == "starttls":
            client = Client(secure(self._before_tls, options.host, options.tls, options.timeout_s))
        else:
            client = Client(
                connect(options.host, self._port, options.tls if options.security == "tls" else None, options.timeout_s)
            )
        try:
            if options.security != "starttls":
                client.greet()
            client.ehlo_or_helo_if_needed()
            if options.password is not None:
                log_in(client, options.user, options.password)
        except BaseException:
            client.leave()
            raise
        return client

    def _before_tls(self) -> socket.socket:
        """A connection that is ready for TLS."""
        options = self.options
        client = Client(reach(resolve(options.host, self._port), options.host, self._port, options.timeout_s))
        with self._outcomes(), contextlib.closing(client):
            client.greet()
            client.ehlo()
            code, reply = (
                client.docmd("STARTTLS") if client.has_extn("starttls") else (502, b"it is not among what it offers")
            )
            if code != 220:
                raise Retry(f"{options.host} port {self._port} does not support STARTTLS: {clean(reply, ANSWER_LIMIT)}")
            return client.detach()

    @contextlib.contextmanager
    def _outcomes(self) -> Iterator[None]:
        """Map SMTP errors to Retry or BatchRejected. Any error closes the connection."""
        try:
            yield
            return
        except Retry:
            self.close()
            raise
        except (smtplib.SMTPException, OSError, ValueError) as error:
            self.close()
            raise_outcome(error, f"{self.options.host} port {self._port}", self.options.timeout_s)


def compose(entries: Sequence[Entry], options: Options) -> EmailMessage:
    """The mail for a batch. Both bodies have the same content."""
    records = [entry.record for entry in entries]
    mail = EmailMessage(SMTP)
    mail["From"], mail["To"] = options.sender, ", ".join(options.recipients)
    mail["Subject"] = subject(records, options.subject)
    mail["Date"] = formatdate(time.time())
    mail["Message-ID"] = f"<{entries[0].id}.{entries[-1].id}@{options.sender.rpartition('@')[2]}>"
    # Suppress automatic replies (RFC 3834).
    mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"] = "auto-generated", "All"
    mail.set_content(plain(records), cte="quoted-printable")
    mail.add_alternative(page(records), subtype="html", cte="quoted-printable")
    return mail

"""A RabbitMQ channel with publisher confirms for whole batches. The client library runs only while the output waits: it
needs no thread.

Heartbeats are off, since none would be answered between two batches: TCP keepalives maintain the connection, and the
timeout of the next batch detects a dead peer.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any

from sensor.core.output import BatchRejected, Retry
from sensor.core.reader import clean

ANSWER_LIMIT = 200
PRECONDITION_FAILED, CONTENT_TOO_LARGE = 406, 311
CLOSE_TIMEOUT_S = 2.0
# The library's error if the peer ends the connection.
END_OF_STREAM = "Transport indicated EOF"
KEEPALIVE_S = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}

Message = tuple[str, str, bytes, Any]
"""Exchange, routing key, body and properties, which have an id."""


def library() -> Any:
    """The client library, with its logging of lost connections disabled. Raises Retry if it is not installed."""
    try:
        found = importlib.import_module("pika")
    except ImportError:
        raise Retry("AMQP needs the package pika: pip install 'passive-network-sensor[amqp]'") from None
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    return found


class Line:
    """One connection with one channel. Methods return within the timeout, and raise Retry if the broker does not
    respond or rejects the request.
    """

    def __init__(self, parameters: Any, timeout_s: float) -> None:
        """Connects."""
        pika = library()
        self._timeout_s = timeout_s
        self._fault: BaseException | None = None
        self._blocked = ""
        self._closed = False
        self._received, self._tag = 0, 0
        # Unconfirmed messages: delivery tag → index in the batch; and rejected indexes, with the reason.
        self._waiting: dict[int, int] = {}
        self._places: dict[str, int] = {}
        self._left: dict[int, str] = {}
        self._done: Callable[[], bool] = lambda: True
        self._channel: Any = None
        self._loop = importlib.import_module("pika.adapters.select_connection").IOLoop()
        self._connection = pika.SelectConnection(
            parameters,
            on_open_callback=self._opened,
            on_open_error_callback=self._lost,
            on_close_callback=self._lost,
            custom_ioloop=self._loop,
        )
        try:
            self._until(lambda: self._channel is not None)
        except Retry:
            self.close()
            raise

    def call(self, question: Callable[..., Any]) -> None:
        """Send a request to the channel (``queue_declare``, for example) and wait for the response. ``question`` gets
        the channel and the callback.
        """
        answers: list[Any] = []

        def answered(answer: Any) -> None:
            answers.append(answer)
            self._progressed()

        question(self._channel, answered)
        self._until(lambda: bool(answers))

    def publish(self, messages: Sequence[Message], *, mandatory: bool) -> dict[int, str]:
        """Publish all and wait for their confirms. Returns indexes of rejected messages, with the broker's reason."""
        self._look()
        self._left, self._places, self._waiting = {}, {}, {}
        for place, (exchange, key, body, properties) in enumerate(messages):
            self._tag += 1
            self._waiting[self._tag] = place
            self._places[properties.message_id] = place
            self._channel.basic_publish(exchange, key, body, properties, mandatory)
        self._until(lambda: not self._waiting)
        return self._left

    def close(self) -> None:
        """Close in order if the peer responds; otherwise abort the connection."""
        if self._closed:
            return
        self._closed = True
        if self._connection.is_open:
            self._connection.close()
            self._run(lambda: bool(self._connection.is_closed), CLOSE_TIMEOUT_S)
        if not self._connection.is_closed:
            # No public method closes without the peer.
            self._connection._terminate_stream(ConnectionError("cut"))  # noqa: SLF001
            self._run(lambda: bool(self._connection.is_closed), CLOSE_TIMEOUT_S)
        self._loop.close()

    # Callbacks of the library.

    def _opened(self, connection: Any) -> None:
        connection.add_on_connection_blocked_callback(self._block)
        connection.add_on_connection_unblocked_callback(self._unblock)
        connection.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel: Any) -> None:
        channel.add_on_close_callback(self._lost)
        channel.add_on_return_callback(self._returned)
        channel.confirm_delivery(self._confirmed, callback=lambda _: self._ready(channel))

    def _ready(self, channel: Any) -> None:
        self._channel = channel
        self._progressed()

    def _confirmed(self, frame: Any) -> None:
        method = frame.method
        # In the order in which they were sent.
        tags = (
            list(takewhile(lambda tag: tag <= method.delivery_tag, self._waiting))
            if method.multiple
            else [method.delivery_tag]
        )
        for tag in tags:
            place = self._waiting.pop(tag, None)
            if place is not None and method.NAME == "Basic.Nack":
                self._left[place] = "the broker did not accept it (a queue is full or failed)"
        self._progressed()

    def _returned(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        """A message that no queue accepts is returned before its confirm."""
        place = self._places.get(properties.message_id)
        if place is not None:
            key, text = clean(method.routing_key, 64), clean(method.reply_text, 64)
            self._left[place] = (
                f"no queue is bound to the exchange {method.exchange or '(default)'} for {key} ({text}): bind "
                "one, or set `queue`"
            )
        self._progressed()

    def _block(self, connection: Any, method: Any) -> None:
        self._blocked = clean(str(method.method.reason), ANSWER_LIMIT)

    def _unblock(self, connection: Any, method: Any) -> None:
        self._blocked = ""

    def _lost(self, what: Any, error: Any) -> None:
        self._fault = self._fault or (error if isinstance(error, BaseException) else ConnectionError(str(error)))
        self._progressed()

    # Waiting.

    def _progressed(self) -> None:
        self._received += 1
        if self._fault is not None or self._done():
            self._loop.stop()

    def _until(self, done: Callable[[], bool]) -> None:
        """Run until ``done``. Raises Retry or BatchRejected if the connection is lost, or silent for too long."""
        self._run(lambda: done() or self._fault is not None, self._timeout_s)
        self._look()
        if not done():
            raise Retry(
                f"AMQP: the broker blocks publishing now: {self._blocked}"
                if self._blocked
                else f"AMQP: no answer within {self._timeout_s:g} s"
            )

    def _run(self, done: Callable[[], bool], seconds: float) -> None:
        """Run the library until ``done``, or until nothing is received for this many seconds."""
        self._done, received = done, -1
        while not done() and received != self._received:
            received = self._received
            timer = self._loop.call_later(seconds, self._loop.stop)
            self._loop.start()
            self._loop.remove_timeout(timer)

    def _look(self) -> None:
        """Raises Retry if the connection is lost, BatchRejected if our message was the reason."""
        error = self._fault
        if error is None:
            return
        code = getattr(error, "reply_code", 0)
        if code == CONTENT_TOO_LARGE or (code == PRECONDITION_FAILED and "size" in str(error)):
            raise BatchRejected(f"AMQP: {reason_of(error)}")
        raise Retry(f"AMQP: {reason_of(error)}")


def reason_of(error: BaseException) -> str:
    """The broker's text, or that of the library's innermost error."""
    while True:
        inner = getattr(error, "exceptions", None) or (*error.args, getattr(error, "exception", None))
        found = next((one for one in reversed(inner) if isinstance(one, BaseException)), None)
        if found is None:
            break
        error = found
    code, text = getattr(error, "reply_code", None), getattr(error, "reply_text", None)
    if END_OF_STREAM in str(error):
        return "it closed the connection"
    return clean(f"{text} ({code})" if text else str(error) or type(error).__name__, ANSWER_LIMIT)

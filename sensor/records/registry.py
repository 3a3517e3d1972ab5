"""The event classes of recorded messages, for the engine only: the writer does not import them."""

from __future__ import annotations

import functools
import importlib

from sensor.core.event import Event
from sensor.records.messages import Message


@functools.cache
def class_of(message: Message) -> type[Event]:
    """The event class of a recorded message."""
    module, _, name = message.event.partition(":")
    found: type[Event] = getattr(importlib.import_module(module), name)
    return found

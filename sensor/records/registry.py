"""The event classes of recorded messages, for the engine's side: the writer does without them."""

from __future__ import annotations

import functools
import importlib

from sensor.core.event import Event
from sensor.records.messages import Message


@functools.cache
def class_of(message: Message) -> type[Event]:
    """The class whose events are recorded in this form."""
    module, _, name = message.event.partition(":")
    found: type[Event] = getattr(importlib.import_module(module), name)
    return found

"""Templates of the console, compiled once for all consoles that a process forks: each console would compile those of
its pages again, in 0.15 seconds of CPU time.
"""

from __future__ import annotations

import functools

import jinja2
from jinja2.bccache import Bucket

from sensor.console import render
from sensor.console.languages import ENGLISH, Language, Languages


class Compiled(jinja2.BytecodeCache):
    """In memory."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self._code.get(bucket.key):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


def compile_templates() -> None:
    """Compiles all templates in English for the forked processes of this one. Translated ones have other texts."""
    cache, made = Compiled(), render._environment.__wrapped__

    def environment(language: Language) -> jinja2.Environment:
        found = made(language)
        if not language.messages:
            found.bytecode_cache = cache
        return found

    render._environment = functools.cache(environment)
    render.compile_templates(Languages().known[ENGLISH])

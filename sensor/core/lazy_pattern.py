"""Regular expressions that are compiled on first use: compiling all of a program's takes longer than a small replay."""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast

_METHODS = ("search", "match", "fullmatch", "finditer", "findall", "sub", "split")


class _Lazy:
    """Takes the methods of the compiled expression at the first access of one; later calls cost the same as with it."""

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        # As ``re.compile`` states it; flags within an expression are not known yet.
        unicode = isinstance(pattern, str) and not flags & re.ASCII
        self.pattern, self.flags = pattern, flags | re.UNICODE if unicode else flags

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copy and pickle look for methods before the object is complete
            raise AttributeError(name)
        compiled = re.compile(self.pattern, self.flags)
        for method in _METHODS:
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def lazy_pattern(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Like ``re.compile``, but compiled on first use. An invalid expression raises ``re.error`` then: tests compile
    all.
    """
    return cast("re.Pattern[AnyStr]", _Lazy(text, flags))

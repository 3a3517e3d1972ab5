"""Exit codes. The same condition has the same code in every command; docs/exit-codes.md lists them."""

from __future__ import annotations

DONE = 0
# What is named is not known, or a check or a transfer found something wrong.
NOT_FOUND = 1
# Wrong arguments or configuration.
USAGE = 2
# Nothing to read; or a file, an interface or a destination cannot be opened, read or written.
NOT_OPENED = 3
NOT_PERMITTED = 4
# A sensor runs, and its status reports a fault.
UNWELL = 5
# The dataset lacks a part that was asked for: what is not known is printed as unknown.
INCOMPLETE = 6
INTERRUPTED = 130


class Stop(Exception):
    """The command ends here with an exit code; the text says why, on standard error. Without one it was said already."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(message)
        self.code, self.message = code, message

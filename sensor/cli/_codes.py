"""Exit codes. The same condition has the same code in every command; docs/exit-codes.md lists them."""

from __future__ import annotations

DONE = 0
# A name is unknown, or a check or a transfer failed.
NOT_FOUND = 1
# Invalid arguments or configuration.
USAGE = 2
# Nothing to read; or a file, an interface or a destination cannot be opened, read or written.
NOT_OPENED = 3
NOT_PERMITTED = 4
# A sensor runs, and its status reports a fault.
UNHEALTHY = 5
# The dataset lacks a requested part: unknown values are printed as unknown.
INCOMPLETE = 6
INTERRUPTED = 130
EXIT_CODES = {
    DONE: "done",
    NOT_FOUND: "not found, or a check or a transfer found faults",
    USAGE: "wrong usage or configuration",
    NOT_OPENED: "nothing to read, or a file or an interface could not be opened",
    NOT_PERMITTED: "no permission",
    UNHEALTHY: "the sensor reports a fault (status)",
    INCOMPLETE: "a part of the data is missing and is reported as unknown",
    INTERRUPTED: "interrupted",
}


class Exit(Exception):
    """Ends a command with an exit code. The message and its error code go to standard error; without a message, it was
    printed before.
    """

    def __init__(self, code: int, message: str = "", *, error: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.error = code, message, error

"""Programs of the project as processes of their own, forked from the process of the test, which has imported their
modules.

``python -m sensor`` takes up to a second of CPU time to start, mostly for imports; its fork takes a few milliseconds.
Standard streams, arguments, environment, working directory, signals and exit code are those of a program. A test of
closed streams, of Python's options or of memory starts the program itself. So does a process with several threads: what
another thread has locked at the moment of a fork, in SQLite for example, stays locked in the new process for ever.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import random
import runpy
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

from sensor.cli.main import commands, names
from sensor.fingerprinting import oui
from sensor.report.pdf import NoPdf, writer
from tests.sharing import alone

# What a command of `sensor` imports once it runs.
IMPORTS: dict[str, Sequence[str]] = {
    "replay": ("sensor.records.process", "sensor.records.writer", "sensor.records.upkeep"),
    "console": ("sensor.console.serve", "uvicorn.lifespan.on", "anyio._backends._asyncio", "sensor.posture.latest"),
    "hunt": ("sensor.records.query_process", "duckdb"),
    "report": ("sensor.cli._report_write",),
}
# Signals that a program finds as the system sets them, whatever the process of the test does with them.
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD, signal.SIGWINCH)
# Exit code of a program that cannot write its last output, as of Python.
UNWRITTEN = 120


def load() -> None:
    """Imports the modules of all commands and what writes PDF, and compiles the templates of the console. A process
    that forks others does it once for all.
    """
    commands(names())
    for name in chain.from_iterable(IMPORTS.values()):
        with contextlib.suppress(ImportError):  # an extra is not installed
            importlib.import_module(name)
    with contextlib.suppress(NoPdf):
        writer()
    with contextlib.suppress(ImportError):
        importlib.import_module("tests.console.compiled").compile_templates()


def started(command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """As ``subprocess.Popen``, for ``python -m MODULE ...``. ``first``: called in the process before the program."""
    return subprocess.Popen(command, **_forking(command, **options))


def run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[Any]:
    """As ``subprocess.run``, for ``python -m MODULE ...``. ``first``: see ``started``."""
    return subprocess.run(command, check=options.pop("check", False), **_forking(command, **options))


class Forking:
    """In place of the module ``subprocess`` in a module of the sensor: the programs of the sensor that it starts are
    forked as well.
    """

    run, Popen = staticmethod(run), staticmethod(started)

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)


def _forking(command: Sequence[str], **options: Any) -> dict[str, Any]:
    """Options of Popen with which the forked process becomes the program, before Popen executes one."""
    assert command[:2] == [sys.executable, "-m"], command
    first: Callable[[], None] | None = options.pop("first", None)
    if threading.active_count() > 1:
        return {**options, "preexec_fn": first}
    module, *arguments = command[2:]
    importlib.import_module(module if module != "sensor" else f"sensor.cli.{arguments[0]}")
    for name in IMPORTS.get(arguments[0], ()) if module == "sensor" else ():
        importlib.import_module(name)
    kept, environment = tuple(options.get("pass_fds", ())), options.pop("env", None)

    def program() -> None:
        if first is not None:
            first()
        _program(module, arguments, environment)

    return {**options, "preexec_fn": lambda: _become(program, kept)}


def _become(program: Callable[[], None], kept: Sequence[int]) -> None:
    """Called in the forked process. Does not return."""
    code = 1
    try:
        _replace_all_but(kept)
        oui._carried.cache_clear()  # it reads files that the process of the test has opened
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Popen restores them for programs, and Python ignores them
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        gc.freeze()
        gc.enable()
        random.seed()
        atexit._clear()
        program()
        code = 0
    except SystemExit as ended:
        code = _code_of(ended)
    except BaseException:  # noqa: BLE001 as the interpreter does
        traceback.print_exc()
    finally:
        _end(code)


def _program(module: str, arguments: Sequence[str], environment: Mapping[str, str] | None) -> None:
    if environment is not None:
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        setattr(sys, name, _stream(number))
        setattr(sys, f"__{name}__", getattr(sys, name))
    sys.argv = [module, *arguments]
    _warn_as_usual()
    alone()
    os.execv = _executed  # type: ignore[assignment]
    if not hasattr(sys.modules[module], "__path__"):  # it is executed once more, under the name of a program
        del sys.modules[module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _executed(_: str, command: Sequence[str]) -> NoReturn:
    """``os.execv`` of ``python -m MODULE``."""
    assert command[:2] == [sys.executable, "-m"], command
    _program(command[2], command[3:], None)
    raise SystemExit(0)


def _stream(number: int) -> Any:
    """A standard stream as the interpreter opens it."""
    if number == 0:
        return open(0, encoding="utf-8", closefd=False)
    errors, buffering = ("backslashreplace", 1) if number == 2 else ("strict", -1)
    return open(number, "w", buffering, encoding="utf-8", errors=errors, closefd=False)


def _warn_as_usual() -> None:
    """Pytest makes errors of warnings, and records them; Python prints most of them."""

    def show(message: Warning | str, category: type[Warning], path: str, line: int, *more: Any) -> None:
        print(warnings.formatwarning(message, category, path, line), end="", file=sys.stderr)

    warnings.showwarning = show  # type: ignore[assignment]
    warnings.resetwarnings()
    for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", category)


def _replace_all_but(kept: Sequence[int]) -> None:
    """Popen waits until its pipe to the child is closed, peers of the test for their connections. The numbers stay in
    use: objects of the test that are freed here close them.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for number in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if number > 2 and number != null and number not in kept:
            with contextlib.suppress(OSError):  # that of the listing
                os.fstat(number)
                os.dup2(null, number, inheritable=False)


def _end(code: int) -> NoReturn:
    """As the interpreter: waits for threads, calls what was registered, writes what is buffered, and exits."""
    result = UNWRITTEN
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        result = code
    finally:
        os._exit(result)


def _code_of(ended: SystemExit) -> int:
    if ended.code is None or isinstance(ended.code, int):
        return ended.code or 0
    print(ended.code, file=sys.stderr)
    return 1

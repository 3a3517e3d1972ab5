"""A forked program has the streams, the environment, the folder, the signals and the exit code of a program, and
nothing of the test that started it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sensor.fingerprinting.oui import Oui
from tests.forked import UNWRITTEN, run, started

# Modules of a package that a test writes, by what they show.
PROGRAM = """
import os, sys
def main():
    print(__name__, sys.argv[1:], os.environ.get("GIVEN"), "PATH" in os.environ, os.getcwd())
    print(sys.stdin.read(), file=sys.stderr)
    sys.exit(int(sys.argv[1]) if len(sys.argv) > 1 else None)
if __name__ == "__main__":
    main()
"""
FAILS = "import sys\nif __name__ == '__main__':\n    sys.exit('no') if sys.argv[1:] else 1 / 0\n"
WARNS = "import warnings\nif __name__ == '__main__':\n    warnings.warn('of a program')\n"
WAITS = """
import atexit, signal, sys, threading
if __name__ == "__main__":
    atexit.register(print, "registered")
    threading.Timer(0.05, print, ["a thread"]).start()
    if sys.argv[1:]:
        print("waits", flush=True)
        signal.pause()
"""
FILES = """
import gc, os, sys
if __name__ == "__main__":
    gc.collect()
    kept = [int(word) for word in sys.argv[1:]]
    paths = {int(one): f"/proc/self/fd/{one}" for one in os.listdir("/proc/self/fd") if int(one) > 2}
    links = {one: os.readlink(path) for one, path in paths.items() if os.path.lexists(path)}
    print(sorted(one for one in links if one in kept), {links[one] for one in links if one not in kept})
"""

INTEL = 0x001B21010203
OWNER = f"""
from sensor.fingerprinting.oui import Oui
if __name__ == "__main__":
    print(Oui().organisation({INTEL}))
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> list[str]:
    """The command of a program of this text."""
    name = f"program_{len(request.param)}_of_a_story"
    (tmp_path / f"{name}.py").write_text(request.param)
    monkeypatch.syspath_prepend(tmp_path)
    return [sys.executable, "-m", name]


@pytest.mark.parametrize("program", [PROGRAM], ids=["program"], indirect=True)
def test_it_is_what_python_would_start(program: list[str], tmp_path: Path) -> None:
    """Both give the same: arguments, environment, folder, streams, exit code."""
    for arguments in ([], ["0"], ["3", "\u00fc"]):
        command = [*program, *arguments]
        environment = {"GIVEN": "x", "PYTHONPATH": str(tmp_path), "PYTHONUTF8": "1"}
        options = {"cwd": tmp_path, "env": environment, "input": "typed", "capture_output": True, "text": True}
        ours = run(command, **options)
        theirs = subprocess.run(command, check=False, **options)  # type: ignore[call-overload]
        assert (ours.returncode, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, theirs.stderr)
        assert ours.returncode == int(arguments[0] if arguments else 0)
    assert os.environ.get("GIVEN") is None


@pytest.mark.parametrize("program", [FAILS], ids=["program"], indirect=True)
def test_what_fails_exits_with_1(program: list[str]) -> None:
    """A text of `sys.exit` and a traceback are printed to standard error."""
    failed, ended = run(program, capture_output=True, text=True), run([*program, "x"], capture_output=True, text=True)
    assert (failed.returncode, "\nZeroDivisionError:" in failed.stderr) == (1, True)
    assert (ended.returncode, ended.stderr) == (1, "no\n")
    with pytest.raises(subprocess.CalledProcessError):
        run(program, capture_output=True, check=True)


@pytest.mark.parametrize("program", [WARNS], ids=["program"], indirect=True)
def test_warnings_are_no_errors_as_in_tests(program: list[str]) -> None:
    done = run(program, capture_output=True, text=True)
    assert (done.returncode, "UserWarning: of a program" in done.stderr) == (0, True)


@pytest.mark.parametrize("program", [WAITS], ids=["program"], indirect=True)
def test_it_ends_as_a_program_ends(program: list[str]) -> None:
    """Threads are waited for, and registered functions called; a signal of the system ends it, whatever the test
    does with that signal.
    """
    assert run(program, capture_output=True, text=True).stdout == "a thread\nregistered\n"
    reading, writing = os.pipe()
    os.close(reading)
    assert run(program, stdout=writing, stderr=subprocess.DEVNULL).returncode == UNWRITTEN
    os.close(writing)
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with started([*program, "x"], stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                assert process.stdout.readline() == "waits\n"
                process.send_signal(number)
                assert process.wait() == -number
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("program", [FILES], ids=["program"], indirect=True)
def test_it_has_no_open_file_of_the_test(program: list[str]) -> None:
    """Files and connections are those that were passed; the numbers of the others are of the null device, so that
    objects of the test that are freed there close nothing of the program.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs, Path(os.devnull).open() as passed:
        done = run([*program, str(passed.fileno())], capture_output=True, text=True, pass_fds=(passed.fileno(),))
        assert done.stdout.startswith(f"[{passed.fileno()}] {{'/dev/null'")
        assert "socket" not in done.stdout
        theirs.close()
        assert ours.recv(1) == b""


@pytest.mark.parametrize("program", [OWNER], ids=["owner"], indirect=True)
def test_it_finds_the_owners_of_macs_if_the_test_has_looked_for_one(program: list[str]) -> None:
    """The lists of owners are files that the process of the test has opened."""
    assert Oui().organisation(0x001422010203)
    found = run(program, capture_output=True, text=True).stdout
    assert found == f"{Oui().organisation(INTEL)}\n" != "\n"

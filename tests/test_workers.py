"""Tests in several processes: whatever happens to a process, each test is reported once, with its result."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import forked
from tests.waiting import until
from tests.workers import SECONDS, Times, store, stored

FIRST = """
import os, signal, sys
import pytest

@pytest.fixture(scope="module")
def shared():
    open("made", "a").write("x")
    yield
    open("closed", "a").write("x")

def test_passes(shared): pass

def test_fails(shared):
    print("to stdout")
    print("to stderr", file=sys.stderr)
    assert 1 == 2

@pytest.mark.xfail(strict=True)
def test_is_expected_to_fail(): assert False

@pytest.mark.skip(reason="never here")
def test_is_skipped(): pass
"""
SECOND = """
import os, signal

def test_before(): pass
def test_is_killed(): os.kill(os.getpid(), signal.SIGKILL)
def test_ends_its_process(): os._exit(3)
def test_after(): open("after", "a").write("x")
"""
WAITS = """
import os, subprocess, sys

def test_waits():
    waits = "import signal; signal.alarm(600); signal.pause()"
    program = subprocess.Popen([sys.executable, "-c", waits], start_new_session=True)
    with open("starts", "w") as file: file.write(str(program.pid))
    os.rename("starts", "started")
    program.wait()
"""
Finished = tuple[Path, subprocess.CompletedProcess[str]]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command, env = command_of(folder, *words)
    return forked.run(command, cwd=folder, env=env, capture_output=True, text=True)


def command_of(folder: Path, *words: str) -> tuple[list[str], dict[str, str]]:
    """The command of a run, and its environment."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.workers",
        "-c",
        os.devnull,
        f"--rootdir={folder}",
        "-rA",
        "-q",
        "-Wignore::pytest.PytestAssertRewriteWarning",  # the forked process has imported the plugin
    ]
    root = Path(__file__).resolve().parent.parent
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    env |= {"PYTHONPATH": str(root), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return [*command, *words, str(folder)], env


def outcomes(out: str) -> dict[str, str]:
    """Test: its reported results, each once."""
    found = re.findall(r"^(PASSED|FAILED|XFAIL|ERROR) \S+::(\w+)", out, re.MULTILINE)
    assert len(found) == len({test for _, test in found})
    return {test: outcome for outcome, test in found}


def totals(out: str) -> dict[str, int]:
    """The number of tests for each result, from the last line."""
    return {
        outcome: int(count) for count, outcome in re.findall(r"(\d+) (\w+)", out.splitlines()[-1].partition(" in ")[0])
    }


def written(folder: Path) -> Path:
    (folder / "test_first.py").write_text(FIRST)
    (folder / "test_second.py").write_text(SECOND)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path)


@pytest.fixture(scope="module", params=["1", "2", "5"])
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run of both files with some workers, and its folder."""
    folder = written(tmp_path_factory.mktemp("finished"))
    return folder, run(folder, "--workers", request.param)


def test_each_test_is_reported_once(finished: Finished) -> None:
    """A process that crashes fails its test; the following tests run in another one."""
    folder, ran = finished
    assert ran.returncode == pytest.ExitCode.TESTS_FAILED, ran.stderr
    assert outcomes(ran.stdout) == {
        "test_passes": "PASSED",
        "test_fails": "FAILED",
        "test_is_expected_to_fail": "XFAIL",
        "test_before": "PASSED",
        "test_is_killed": "FAILED",
        "test_ends_its_process": "FAILED",
        "test_after": "PASSED",
    }
    assert totals(ran.stdout) == {"failed": 3, "passed": 3, "skipped": 1, "xfailed": 1}
    endings = set(re.findall(r"^(?:signal (\d+)|\w+ process) .*?(?:\w+ with (\d+))?$", ran.stdout, re.MULTILINE))
    assert endings == {("9", ""), ("", "3")}
    assert (folder / "after").read_text() == "x"


def test_what_a_file_shares_is_made_and_closed_once(finished: Finished) -> None:
    folder, _ = finished
    assert ((folder / "made").read_text(), (folder / "closed").read_text()) == ("x", "x")


def test_output_is_that_of_the_test(finished: Finished) -> None:
    _, ran = finished
    assert re.search(r"-+\n\w+ stdout\n-+ .* -+\n\w+ stderr\n", ran.stdout)


def test_failures_alone_are_run_again(folder: Path) -> None:
    cache = ("-p", "cacheprovider", "-o", f"cache_dir={folder / 'cache'}")
    first = outcomes(run(folder, *cache, "--workers", "2").stdout)
    again = outcomes(run(folder, *cache, "--workers", "2", "--last-failed").stdout)
    assert again == {test: outcome for test, outcome in first.items() if outcome == "FAILED"} != {}


def test_the_first_failure_ends_it(folder: Path) -> None:
    ran = run(folder, "--workers", "1", "-x", "test_first.py")
    assert totals(ran.stdout) == {"failed": 1, "passed": 1}
    assert "test_is_expected_to_fail" not in outcomes(ran.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_CHILD_SUBREAPER")
def test_ctrl_c_ends_what_tests_started(tmp_path: Path) -> None:
    """Also programs that Ctrl-C itself does not reach."""
    (tmp_path / "test_it.py").write_text(WAITS)
    command, env = command_of(tmp_path, "--workers", "2")
    ran = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.DEVNULL, start_new_session=True)
    until((tmp_path / "started").exists)
    os.killpg(ran.pid, signal.SIGINT)
    assert ran.wait() == pytest.ExitCode.INTERRUPTED
    assert not Path("/proc", (tmp_path / "started").read_text()).exists()


def test_an_error_of_pytest_itself_is_no_pass(folder: Path) -> None:
    """A failure of a worker outside of tests is reported, and the other workers continue."""
    (folder / "conftest.py").write_text("def pytest_runtest_logstart(nodeid): raise RuntimeError('the hook failed')\n")
    ran = run(folder, "--workers", "2")
    assert ran.returncode == pytest.ExitCode.TESTS_FAILED
    assert "RuntimeError" in ran.stdout


def test_a_worker_that_has_grown_is_replaced(tmp_path: Path) -> None:
    """Each file leaks 200 MiB: the next one runs in another process."""
    for number in range(3):
        (tmp_path / f"test_{number}.py").write_text(
            "import os\nKEPT = []\n"
            "def test_grows():\n"
            "    KEPT.append(b'x' * (200 << 20))\n"
            f"    open('pid{number}', 'w').write(str(os.getpid()))\n"
        )
    ran = run(tmp_path, "--workers", "1")
    assert ran.returncode == 0, ran.stdout
    assert len({path.read_text() for path in tmp_path.glob("pid*")}) >= 2


def test_durations_of_long_files_are_stored(tmp_path: Path, root: Path) -> None:
    """Those in the repository are of files that exist."""
    times = {"tests/test_b.py": Times(60.4, 9.6), "tests/test_a.py": Times(7.6, 7), "tests/test_c.py": Times(0.5, 0)}
    store(times, tmp_path / "durations.json")
    long = [("tests/test_a.py", (8, 7)), ("tests/test_b.py", (60, 10))]
    assert list(stored(tmp_path / "durations.json").items()) == long
    assert len(stored()) > 50
    assert [path for path in stored() if not (root / path).is_file()] == []


def test_files_that_wait_run_beside_others(tmp_path: Path) -> None:
    """With as many workers as cores and one more, one file that mostly waits runs at a time, the longest first; then
    the longest of the others. Files of an unknown time come last.
    """
    known = {"wait_a": (30, 1), "wait_b": (20, 1), "work_c": (50, 45), "work_d": (40, 40), "wait_e": (3, 0)}
    for name in (*known, "new"):
        (tmp_path / f"test_{name}.py").write_text(f"def test_it(): print({name!r}, file=open('order', 'a'))\n")
    times = tmp_path / "cache" / "v" / SECONDS
    times.parent.mkdir(parents=True)
    times.write_text(json.dumps({f"test_{name}.py": spent for name, spent in known.items()}))
    cache = ("-p", "cacheprovider", "-o", f"cache_dir={tmp_path / 'cache'}")
    assert run(tmp_path, *cache, "--workers", "1").returncode == 0
    assert (tmp_path / "order").read_text().split() == ["wait_a", "wait_b", "work_c", "work_d", "wait_e", "new"]
    measured = json.loads(times.read_text())
    assert measured["test_new.py"][0] > 0
    assert measured["test_wait_a.py"][0] < 30

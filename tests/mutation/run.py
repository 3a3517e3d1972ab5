"""Mutation testing: small faults are put into functions of a room, and the tests that call the function must fail.
``make mutation`` calls it.

    python -m tests.mutation.run [--rooms core,alerts] [--mutants 300] [--seed N]

Tests are collected once. They run once to record which test calls which function and how long it takes; then each
mutant of the sample is tested in a fork, where the code of its function is replaced, by those tests, the fastest first.
It is killed if one of them fails or takes more than LIMIT_S seconds of CPU. The seed is printed; with ``--mutants 0``
all are tested. Kernels are compiled and have no mutants: tests/native compares them with their Python reference.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import resource
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from types import CodeType, FrameType, FunctionType

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation.mutants import Mutant, changed, mutants

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("core", "counting", "decode", "fingerprinting", "alerts", "eventlog")
# Folders of tests/ that also test the classes of a room, besides the one of the same name.
BESIDE = {"core": ("detectors", "inventory"), "counting": ("detectors",), "fingerprinting": ("inventory",)}
# CPU seconds of all tests of one mutant, and the limit for a mutant whose test does not end.
MOST_S, LIMIT_S = 8.0, 20
# file, qualified name, first line
Function = tuple[str, str, int]


def sample(rooms: list[str], most: int, seed: int) -> list[Mutant]:
    """A sample of all mutants of the rooms, in the order of their files; all if ``most`` is 0."""
    paths = sorted(path for room in rooms for path in (ROOT / "sensor" / room).rglob("*.py"))
    found = [mutant for path in paths for mutant in mutants(path)]
    return sorted(Random(seed).sample(found, most)) if 0 < most < len(found) else found


def functions_of(code: CodeType) -> Iterator[CodeType]:
    """The code of all functions in it, at any depth."""
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from functions_of(one)


def exchange(mutant: Mutant) -> int:
    """Replace the code of all functions of the module by the mutant's. Returns how many functions differ now."""
    made = functions_of(compile(changed(mutant), str(mutant.path), "exec"))
    codes = {(one.co_qualname, one.co_firstlineno): one for one in made}
    count = 0
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__.co_filename == str(mutant.path):
            code = codes.get((one.__code__.co_qualname, one.__code__.co_firstlineno))
            if code is not None and code.co_freevars == one.__code__.co_freevars and code != one.__code__:
                one.__code__, count = code, count + 1
    return count


def passes(item: pytest.Item) -> bool:
    """Run a test alone."""
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


def forked(work: Callable[[], int]) -> int:
    """The exit code of some work in a fork without output; the number of the signal if one ended it."""
    child = os.fork()
    if not child:
        code = 99
        try:
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, 1)
            os.dup2(nothing, 2)
            code = work()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Evaluator:
    """Replaces pytest's own loop over the tests."""

    def __init__(self, sampled: list[Mutant]) -> None:
        self.sampled = sampled
        self.files = frozenset(str(mutant.path) for mutant in sampled)
        self.verdicts: list[tuple[Mutant, str]] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        gc.freeze()  # a fork does not copy memory that it does not use
        reached = self.reached(session.items)
        for mutant in self.sampled:
            items = [session.items[at] for at in reached[str(mutant.path), mutant.function]]
            self.verdicts.append((mutant, self.verdict(mutant, items)))
        return True

    @staticmethod
    def verdict(mutant: Mutant, items: list[pytest.Item]) -> str:
        """``killed``, ``slow`` (killed by its time), ``survived``, or ``unreached`` by any test."""

        def work() -> int:
            gc.unfreeze()
            resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S + 1))
            if not exchange(mutant):
                return 3
            return 0 if all(map(passes, items)) else 1

        if not items:
            return "unreached"
        code = forked(work)
        return {0: "survived", 1: "killed", 3: "unreached"}.get(code, "slow" if code < 0 else "killed")

    def reached(self, items: list[pytest.Item]) -> dict[tuple[str, str], list[int]]:
        """(file, function) -> the tests that call it, the fastest first, with no more than MOST_S seconds in total."""
        with tempfile.NamedTemporaryFile("r", encoding="utf-8") as file:
            forked(lambda: watch(items, self.files, Path(file.name)))
            calls = [(at, seconds, names) for at, seconds, names in json.load(file)]
        found: dict[tuple[str, str], list[int]] = defaultdict(list)
        taken: Counter[tuple[str, str]] = Counter()
        for at, seconds, names in sorted(calls, key=lambda call: call[1]):
            for path, name in names:
                if taken[path, name] + seconds < MOST_S:
                    taken[path, name] += seconds
                    found[path, name].append(at)
        return found


def watch(items: list[pytest.Item], files: frozenset[str], file: Path) -> int:
    """Run all tests; write (test, seconds, called functions of these files) of those that pass."""
    seen: set[tuple[str, str]] = set()

    def call(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and (path := frame.f_code.co_filename) in files:
            seen.add((path, frame.f_code.co_qualname.split(".<locals>")[0]))

    reported = []
    for at, item in enumerate(items):
        seen.clear()
        began = time.process_time()
        threading.setprofile(call)
        sys.setprofile(call)
        passed = passes(item)
        sys.setprofile(None)
        threading.setprofile(None)
        if passed and seen:
            reported.append((at, time.process_time() - began, sorted(seen)))
    file.write_text(json.dumps(reported), encoding="utf-8")
    return 0


def publish(verdicts: list[tuple[Mutant, str]]) -> float:
    """Print the score of each room and the surviving mutants. Returns the share that was killed."""
    rooms: dict[str, Counter[str]] = defaultdict(Counter)
    for mutant, verdict in verdicts:
        rooms[mutant.path.relative_to(ROOT).parts[1]][verdict] += 1
        if verdict in {"survived", "unreached"}:
            place = f"{mutant.path.relative_to(ROOT)}:{mutant.line}"
            print(f"{verdict:9} {place} {mutant.function}: {mutant.what}")
    for room, counts in rooms.items():
        print(f"{room:15} {share(counts):4.0%} of {counts.total()} killed, {counts['unreached']} unreached")
    every = sum(rooms.values(), Counter[str]())
    print(f"{'all':15} {share(every):4.0%} of {every.total()} killed, {every['unreached']} unreached")
    return share(every)


def share(counts: Counter[str]) -> float:
    return (counts["killed"] + counts["slow"]) / max(counts.total(), 1)


def main() -> int:
    parser = argparse.ArgumentParser(description="put small faults into functions and see whether tests fail")
    parser.add_argument(
        "--rooms", default=",".join(ROOMS), help="folders of sensor/, such as alerts or posture/tickets"
    )
    parser.add_argument("--mutants", type=int, default=300, help="how many are tried; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--floor", type=float, default=0.0, help="exit with 1 where a smaller share is killed")
    requested = parser.parse_args()
    rooms = requested.rooms.split(",")
    for path in sorted(path for room in rooms for path in (ROOT / "sensor" / room).rglob("*.py")):
        importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    evaluate = Evaluator(sample(rooms, requested.mutants, requested.seed))
    print(f"{len(evaluate.sampled)} mutants, seed {requested.seed}", flush=True)
    folders = sorted({str(ROOT / "tests" / name) for room in rooms for name in (room, *BESIDE.get(room, ()))})
    words = [*folders, "-q", "-q", "-s", "-p", "no:cacheprovider", "-m", "not slow and not lab"]
    code = pytest.main(words, plugins=[evaluate])
    return 2 if code not in {0, 5} else int(publish(evaluate.verdicts) < requested.floor)


if __name__ == "__main__":
    sys.exit(main())

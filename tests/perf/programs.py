"""The compared programs: this state, a baseline built beside it, and installed peers."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
SHIPPED_RULES = Path("/etc/suricata/rules")
NFSTREAM = "import sys, nfstream; print(sum(1 for _ in nfstream.NFStreamer(source=sys.argv[1])))"


class Program(NamedTuple):
    """``command``: capture, empty folder → the command that reads it. ``python``: the environment of a state of this
    sensor; None for others.
    """

    name: str
    command: Callable[[Path, Path], list[str]]
    python: Path | None = None

    @property
    def sensor(self) -> str:
        """The command of a state. Not ``python -m sensor``, which would run the state in the working folder."""
        assert self.python is not None
        return str(self.python.with_name("sensor"))


def sensor(name: str, python: Path) -> Program:
    """A state of the sensor, by its environment."""
    return Program(
        name,
        lambda path, _: [str(python.with_name("sensor")), "replay", str(path), "--events", os.devnull, "--json"],
        python,
    )


def here() -> Program:
    """The state of this file."""
    return sensor("sensor", Path(sys.executable))


def baseline(revision: str, folder: Path) -> Program:
    """A commit of this repository, cloned and built in a separate folder once, and then kept. CalledProcessError if the
    build fails.
    """
    commit = _output("git", "-C", str(ROOT), "rev-parse", "--verify", f"{revision}^{{commit}}")
    place = folder / "baseline" / commit[:12]
    python = place / ".venv" / "bin" / "python"
    if not (place / "built").exists():
        shutil.rmtree(place, ignore_errors=True)
        print(f"building the baseline {commit[:12]} in {place} (some minutes, once)", file=sys.stderr, flush=True)
        subprocess.run(["git", "clone", "--quiet", "--no-checkout", "--shared", str(ROOT), str(place)], check=True)
        subprocess.run(["git", "-C", str(place), "checkout", "--quiet", commit], check=True)
        subprocess.run([sys.executable, "-m", "venv", str(place / ".venv")], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "setuptools>=77", "Cython>=3.1", "wheel"], check=True)
        subprocess.run([*pip, "--no-build-isolation", "--editable", str(place)], check=True)
        (place / "built").touch()
    return sensor(f"baseline {commit[:7]}", python)


def peers(folder: Path) -> list[Program]:
    """The other programs that are installed here; ``folder`` holds their configuration."""
    found: list[Program] = []
    if shutil.which("suricata"):
        found.append(Program("suricata", lambda path, out: _suricata(path, out, os.devnull)))
        if SHIPPED_RULES.is_dir():
            rules = folder / "suricata-shipped.rules"
            rules.write_bytes(b"".join(file.read_bytes() for file in sorted(SHIPPED_RULES.glob("*.rules"))))
            found.append(Program("suricata, its rules", lambda path, out: _suricata(path, out, str(rules))))
    if shutil.which("ndpiReader"):
        found.append(Program("ndpiReader", lambda path, _: ["ndpiReader", "-q", "-i", str(path)]))
    if importlib.util.find_spec("nfstream"):
        found.append(Program("nfstream", lambda path, _: [sys.executable, "-c", NFSTREAM, str(path)]))
    loop = str(Path(__file__).with_name("dpkt_loop.py"))
    found.append(Program("dpkt parse loop", lambda path, _: [sys.executable, loop, str(path)]))
    if shutil.which("tcpdump"):
        found.append(
            Program("tcpdump -w /dev/null", lambda path, _: ["tcpdump", "-n", "-r", str(path), "-w", os.devnull])
        )
    return found


def missing() -> list[str]:
    """Peers that are not installed."""
    return [
        name
        for name in ("suricata", "ndpiReader", "nfstream", "tcpdump")
        if not shutil.which(name) and importlib.util.find_spec(name) is None
    ]


def _suricata(path: Path, out: Path, rules: str) -> list[str]:
    """One thread, as one engine of the sensor."""
    return ["suricata", "-r", str(path), "-l", str(out), "--runmode", "single", "-S", rules]


def _output(*arguments: str) -> str:
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.strip()

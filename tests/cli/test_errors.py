"""Every error message has a code, and `sensor help` explains every code."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensor.cli import _tasks
from sensor.cli._errors import PATH, Catalogue, catalogue
from sensor.cli.main import names
from sensor.config import load_config
from sensor.documents import DocumentErrors, load_document

ROOT = Path(__file__).parents[2]
CLI = ROOT / "sensor" / "cli"


def messages() -> Iterator[tuple[str, ast.Call]]:
    """Every message that a command prints on standard error: (file:line, call)."""
    for path in sorted(CLI.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"complain", "Exit"}:
                texts = node.args[1:] if node.func.id == "Exit" else node.args
                if texts and not (node.func.id == "complain" and len(texts) > 1):
                    yield f"{path.name}:{node.lineno}", node


def error_of(call: ast.Call) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == "error"), None)


def test_every_message_names_a_code_of_the_catalogue() -> None:
    """Without a code a message could only be asserted, or looked up, by its sentence. Notes (level info) have none."""
    codes = {place: error_of(call) for place, call in messages()}
    assert len(codes) > 200
    assert [place for place, code in codes.items() if code is None] == []
    literal = {code.value for code in codes.values() if isinstance(code, ast.Constant)}
    assert literal - catalogue().keys() == set()


def test_every_code_is_used() -> None:
    """The catalogue has exactly the codes that are used."""
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "sensor").rglob("*.py"))
    assert [code for code in catalogue() if f'"{code}"' not in sources] == []


def test_entries_are_complete_and_in_order() -> None:
    """Each code occurs once; meaning and remedy are sentences, the example is a line."""
    entries = load_document(PATH, Catalogue).errors
    assert [one.code for one in entries] == sorted({one.code for one in entries})
    for one in entries:
        assert one.meaning.endswith("."), one.code
        assert one.fix.endswith("."), one.code
        assert "\n" not in one.example, one.code


def test_help_explains_every_code(run_cli) -> None:
    """A code is accepted with or without brackets; its first part lists all codes of that category."""
    for code, entry in catalogue().items():
        result = run_cli("help", f"[{code}]")
        text = " ".join(result.out.split())
        assert (result.code, result.lines[0]) == (0, code)
        assert all(part in text for part in (entry.meaning, f"{entry.example} [{code}]", entry.fix)), code
    assert [line for line in run_cli("help", "capture").lines if line.startswith("capture.")] == [
        code for code in catalogue() if code.startswith("capture.")
    ]
    assert [line for line in run_cli("help", "errors").lines if not line.startswith(" ")] == list(catalogue())


def test_help_of_topics(run_cli) -> None:
    """Without a topic, every command is listed; the topic of a command prints its --help; an unknown topic gets the
    nearest one.
    """
    topics = run_cli("help").out.split()
    assert [name for name in names() if name not in topics] == []
    assert run_cli("help", "devices").out == run_cli("devices", "--help").out
    assert [line.split()[0] for line in run_cli("help", "exit-codes").lines] == [
        "0",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "130",
    ]
    result = run_cli("help", "dataset.mising")
    assert (result.code, result.errors, "dataset.missing" in result.suggestions) == (
        1,
        ("usage.invalid-value",),
        True,
    )


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["incidents"], 2, "usage.unknown-command"),
        (["devices", "--jsn"], 2, "usage.unknown-option"),
        (["version", "x"], 2, "usage.unexpected-argument"),
        (["devices", "--tz"], 2, "usage.missing-argument"),
        (["firewall"], 2, "usage.missing-argument"),
        (["profiles", "mak"], 2, "usage.unknown-action"),
        (["tickets", "lst"], 2, "usage.unknown-action"),
        (["tail", "--vlan", "x"], 2, "usage.invalid-value"),
        (["alerts", "--tz", "Mars/Olympus"], 2, "usage.invalid-value"),
        (["paths", "--json", "--dot"], 2, "usage.conflicting-options"),
        (["devices", "vendr=axis"], 2, "usage.unknown-filter"),
        (["alerts", "--data", "ofice"], 1, "dataset.unknown"),
        (["alerts", "--state", "empty"], 3, "dataset.missing"),
        (["alerts", "--state", "notes.txt"], 3, "dataset.missing"),
        (["explain", "zzz"], 1, "device.unknown"),
        (["replay", "notes.txt"], 3, "capture.not-read"),
        (["top", "--once"], 1, "sensor.not-running"),
        (["run", "-i", "nowhere0"], 3, "capture.no-interface"),
        (["run", "-i", "lo", "--filter", "prot 80"], 2, "capture.invalid-argument"),
        (["posture", "trend"], 3, "posture.no-history"),
        (["outputs"], 2, "output.none-configured"),
        (["report", "-o", "report.doc"], 2, "usage.invalid-value"),
        (["mute", "remove", "mute-zzz"], 1, "mute.unknown"),
        (["tickets", "show", "ticket-zzz"], 1, "ticket.unknown"),
        (["rules", "try"], 2, "usage.missing-argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_codes_of_common_mistakes(
    run_cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, error: str
) -> None:
    """The exit code is the category of the failure, the error code the exact failure."""
    (tmp_path / "notes.txt").write_text("no capture")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    result = run_cli(*arguments)
    assert (result.code, error in result.errors) == (code, True), result


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("captur: {}\n", ("config.unknown-key",)),
        ("memory_mib: -1\n", ("config.invalid-value",)),
        ("capture: {}\ncapture: {}\n", ("config.duplicate-key",)),
        ("capture:\n\tfilter: x\n", ("config.not-yaml",)),
        ("", ("config.not-yaml",)),
        ("outputs: {siem: {type: http}}\n", ("config.missing-key",)),
        ("captur: {}\nmemory_mib: -1\n", ("config.unknown-key", "config.invalid-value")),
    ],
)
def test_codes_of_configuration_faults(run_cli, tmp_path: Path, text: str, codes: tuple[str, ...]) -> None:
    """Each fault has a code, in the order of the file."""
    path = tmp_path / "sensor.yaml"
    path.write_text(text)
    result = run_cli("config", "check", str(path))
    assert (result.code, result.errors) == (2, codes), result.err
    with pytest.raises(DocumentErrors) as caught:
        load_config(path)
    assert tuple(fault.code for fault in caught.value.faults) == codes


def test_a_program_gets_the_code_as_a_field(run_cli, tmp_path: Path) -> None:
    """A log of JSON lines has message and code in separate fields."""
    result = run_cli("run", "-i", "nowhere0", "--log-format", "json", "--state", str(tmp_path / "new"))
    entry = json.loads(result.err.splitlines()[-1])
    assert (entry["error"], entry["level"], "[" in entry["event"]) == ("capture.no-interface", "error", False)


# Names from Zeek, Suricata, Wireshark, NetAlertX and Defender, with the command that does the same here.
COMMON = {
    "incidents": "alerts incidents", "hosts": "devices", "assets": "devices", "inventory": "devices", "scan": "run",
    "start": "run", "listen": "run", "capture": "run", "sniff": "run", "pcap": "replay", "read": "replay",
    "stats": "status", "health": "status", "logs": "tail", "events": "tail", "query": "hunt", "sql": "hunt",
    "flows": "search", "conn": "search", "dns": "search", "sessions": "search", "export": "records export",
    "notices": "alerts", "threats": "alerts", "vulnerabilities": "vulns", "cve": "vulns", "signatures": "rules",
    "ioc": "intel", "feeds": "intel", "block": "firewall suggest", "isolate": "firewall suggest",
    "quarantine": "firewall suggest", "suppress": "mute", "ignore": "mute", "silence": "mute", "risk": "posture",
    "score": "posture", "dashboard": "overview", "web": "console", "login": "console login", "siem": "outputs",
    "webhook": "outputs", "settings": "config", "install": "service install", "test": "selftest",
}  # fmt: skip


@pytest.mark.parametrize(("guess", "command"), COMMON.items())
def test_common_guesses_get_the_command_that_does_it(guess: str, command: str) -> None:
    assert _tasks.suggestion(guess, names()) == command


@pytest.mark.parametrize(
    ("command", "option", "near"),
    [
        ("alerts", "--limit", "--count"), ("alerts", "--from", "--since"), ("alerts", "--level", "--severity"),
        ("alerts", "--jsn", "--json"), ("outputs", "-c", "--config"), ("run", "--iface", "--interface"),
        ("doctor", "-r", "--file"), ("alerts", "--before", "--until"), ("tail", "--host", "--device"),
        ("doctor", "--duration", "--seconds"), ("search", "--limit", "--count"), ("devices", "--verbose", "--wide"),
        ("version", "--qqqq", ""),
    ],
)  # fmt: skip
def test_options_of_other_tools_get_the_one_that_does_it(run_cli, command: str, option: str, near: str) -> None:
    result = run_cli(command, option, "1")
    assert (result.code, result.errors) == (2, ("usage.unknown-option",))
    assert result.err.partition("did you mean ")[2].partition("?")[0] == near


@pytest.mark.parametrize("guess", list(_tasks.GUESSES))
def test_the_suggestion_for_a_guess_exists(run_cli, guess: str) -> None:
    """Each suggestion is a command with an action that its help lists. It is not run: it might change this machine."""
    result = run_cli(guess)
    assert (result.code, result.errors) == (2, ("usage.unknown-command",))
    near = result.err.split("`sensor ")[1].split("`")[0]
    command, *arguments = near.split()
    assert near == _tasks.GUESSES[guess]
    shown = run_cli(command, "--help")
    assert shown.code == 0
    actions = [line.split()[0] for line in shown.lines if line.startswith("  ")]
    assert [word for word in arguments if word not in actions and f"{{{word}}}" not in shown.out] == []


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("devcies", "devices"),
        ("ALERTS", "alerts"),
        ("host", "devices"),
        ("vuln", "vulns"),
        ("incident", "alerts incidents"),
        ("zzzz", ""),
    ],
)
def test_typing_errors(typed: str, near: str) -> None:
    """Misspelt commands and foreign names get a suggestion; case is ignored."""
    assert _tasks.suggestion(typed, names()) == near


def test_every_command_has_one_task() -> None:
    """`sensor --help` lists each command once."""
    listed = [name for task in _tasks.TASKS.values() for name in task]
    assert sorted(listed) == names()

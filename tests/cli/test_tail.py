"""sensor tail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.golden import Golden
from tests.waiting import until


def test_one_line_a_record(run_cli, log: Path) -> None:
    """Time, severity, kind, action and summary; an alert also has its detector. Colours are used on a terminal only."""
    result = run_cli("tail", str(log))
    assert result.code == 0
    assert result.lines[0] == "2026-11-24T09:14:07Z info     sensor started         capturing on eth0"
    assert (
        result.lines[-2]
        == "2026-11-24T09:14:07Z medium   alert open             discovery.port_scan: evil tried 120 ports of 10.0.0.10"
    )
    assert len(result.lines) == 9
    assert "\033" not in result.out


def test_without_a_file_it_is_the_log_of_the_dataset(run_cli) -> None:
    """The first line names the dataset."""
    result = run_cli("tail", "--kind", "sensor")
    assert (result.code, len(result.lines), result.err, result.head) == (
        0,
        1,
        "",
        "live · 2026-11-24 09:14 to 09:15 UTC",
    )


def test_json_passes_lines_through(run_cli, log: Path) -> None:
    """Lines are passed through byte for byte."""
    assert run_cli("tail", "--json", str(log)).out == log.read_text()


def test_filters(run_cli, log: Path) -> None:
    """Records are filtered by kind, minimum severity and detector."""
    assert len(run_cli("tail", "--kind", "alert", "--kind", "sensor", str(log)).lines) == 3
    assert len(run_cli("tail", "--severity", "medium", str(log)).lines) == 2
    assert [
        json.loads(line)["alert"]["id"]
        for line in run_cli("tail", "--json", "--detector", "discovery.*", str(log)).lines
    ] == ["alert-abc123"]


def test_what_is_no_record_is_reported(golden: Golden, run_cli, log: Path) -> None:
    """An invalid line is reported on standard error, at the end, with its position."""
    log.write_bytes(b"nonsense\n" + log.read_bytes())
    result = run_cli("tail", str(log))
    assert len(result.lines) == 9
    golden(result.err)


def test_a_foreign_log_cannot_steer_the_terminal(run_cli, log: Path) -> None:
    """Escape sequences in a summary are printed as spaces."""
    log.write_text(
        json.dumps({"ts": "2026", "kind": "de\033vice", "action": "\x9b2J", "severity": "odd", "msg": "a\033[2J\nb"})
        + "\n"
    )
    assert run_cli("tail", str(log)).out == "2026 info     de vice 2J             a [2J b\n"


def test_no_log(golden: Golden, run_cli, log: Path) -> None:
    """Without a log the exit code is 3, and one line names the remedy; it is 6 if there is a dataset without a log."""
    log.unlink()
    result = run_cli("tail")
    assert result.code == 3
    assert f" {log.parent}: `sensor replay FILE`" in result.err
    result = run_cli("tail", str(log))
    assert (result.code, result.errors) == (3, ("file.not-read",))
    golden(result.err)


def test_following(golden: Golden, run_cli, log: Path) -> None:
    """A line appears while the command runs, also in a pipe; when the pipe is closed, the command ends silently."""
    code = "import sys; from sensor.cli.main import main; sys.exit(main())"
    with subprocess.Popen(
        [sys.executable, "-c", code, "tail", "-f", "--kind", "sensor", str(log)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        golden(process.stdout.readline())
        assert process.stdout.readline().endswith("capturing on eth0\n")
        more = (
            json.dumps(
                {
                    "ts": "2026-11-24T09:14:08.000000Z",
                    "kind": "sensor",
                    "action": "stopped",
                    "severity": "info",
                    "msg": "bye",
                }
            )
            + "\n"
        )
        with log.open("a") as file:
            file.write(more)
        assert process.stdout.readline().endswith("bye\n")
        process.stdout.close()

        def ended() -> bool:
            with log.open("a") as file:
                file.write(more)
            return process.poll() is not None

        until(ended)
        assert (process.poll(), process.stderr.read()) == (0, "")


def test_colours_only_where_wanted(log: Path) -> None:
    """Severity is coloured on a terminal; NO_COLOR disables colours."""
    assert "\033[33mmedium  \033[0m" in _on_a_terminal(log, {})
    assert "\033" not in _on_a_terminal(log, {"NO_COLOR": "1"})


def _on_a_terminal(log: Path, env: dict[str, str]) -> str:
    ours, theirs = os.openpty()
    code = "import sys; from sensor.cli.main import main; sys.exit(main())"
    variables = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"} | env
    subprocess.run(
        [sys.executable, "-c", code, "tail", "--kind", "alert", str(log)], stdout=theirs, check=True, env=variables
    )
    os.close(theirs)
    text = os.read(ours, 65536).decode()
    os.close(ours)
    return text

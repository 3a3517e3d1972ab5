"""Every format against texts that a peer may choose: one line comes out, of bounded length, and the texts add no
fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from sensor.core.record import SIZE_LIMIT
from sensor.outputs.formats import FORMATS, syslog_3164
from tests import sampling
from tests.outputs.samples import RECORDS
from tests.outputs.test_formats import BACK, cef, element, leef, wanted

# Separators of the formats, and characters that control terminals and the direction of text.
SIGNS = (
    *(
        "\n",
        "\r\n",
        "\r",
        "\t",
        "\0",
        "|",
        "=",
        '"',
        "'",
        "\\",
        "]",
        "[",
        "{",
        "}",
        " ",
        ",",
        ";",
        ":",
        "<",
        "&",
        "\\n",
        "%0a",
        "é",
        "🖨",
    ),
    *("\x1b[31m", "\x1b]0;x\x07", "\x9b31m", "\x7f", "\x85", "\u2028", "\u202e", "\u2066", "\ufeff"),
    *("<34>1 ", "CEF:0|", "LEEF:2.0|", " cat=", "\tcat=evil", '"] ', ' evil="1"', "[evil@1 a=", '","evil":"'),
)
TEXTS = st.lists(
    st.one_of(st.sampled_from(SIGNS), st.text(max_size=5), st.sampled_from(["a", "evil", "x" * 70])), max_size=12
).map("".join)
LONG = st.tuples(st.sampled_from(SIGNS), st.integers(1000, 1 << 16)).map(lambda pair: (pair[0] * pair[1])[: 1 << 16])
CASES = ("alert_open", "incident_open", "device_identified", "sensor_health")
# Words of the sensor that a peer does not choose.
OURS = frozenset(
    "ts kind action severity id schema sensor detector first last first_seen last_seen technique tactic alert".split()
)
Keys = Callable[[bytes], list[str]]


def planted(value: Any, text: str) -> Any:
    """A copy with the same hostile text in place of every other text that comes from a peer or is a sentence."""
    if isinstance(value, dict):
        return {
            name: one if name in OURS and not isinstance(one, dict) else planted(one, text)
            for name, one in value.items()
        }
    if isinstance(value, list):
        return [planted(one, text) for one in value]
    return text if isinstance(value, str) else value


def hostile(case: str, text: str) -> dict[str, Any]:
    record = RECORDS[case]
    made: dict[str, Any] = planted(record, text)
    made |= {"sensor": record["sensor"]}
    for end in ("src", "dst"):  # the sensor formats addresses from bytes
        if end in made:
            made[end] |= {name: record[end][name] for name in ("ip", "mac") if name in record[end]}
    if case == "device_identified":
        made["device"] |= {name: record["device"][name] for name in ("ips", "macs")}
    return made


def places(value: Any, path: str = "") -> list[str]:
    """Every key of an object with its path; items of lists count as one."""
    if isinstance(value, dict):
        return [place for name, one in value.items() for place in (f"{path}.{name}", *places(one, f"{path}.{name}"))]
    return list(dict.fromkeys(place for one in value for place in places(one, path))) if isinstance(value, list) else []


KEYS: dict[str, Keys] = {
    "cef": lambda line: [*cef(line)[1]],
    "cef_defender": lambda line: [*cef(line)[1]],
    "leef": lambda line: [*leef(line)[1]],
    "syslog_3164": lambda line: [*element(line)],
    "syslog_5424": lambda line: [*element(line)],
}


def keys_of(name: str, line: bytes) -> list[str]:
    return KEYS[name](line) if name in KEYS else places(json.loads(line))


def expected(name: str, case: str) -> set[str]:
    line = FORMATS[name](RECORDS[case])
    return set() if line is None else set(keys_of(name, line))


@pytest.mark.endurance
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=sampling.repeated(40, 3), derandomize=sampling.ENDURANCE, database=None)
@seed(sampling.SEED)
@given(text=st.one_of(TEXTS, LONG))
def test_no_text_breaks_a_line_or_adds_a_field(name: str, case: str, text: str) -> None:
    """No text breaks a line, adds or repeats a field. Fields may be omitted if empty or for lack of space."""
    line = FORMATS[name](hostile(case, text))
    if FORMATS[name](RECORDS[case]) is None:
        assert line is None
        return
    assert line is not None
    assert len(line) <= (syslog_3164.LIMIT if name == "syslog_3164" else SIZE_LIMIT)
    assert not re.search(rb"[\x00-\x08\x0a-\x1f]", line)
    assert name == "leef" or b"\t" not in line
    assert len(line.decode().split("\n")) == 1
    keys = keys_of(name, line)
    assert len(keys) == len(set(keys))
    assert set(keys) <= expected(name, case)
    if case == "alert_open" and name in BACK:
        assert BACK[name](line) == wanted(RECORDS[case])


@pytest.mark.parametrize("name", KEYS)
@given(text=TEXTS)
def test_lines_of_text_cannot_steer_a_terminal(name: str, text: str) -> None:
    """Lines of text have no control or bidirectional characters. JSON is for programs."""
    line = FORMATS[name](hostile("alert_open", text))
    assert line is not None
    assert all(sign.isprintable() or sign in "\t\ufeff" for sign in line.decode())

"""Documents written by users: values are converted, and all faults are reported at once with their position."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from sensor.documents import DocumentErrors, Fault, fault_at, load_document, load_entries
from sensor.documents.nodes import TOO_DEEP, TOO_MANY
from tests.golden import Golden

ENDLESS = "a0: &a0 1\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 13))
PATH = Path("sensor.yaml")


class Listener(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    port: int = Field(1, ge=1, le=65535)
    mode: Literal["tcp", "udp"] = "tcp"


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    listeners: list[Listener] = []
    named: dict[str, Listener] = {}
    only: Listener | None = None
    anything: object = None


def load(text: str) -> Settings:
    return load_document(PATH, Settings, text=text)


def faults(text: str) -> list[str]:
    with pytest.raises(DocumentErrors) as caught:
        load(text)
    return str(caught.value).split("\n")


def test_values() -> None:
    """A valid document becomes its model."""
    loaded = load("listeners:\n  - name: syslog\n    port: 514\n    mode: udp\nonly: {name: x}\n")
    assert loaded.listeners == [Listener(name="syslog", port=514, mode="udp")]
    assert loaded.only == Listener(name="x")


class Bounded(BaseModel):
    short: str = Field("", max_length=3, min_length=1)
    like: str = Field("", pattern="^x$")
    some: list[int] = Field([], min_length=1)
    file: Path = Path()
    even: int = Field(0, multiple_of=2)


@pytest.mark.parametrize(
    "text",
    [
        "short: ''",
        "short: long",
        "like: y",
        "some: []",
        "file: 7",
        "even: 7",
    ],
)
def test_what_was_expected(golden: Golden, text: str) -> None:
    """The message names each bound in plain words."""
    with pytest.raises(DocumentErrors) as caught:
        load_document(PATH, Bounded, text=text)
    [reported] = caught.value.faults
    assert reported.code == "config.invalid-value"
    golden(reported.message)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10:20:30:40:50:10", "10:20:30:40:50:10"),
        ("1:30.5", "1:30.5"),
        ("2026-11-24", "2026-11-24"),
        ("12", 12),
        ("1.5", 1.5),
        ("true", True),
        ("~", None),
        ("[1, {a: b}]", [1, {"a": "b"}]),
        ("{1: 2}", {1: 2}),
    ],
)
def test_scalars(text: str, value: object) -> None:
    """Numbers, booleans and null differ from text; dates and colon-separated numbers stay text."""
    assert load(f"anything: {text}").anything == value


def test_all_faults_at_once(golden: Golden) -> None:
    """All faults are reported at once, in the order of the file, with the nearest valid key or value."""
    text = """\
listeners:
  - {nam: x, port: 99999, mode: tpc}
only: {name: 3, name: 4}
named: {a: {name: y, prt: 2}}
anythin: 3
"""
    golden(faults(text))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "1:1"),
        ("# only a comment\n", "1:1"),
        ("- a\n", "1:1"),
        ("hello\n", "1:1"),
        ("only:\n\tname: x\n", "2:1"),
        ("listeners: 3\n", "1:12"),
        (
            "only: !!python/name:os.system x\n",
            "1:7",
        ),
        ("only: {name: x, name: y}\n", "1:17"),
        ("only: {name: x, <<: {port: 3}}\n", "1:17"),
        ("only: {name: x, [1]: 3}\n", "1:17"),
        ("anything: " + "[" * 40 + "]" * 40, "1:43"),
        (
            "only: {name: x\n",
            "2:1",
        ),
    ],
)
def test_one_fault(golden: Golden, text: str, place: str) -> None:
    """A fault of the whole file is reported with its position."""
    [fault] = faults(text)
    assert fault.startswith(f"sensor.yaml:{place}: ")
    golden(fault)


def test_not_utf8(golden: Golden, tmp_path: Path) -> None:
    """A byte that is not UTF-8 is reported by line and column."""
    path = tmp_path / "a.yaml"
    path.write_bytes(b"only:\n  name: caf\xe9\n")
    with pytest.raises(DocumentErrors) as caught:
        load_document(path, Settings)
    golden(caught.value.faults)


def test_byte_order_mark(tmp_path: Path) -> None:
    """A byte order mark at the start is no fault."""
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfonly: {name: x}\n")
    assert load_document(path, Settings).only == Listener(name="x")


def test_missing_file(golden: Golden, tmp_path: Path) -> None:
    """An unreadable file is a fault as any other."""
    with pytest.raises(DocumentErrors) as raised:
        load_document(tmp_path / "none.yaml", Settings)
    golden(str(raised.value))


def test_later_fault() -> None:
    """A fault found by comparing documents has the position of its value."""
    assert fault_at(PATH, ("listeners", 1, "name"), "taken", text="listeners:\n  - name: a\n  - name: b\n") == Fault(
        PATH, 3, 11, "taken"
    )


def test_later_fault_of_a_key() -> None:
    """The fault has the position of the key if the key is invalid."""
    assert fault_at(
        PATH, ("listeners", 0, "name"), "odd", text="listeners:\n  - {port: 5, name: a}\n", key=True
    ) == Fault(PATH, 2, 15, "odd")


def test_entries_that_are_right() -> None:
    """Invalid entries of a list are reported and omitted; the others keep their positions."""
    text = "listeners:\n  - {name: a}\n  - {nam: b}\n  - {name: c, port: 0}\n  - {name: d}\n  - 5\n"
    document, places, entry_faults = load_entries(PATH, Settings, "listeners", text=text)
    assert ([one.name for one in document.listeners], places) == (["a", "d"], [0, 3])
    assert [fault.line for fault in entry_faults] == [3, 3, 4, 6]


@pytest.mark.parametrize(
    "text",
    [
        "listeners: 5\n",
        "listeners: [{name: a}]\nlisteneers: []\n",
        "listeners:\n  - {name: a}\nonly: {port: 1}\n",
        "a: [\n",
        ENDLESS,
    ],
)
def test_entries_of_an_invalid_document(text: str) -> None:
    """A fault outside the entries is a fault of the document."""
    with pytest.raises(DocumentErrors):
        load_entries(PATH, Settings, "listeners", text=text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (ENDLESS, Fault(PATH, 7, 5, TOO_MANY)),
        ("a: &a {b: *a}\n", Fault(PATH, 1, 4, TOO_DEEP)),
        ("a: &a [1, *a, *a]\n", Fault(PATH, 1, 4, TOO_DEEP)),
        ("a: &a [[[[1]]]]\nb: " + "[" * 30 + "*a" + "]" * 30 + "\n", Fault(PATH, 1, 9, TOO_DEEP)),
    ],
    ids=["too many", "within itself", "within itself twice", "an alias far below"],
)
def test_aliases_without_end(text: str, fault: Fault) -> None:
    """A short document may have more values than can be read one by one: the first has 10 to the power of 12."""
    with pytest.raises(DocumentErrors) as raised:
        load_document(PATH, Settings, text=text)
    assert fault in raised.value.faults

"""Fields that are not selected or are redacted are in no format, whatever a peer's name is and wherever a sentence
contains it; and every format can still encode the record.
"""

from __future__ import annotations

import copy
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.delivery.redaction import ENVELOPE, FACTS, NEEDED, NEVER_REDACTED, WORDS, changes
from sensor.delivery.section import load_delivery
from sensor.documents import DocumentErrors
from sensor.outputs._email_body import page, plain, subject
from sensor.outputs._home_assistant import presence
from sensor.outputs._names import named
from sensor.outputs._sentinel_columns import row
from sensor.outputs.formats import FORMATS
from sensor.outputs.kafka import key_of
from sensor.outputs.mqtt import HomeAssistant
from tests.core.test_record import EVERY, maker, numbered
from tests.outputs.samples import RECORDS
from tests.outputs.webhook_samples import RECEIVERS

SALT = b"s" * 32
ALL = {**RECORDS, **{f"core {name}": numbered(make(maker())) for name, make in EVERY.items()}}
# Text around a value in sentences: URLs, a domain, keys, shares, lists.
AROUND = (
    *(
        "{}",
        "({})",
        "{}:445",
        "http://{}/x",
        "http://{}:8080",
        "{}.corp.example",
        "www.{}",
        "ip:{}",
        "mac:{}",
        "{}._ipp._tcp.local",
        r"\\{}\ADMIN$",
        "a|{}|b",
    ),
    *("[{}]:53", '"{}"', "{},", "{}'s", "<{}>", "x@{}", "{}/24"),
)
ADDRESSES = ("10.20.30.41", "00:17:c8:1a:2b:3c", "fd00:20::41")
VALUES = (
    *ADDRESSES,
    "PRN-3F-EAST",
    "prn",
    "Müller",
    "打印机",
    "$share$",
    "a b",
    "..",
    "x" * 300,
    "K\u212ass",
    "printer",
)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from leaves(one, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for one in value:
            yield from leaves(one, path)
    else:
        yield path, value


def encoded(record: dict[str, Any]) -> list[str]:
    """The record in every format that supports it."""
    return [line.decode() for encode in FORMATS.values() if (line := encode(record)) is not None]


def formats_of(record: dict[str, Any]) -> int:
    """The number of formats that support the record. Most changes of one field leave a record as another one was."""
    text = json.dumps(record)
    if text not in _FORMATS_OF:
        _FORMATS_OF[text] = len(encoded(record))
    return _FORMATS_OF[text]


_FORMATS_OF: dict[str, int] = {}
PATHS = sorted({path for record in ALL.values() for path, _ in leaves(record)})
HIDEABLE = [
    path
    for path in PATHS
    if path.partition(".")[0] not in set(ENVELOPE) - {"msg"} and path.rpartition(".")[2] not in NEVER_REDACTED
]


def tokens_in(record: dict[str, Any]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The record with a unique token in place of each text outside of the envelope; the tokens by path."""
    tokens: dict[str, list[str]] = {}

    def put(value: Any, path: str) -> Any:
        if isinstance(value, dict):
            return {name: put(one, f"{path}.{name}".lstrip(".")) for name, one in value.items()}
        if isinstance(value, list):
            return [put(one, path) for one in value]
        if not isinstance(value, str) or path not in HIDEABLE:
            return value
        tokens.setdefault(path, []).append(f"tok{sum(map(len, tokens.values())):04}x")
        return tokens[path][-1]

    return put(record, ""), tokens


def below(path: str, chosen: list[str]) -> bool:
    return any(f"{path}.".startswith(f"{one}.") for one in chosen)


@given(case=st.sampled_from(sorted(ALL)), fields=st.lists(st.sampled_from(PATHS), min_size=1, max_size=6))
def test_fields_that_were_not_chosen_are_in_no_format(case: str, fields: list[str]) -> None:
    """No value of an unselected field is in any format; selected ones are in the native format."""
    change = changes(fields, [], SALT)
    assert change is not None
    record, tokens = tokens_in(ALL[case])
    native, *others = [FORMATS["native"](change(record)), *encoded(change(record))]
    assert native is not None
    along = [
        f"{path}.{name}"
        for path, names in NEEDED.items()
        if any(below(field, [path]) for field in fields)
        for name in names
    ]
    for path, reported in tokens.items():
        goes = below(path, [*fields, *ENVELOPE, *FACTS, *along])
        assert all((word in native.decode()) == goes for word in reported), path
        assert goes or not any(word in line for word in reported for line in others), path


@pytest.mark.parametrize("path", PATHS + sorted({path.rpartition(".")[0] for path in PATHS if "." in path}))
def test_every_format_has_its_words_whatever_is_chosen(path: str) -> None:
    """With a single selected field or object no format refuses the record."""
    change = changes([path], [], SALT)
    assert change is not None
    for case, record in ALL.items():
        assert formats_of(change(record)) == formats_of(record), case


@given(
    case=st.sampled_from(sorted(ALL)),
    redact=st.lists(st.sampled_from(HIDEABLE), min_size=1, max_size=6),
    fields=st.lists(st.sampled_from(PATHS), max_size=4),
)
def test_values_that_are_hidden_are_in_no_format(case: str, redact: list[str], fields: list[str]) -> None:
    """Redacted values are neither in their field nor in sentences, whether all fields are delivered or some."""
    record, tokens = tokens_in(ALL[case])
    sentence = " ".join(word for reported in tokens.values() for word in reported)
    record["msg"] = sentence
    change = changes(fields, redact, SALT)
    assert change is not None
    done = change(record)
    hidden = [word for path, reported in tokens.items() if below(path, redact) and path != "msg" for word in reported]
    assert not any(word in line for line in encoded(done) for word in hidden)
    if "msg" not in redact:
        assert [word for word in done["msg"].split() if not word.startswith("#")] == [
            word for word in sentence.split() if word not in hidden
        ]


def worded(record: dict[str, Any]) -> list[str]:
    """The record by all outputs that build their own bodies."""
    topics = HomeAssistant()
    reported = [
        json.dumps(row(record), ensure_ascii=False),
        subject([record], "x"),
        plain([record]),
        page([record]),
        key_of(record),
    ]
    reported += [json.dumps(make(record), ensure_ascii=False) for make in RECEIVERS.values()]
    reported += [topic + payload.decode() for topic, payload in presence(record, topics)]
    return [*reported, named("{action} {detector} {device} {kind} {sensor} {severity} {site} {type}", record)]


@given(
    case=st.sampled_from(sorted(ALL)),
    redact=st.lists(st.sampled_from(HIDEABLE), min_size=1, max_size=6),
    fields=st.lists(st.sampled_from(PATHS), max_size=4),
)
def test_outputs_with_words_of_their_own_have_no_others(case: str, redact: list[str], fields: list[str]) -> None:
    """Mails, tickets, chat messages, rows, subjects and topics only contain selected and redacted values, and exist for
    any selection.
    """
    record, tokens = tokens_in(ALL[case])
    record["msg"] = " ".join(word for reported in tokens.values() for word in reported)
    change = changes(fields, redact, SALT)
    assert change is not None
    hidden = [word for path, reported in tokens.items() if below(path, redact) for word in reported]
    assert not any(word in text for text in worded(change(record)) for word in hidden)


@pytest.mark.parametrize("path", HIDEABLE + sorted({path.partition(".")[0] for path in HIDEABLE}))
def test_every_format_has_its_words_whatever_is_hidden(path: str) -> None:
    """With a redacted field or object no format refuses the record."""
    change = changes([], [path], SALT)
    assert change is not None
    for case, record in ALL.items():
        assert formats_of(change(record)) == formats_of(record), case


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("around", AROUND)
def test_a_value_within_sentences(value: str, around: str) -> None:
    """A value is redacted next to any characters and in any case, with the same hash everywhere."""
    record = copy.deepcopy(RECORDS["alert_open"])
    record["src"]["hostname"] = value
    record["msg"] = around.format(value)
    record["alert"]["why"] = [around.format(value.upper()), around.format(value.lower())]
    change = changes([], ["src.hostname"], SALT)
    assert change is not None
    done = change(record)
    mark = done["src"]["hostname"]
    if len(value) < 3:
        return
    assert done["msg"] == around.format(mark)
    if value.isascii():
        assert done["alert"]["why"] == [around.format(mark)] * 2
    if value != "printer":  # which is the type of the device as well
        assert not any(value.lower() in line.lower() for line in encoded(done))


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        ("38:8c:50:93:7f:12", "uuid:2f402f80-da50-11e1-9b23-{388c50937f12}"),
        ("38:8c:50:93:7f:12", "Sonos-{388C50937F12}"),
        ("38:8c:50:93:7f:12", "{38-8C-50-93-7F-12}"), ("38:8c:50:93:7f:12", "{388c.5093.7f12} and {38:8c:50:93:7f:12}"),
        ("10.20.30.41", "ip-{10-20-30-41}.example"), ("10.20.30.41", (
            "{10.20.30.41} is not 10.2.030.41, nor 1.3.6.10.20.30.41 "
            "nor 10.20.30.41.2"
        )),
        ("38:8c:50:93:7f:12", "no 0388c50937f12, no 388c50937f120, no 388c50937f12388c50937f12"), ("b a", (
            "{b a} a-b a {b a}, b "
            "ab"
        )),
        ("aaa", "aaaa {aaa} aaaaaa aaa_aaa"), ("$ab", "{$ab}$abc{$ab}{$ab}"), ("fd00::1", (
            "[{fd00::1}]:443 but "
            "fd00::12"
        )),
    ],
)  # fmt: skip
def test_values_in_other_spellings_and_amid_others(value: str, spelled: str) -> None:
    """Names, serial numbers and UUIDs that contain an address have the hash of the value; parts of longer ones do not
    match.
    """
    change = changes([], ["src.mac"], SALT)
    assert change is not None
    done = change({"kind": "alert", "msg": re.sub("[{}]", "", spelled), "src": {"mac": value}})
    assert done["msg"] == re.sub(r"\{.*?\}", done["src"]["mac"], spelled)


def test_addresses_that_differ_by_their_dots_alone() -> None:
    """Each address has its own hash."""
    change = changes([], ["targets.ip"], SALT)
    assert change is not None
    done = change(
        {"kind": "alert", "msg": "10.1.11.1 10-11-1-1 10.11.1.1", "targets": [{"ip": "10.1.11.1"}, {"ip": "10.11.1.1"}]}
    )
    one, other = (end["ip"] for end in done["targets"])
    assert done["msg"] == f"{one} {other} {other}"


@pytest.mark.parametrize("text", ["a" * 1000, "$" * 1000, "host-7 " * 140, "$aa" * 330])
def test_a_peer_that_chooses_names_and_texts_costs_little_time(text: str) -> None:
    """The longest record, full of similar names and of texts that resemble them, is redacted in a short time."""
    names = (
        [f"host-{number}" for number in range(300)]
        + ["a" * number for number in range(1, 250)]
        + ["$" * number for number in range(1, 250)]
    )
    record = {
        "kind": "alert",
        "msg": text,
        "targets": [{"hostname": name} for name in names],
        "alert": {"why": [text] * 60},
    }
    change = changes([], ["targets.hostname"], SALT)
    assert change is not None
    begun = time.process_time()
    change(record)
    assert time.process_time() - begun < 3


@pytest.mark.parametrize(
    ("value", "other"),
    [
        ("10.0.0.1", "10.0.0.10"),
        ("10.0.0.1", "110.0.0.1"),
        ("prn", "prn-2"),
        ("prn", "my_prn"),
        ("prn", "prnt"),
        ("445", "4450"),
    ],
)
def test_another_value_that_begins_or_ends_alike(value: str, other: str) -> None:
    """Another value with the same beginning or end is not redacted."""
    change = changes([], ["src.hostname"], SALT)
    assert change is not None
    done = change({"kind": "alert", "msg": f"{other} and {value}", "src": {"hostname": value}})
    assert done["msg"] == f"{other} and {done['src']['hostname']}"


@pytest.mark.parametrize("odd", ["PRİNTER-7", "prınter-7", "\u212aiosk-7", "\u017ferver-7", "straße-7", "ﬁle-7"])
def test_a_spelling_that_only_looks_alike_refuses_no_record(odd: str) -> None:
    """Letters that some consider equal do not match: with such a name a peer could prevent its alerts from being
    delivered.
    """
    looks = odd.translate({0x130: "I", 0x131: "i", 0x212A: "k", 0x17F: "s", 0xDF: "ss", 0xFB01: "fi"})
    change = changes([], ["src.hostname"], SALT)
    assert change is not None
    for value, text in ((odd, looks), (looks, odd), (odd, odd.swapcase())):
        done = change({"kind": "alert", "msg": f"{text} did it to {value}", "src": {"hostname": value}})
        assert done["msg"].endswith(f"did it to {done['src']['hostname']}")


def test_who_is_named_like_a_word_of_ours_hides_nothing_else() -> None:
    """A device named like a detector, a severity or a type does not redact these: a receiver's rules use them."""
    before = RECORDS["alert_open"]
    folder, detector = before["alert"]["detector"].split(".")
    for name in (
        folder,
        detector,
        before["severity"],
        before["src"]["type"],
        "alert",
        "open",
        before["alert"]["attack"][0]["technique"],
    ):
        record = copy.deepcopy(before)
        record["dst"]["hostname"] = name
        change = changes([], ["dst.hostname"], SALT)
        assert change is not None
        done = change(record)
        assert done["dst"]["hostname"].startswith("#")
        for path in (*(one for one in ENVELOPE if one != "msg"), *WORDS):
            wanted = [value for found, value in leaves(record) if f"{found}.".startswith(f"{path}.")]
            assert [value for found, value in leaves(done) if f"{found}.".startswith(f"{path}.")] == wanted, path


@pytest.mark.parametrize("path", ["alert.first", "device.last_seen", "emitted", "alert.confidence", "incident.risk"])
def test_times_and_numbers_that_formats_reckon_with(tmp_path: Path, path: str) -> None:
    """Fields that formats calculate with cannot be redacted, and the configuration reports it."""
    file = tmp_path / "sensor.yaml"
    file.write_text(f"outputs:\n  a: {{type: file, path: x, redact: [{path}]}}\n")
    with pytest.raises(DocumentErrors, match=rf"sensor\.yaml:2:.*'{path}'"):
        load_delivery(file)


def test_truth_is_hidden_and_not_looked_for() -> None:
    """Booleans are redacted without a search in sentences, many of which contain ``false``."""
    change = changes([], ["device.randomised_mac"], SALT)
    assert change is not None
    done = change({"kind": "device", "msg": "true or false", "device": {"randomised_mac": False}})
    assert done["device"]["randomised_mac"].startswith("#")
    assert done["msg"] == "true or false"

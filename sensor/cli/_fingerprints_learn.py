"""``sensor fingerprints learn``: what a device says in a capture, as drafts of fingerprints. A file of fingerprints is about one kind: so are the drafts."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import numpy as np
import numpy.typing as npt

import sensor.dissectors
from sensor.boundary import Boundary
from sensor.capture.files import open_captures
from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE
from sensor.cli._setup import complain
from sensor.cli._show import put
from sensor.core.addresses import is_group_mac, mac_text, parse_mac
from sensor.core.batch import Batch
from sensor.core.bounded import Bounded
from sensor.core.dissector import Dissector, Parsed
from sensor.core.flow import Change
from sensor.core.observation import Observation
from sensor.core.packet import Packets
from sensor.core.recent import RecentSet
from sensor.decode.flows import FlowTable
from sensor.decode.kernels import Kernels
from sensor.decode.select import Selector
from sensor.documents import nearest
from sensor.engine.dissection import Dissection
from sensor.fingerprinting.draft import CERTAINTY, Draft, drafts, is_informative
from sensor.fingerprinting.load import VOCABULARY, Knowledge, Vocabulary
from sensor.registry import units

# (MAC of who said it, kind, value)
Heard = tuple[int, str, str]
HEARD_LIMIT = 65_536
NAMED_LIMIT = 8
# What machines of other makers say too tells of none; the same product may be there more than once.
MAKER_BITS = 24


def learn(args: argparse.Namespace, knowledge: Knowledge) -> int:
    """Drafts on standard output or in a folder; 1 where nothing new is to be learned, 2 where it is not clear of whom or of what."""
    label = _label(args.label, knowledge.vocabulary)
    if label is None:
        return USAGE
    if not args.words:
        complain("expected learn CAPTURE…", error="usage.missing-argument")
        return USAGE
    source = open_captures(args.words)
    heard = Ear(source.batches()).heard
    source.close()
    for unreadable in source.unreadable:
        complain(str(unreadable), error="capture.not-read")
    if source.unreadable:
        return NOT_OPENED
    mac = _who(args.mac, heard)
    if mac is None:
        return USAGE
    others = {(kind, value) for who, kind, value in heard if who >> MAKER_BITS != mac >> MAKER_BITS}
    found = list(
        drafts(
            ((kind, value) for who, kind, value in heard if who == mac and (kind, value) not in others),
            label,
            mac,
            knowledge,
        )
    )
    if not found:
        complain(
            f"{mac_text(mac)} sent no observation and is not known: nothing to draft",
            error="fingerprint.nothing-learned",
        )
        return NOT_FOUND
    return _give(dict(documents(found, label, knowledge.vocabulary)), args.to)


def _label(words: list[str], vocabulary: Vocabulary) -> dict[str, str] | None:
    """Attribute → value in the words of the vocabulary; None after it was said what is wrong. A vendor nobody knows yet is a new word."""
    label = dict(word.partition("=")[::2] for word in words)
    fault = "" if {"type", "vendor"} & label.keys() else "expected --label with at least type=… or vendor=…"
    for name, value in label.items():
        if name not in vocabulary.attributes:
            fault = f"found {name!r} in the label, {nearest(name, list(vocabulary.attributes))}"
        elif not value:
            fault = f"found no value for {name} in the label, expected {name}=VALUE"
    if label.get("type", "unknown") not in vocabulary.types:
        fault = f"found type {label['type']!r}, {nearest(label['type'], list(vocabulary.types))}"
    if fault:
        complain(fault, error="usage.invalid-value")
        return None
    if "vendor" in label:
        label["vendor"] = vocabulary.spellings().get(label["vendor"].lower(), label["vendor"])
        if label["vendor"] not in vocabulary.vendors:
            complain(
                f"{label['vendor']} is not a known vendor: the draft adds it ({nearest(label['vendor'], list(vocabulary.vendors))})",
                error="fingerprint.new-vendor",
            )
    return label


class Ear:
    """Listens to a capture: what every dissector observes, each fact once, in the order of the packets."""

    def __init__(self, batches: Iterable[Batch]) -> None:
        dissectors = {name: unit() for name, unit in units(sensor.dissectors, Dissector).items()}
        kernels = Kernels(FlowTable(), Selector([unit.interest for unit in dissectors.values()], RecentSet()))
        self._heard: Bounded[Heard, bool] = Bounded(HEARD_LIMIT)
        self._dissection = Dissection(dissectors, Boundary(), kernels.unfollow, self._hear)
        last = 0
        for batch in batches:
            work = kernels.run(batch.data, batch.rows)
            packets = Packets(batch.data, batch.rows)
            for row, wanted in zip(work.chosen.tolist(), work.wanted.tolist(), strict=True):
                self._dissection.row(packets, row, wanted)
            self._end(work.changes)
            last = int(batch.rows["ts"][-1]) if len(batch) else last
            batch.release()
        for part in range(FlowTable.PARTS):
            self._end(kernels.flows.finish(last, part))

    @property
    def heard(self) -> list[Heard]:
        return list(self._heard)

    def _hear(self, said: Iterable[Parsed]) -> None:
        for one in said:
            if isinstance(one, Observation) and one.subject.mac and not is_group_mac(one.subject.mac):
                self._heard.put((one.subject.mac, one.kind, one.value), True)

    def _end(self, changes: npt.NDArray[np.void]) -> None:
        """Streams of conversations that are over."""
        for flow in changes["flow"][changes["kind"] == Change.ENDED].tolist():
            self._dissection.end(flow)


def _who(wanted: str | None, heard: list[Heard]) -> int | None:
    """The MAC that is meant; None after it was said why that is not clear."""
    counts = Counter(mac for mac, kind, value in heard if is_informative(kind, value))
    if wanted is not None:
        try:
            mac = parse_mac(wanted)
        except ValueError:
            complain(
                f"found {wanted!r} for --mac, expected a MAC such as ac:cc:8e:10:20:30", error="usage.invalid-value"
            )
            return None
        if mac in counts:
            return mac
        complain(
            f"{mac_text(mac)} sent no observation in this capture{_those(counts)}", error="fingerprint.nothing-learned"
        )
        return None
    if len(counts) == 1:
        return next(iter(counts))
    complain(
        f"expected --mac: the capture contains {len(counts)} devices{_those(counts)}"
        if counts
        else "no device sent an observation in this capture",
        error="device.ambiguous",
    )
    return None


def _those(counts: Counter[int]) -> str:
    named = ", ".join(f"{mac_text(mac)} ({count})" for mac, count in counts.most_common(NAMED_LIMIT))
    return f": {named}" if named else ""


def documents(found: list[Draft], label: dict[str, str], vocabulary: Vocabulary) -> Iterator[tuple[str, str]]:
    """(file name, text): one for each kind, and one for a vendor that is a new word."""
    if label.get("vendor", "") not in {"", *vocabulary.vendors}:
        yield VOCABULARY, f"vendors:\n  {_quoted(label['vendor'])}: []\n"
    for kind, some in groupby(found, attrgetter("kind")):
        entries = list(some)
        told = sorted({name for entry in entries for name in entry.asserts})
        head = f"# Drafted from a capture of {' '.join(label.values())}. Review and correct it, and raise the confidence of what you know.\n"
        head += f"observation: [{kind}]\nfamily: {entries[0].family}\nsource: own capture\n"
        head += f"certainty: {{{', '.join(f'{name}: {CERTAINTY[name]}' for name in told)}}}\n\nfingerprints:\n"
        yield f"{kind}.yaml", head + "".join(map(_entry, entries))


def _entry(draft: Draft) -> str:
    doubts = "".join(f"  # {doubt}\n" for doubt in draft.doubts)
    asserts = ", ".join(f"{name}: {_quoted(text)}" for name, text in draft.asserts.items())
    example = ", ".join(f"{name}: {_quoted(text)}" for name, text in {"value": draft.example, **draft.yields}.items())
    return f"{doubts}  - id: {draft.name}\n    match: {{{draft.operator}: {_quoted(draft.text)}}}\n    assert: {{{asserts}}}\n    examples: [{{{example}}}]\n"


def _quoted(text: str) -> str:
    """Text for YAML, in quotes that leave backslashes alone."""
    return "'" + text.replace("'", "''") + "'"


def _give(files: dict[str, str], folder: Path | None) -> int:
    """Print the drafts, or write them; a file that is there is never replaced."""
    if folder is None:
        put("---\n".join(f"# {name}\n{text}" for name, text in files.items()).rstrip("\n"))
        return 0
    taken = [name for name in files if (folder / name).exists()]
    if taken:
        complain(f"{folder / taken[0]} exists: name another folder", error="file.exists")
        return USAGE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        complain(f"cannot write to {folder}: {error.strerror}", error="file.not-written")
        return NOT_OPENED
    put(f"wrote {', '.join(sorted(files))} to {folder}; `sensor fingerprints test {folder}` runs their examples")
    return 0

"""``sensor fingerprints learn``: drafts of fingerprints from a device's traffic in a capture, one file per kind."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from sensor.capture.files import open_captures
from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE
from sensor.cli._setup import complain
from sensor.cli._show import put
from sensor.core.addresses import mac_text, parse_mac
from sensor.documents import nearest
from sensor.engine.observations import Observed, observations_of
from sensor.fingerprinting.draft import drafts, is_informative
from sensor.fingerprinting.draft_files import draft_files
from sensor.fingerprinting.entries import Knowledge
from sensor.fingerprinting.vocabulary import Vocabulary

NAMED_LIMIT = 8
# Values that devices of other vendors also send identify none; the same product may be present more than once.
MAKER_BITS = 24


def learn(args: argparse.Namespace, knowledge: Knowledge) -> int:
    """Drafts on standard output or in a folder; 1 if there is nothing new, 2 if the device or the label is unclear."""
    label = _label(args.label, knowledge.vocabulary)
    if label is None:
        return USAGE
    if not args.operands:
        complain("expected learn CAPTURE…", error="usage.missing-argument")
        return USAGE
    source = open_captures(args.operands)
    observed = observations_of(source.batches())
    source.close()
    for unreadable in source.unreadable:
        complain(str(unreadable), error="capture.not-read")
    if source.unreadable:
        return NOT_OPENED
    mac = _who(args.mac, observed)
    if mac is None:
        return USAGE
    others = {(kind, value) for who, kind, value in observed if who >> MAKER_BITS != mac >> MAKER_BITS}
    found = list(
        drafts(
            ((kind, value) for who, kind, value in observed if who == mac and (kind, value) not in others),
            label,
            mac,
            knowledge,
        )
    )
    if not found:
        complain(
            f"{mac_text(mac)} sent no observation: nothing to draft",
            error="fingerprint.nothing-learned",
        )
        return NOT_FOUND
    return _give(dict(draft_files(found, label, knowledge.vocabulary)), args.output)


def _label(arguments: list[str], vocabulary: Vocabulary) -> dict[str, str] | None:
    """Attribute → value in terms of the vocabulary; None after an error. A new vendor is added to it."""
    label = dict(argument.partition("=")[::2] for argument in arguments)
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
                (
                    f"{label['vendor']} is not a known vendor: the draft adds it "
                    f"({nearest(label['vendor'], list(vocabulary.vendors))})"
                ),
                error="fingerprint.new-vendor",
            )
    return label


def _who(wanted: str | None, observed: list[Observed]) -> int | None:
    """The selected MAC; None after an error if it is ambiguous."""
    counts = Counter(mac for mac, kind, value in observed if is_informative(kind, value))
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


def _give(files: dict[str, str], folder: Path | None) -> int:
    """Print the drafts, or write them; existing files are never replaced."""
    if folder is None:
        put("---\n".join(f"# {name}\n{text}" for name, text in files.items()).rstrip("\n"))
        return 0
    taken = [name for name in files if (folder / name).exists()]
    if taken:
        complain(f"{folder / taken[0]} exists: specify another folder", error="file.exists")
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

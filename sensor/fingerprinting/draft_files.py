"""Drafts of fingerprints as files, one per kind, like fingerprint files."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter

from sensor.documents.shipped import VOCABULARY
from sensor.fingerprinting.draft import CERTAINTY, Draft
from sensor.fingerprinting.vocabulary import Vocabulary


def draft_files(found: list[Draft], label: dict[str, str], vocabulary: Vocabulary) -> Iterator[tuple[str, str]]:
    """(file name, text): one for each kind, and one for a vendor that is missing in the vocabulary."""
    if label.get("vendor", "") not in {"", *vocabulary.vendors}:
        yield VOCABULARY, f"vendors:\n  {_quoted(label['vendor'])}: []\n"
    for kind, some in groupby(found, attrgetter("kind")):
        entries = list(some)
        attributes = sorted({name for entry in entries for name in entry.asserts})
        head = (
            f"# Drafted from a capture of {' '.join(label.values())}. Review and correct it, and increase the "
            "certainty of verified values.\n"
        )
        head += f"observation: [{kind}]\nfamily: {entries[0].family}\nsource: own capture\n"
        head += f"certainty: {{{', '.join(f'{name}: {CERTAINTY[name]}' for name in attributes)}}}\n\nfingerprints:\n"
        yield f"{kind}.yaml", head + "".join(map(_entry, entries))


def _entry(draft: Draft) -> str:
    doubts = "".join(f"  # {doubt}\n" for doubt in draft.doubts)
    asserts = ", ".join(f"{name}: {_quoted(text)}" for name, text in draft.asserts.items())
    example = ", ".join(f"{name}: {_quoted(text)}" for name, text in {"value": draft.example, **draft.yields}.items())
    return (
        f"{doubts}  - id: {draft.name}\n    match: {{{draft.operator}: {_quoted(draft.text)}}}\n"
        f"    assert: {{{asserts}}}\n    examples: [{{{example}}}]\n"
    )


def _quoted(text: str) -> str:
    """Text for YAML, in quotes that keep backslashes."""
    return "'" + text.replace("'", "''") + "'"

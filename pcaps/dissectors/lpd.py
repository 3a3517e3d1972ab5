"""LPD: a print job with the control file after the data file."""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, PRINTER, Frames, conversation


def frames() -> Frames:
    control = b"Hws-042\nPmiller\nJBudget 2026\nCws-042\nLmiller\nldfA042ws-042\nNbudget.pdf\n"
    job = [
        (True, b"\2lp\n"),
        (False, b"\0"),
        (True, b"\x0320 dfA042ws-042\n" + b"%PDF-1.4 of 20 bytes" + b"\0"),
        (False, b"\0\0"),
        (True, b"\2%d cfA042ws-042\n" % len(control) + control + b"\0"),
        (False, b"\0\0"),
    ]
    yield from conversation((DESKTOP, "10.20.30.66", 721), (PRINTER, "10.20.30.41", 515), job)

"""Detectors of flow changes: they count in columns, and evaluate the few rows that stand out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from sensor.core.alert import Alert
from sensor.core.detector import Context, Detector
from sensor.core.flow import Flow
from sensor.counting.changes import Changes
from sensor.counting.windows import DistinctWindow


def sized_window(
    context: Context, window_ns: int, key_bits: int, pair_bits: int, grace_ns: int = 0, wait_bits: int = 15
) -> DistinctWindow:
    """A window to count in (``windows.DistinctWindow``), of a size that the memory budget allows."""
    more = context.more_bits
    return DistinctWindow(window_ns, key_bits + more, pair_bits + more, grace_ns, wait_bits + more)


class FlowDetector(Detector):
    """Looks at flow changes in bulk, then evaluates the few rows that stand out.

    ``candidates`` gets the changes in packet order, of as many packets as a batch happens to hold; its answer must not
    depend on how they are cut. It runs no Python per row: numpy and the kernels of this package. Devices may not be
    asked here, for it runs ahead of dissection; ``evaluate`` is called at the packet of each candidate and may ask.
    ``floods``: also the unanswered flows to hosts that are flooded, which all other detectors ignore.
    """

    floods: ClassVar[bool] = False

    def window(
        self, window_ns: int, key_bits: int, pair_bits: int, grace_ns: int = 0, wait_bits: int = 15
    ) -> DistinctWindow:
        """A window to count in, as ``sized_window``."""
        return sized_window(self.context, window_ns, key_bits, pair_bits, grace_ns, wait_bits)

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Any]]:
        """(index into ``changes.rows``, numbers for ``evaluate``) of each row worth a look."""
        raise NotImplementedError

    def worth(self, numbers: Any) -> bool:
        """Whether a candidate is worth making its Flow for, asked at its packet: a cheap look at what ``candidates``
        could not ask.
        """
        return True

    def evaluate(self, flow: Flow, numbers: Any) -> Iterator[Alert]:
        """The alerts of one candidate."""
        raise NotImplementedError

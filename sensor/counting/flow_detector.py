"""Base class of detectors of flow changes: they count in columns, and evaluate the few rows that stand out."""

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
    """A window for counting (``windows.DistinctWindow``), of a size within the memory budget."""
    more = context.more_bits
    return DistinctWindow(window_ns, key_bits + more, pair_bits + more, grace_ns, wait_bits + more)


class FlowDetector(Detector):
    """Inspects flow changes in bulk, then evaluates the few rows that stand out.

    ``candidates`` gets the changes in packet order, of as many packets as a batch happens to hold; its result must not
    depend on how packets are split into batches. It runs no Python per row: numpy and the kernels of this package.
    ``take`` and ``compress`` choose rows (an index copies them field by field, see ``core/row_copies.py``). It must not
    use devices, because it runs ahead of dissection; ``evaluate``, called at the packet of each candidate, may
    use them. ``floods``: also pass unanswered flows to flooded hosts, which all other detectors ignore.
    """

    floods: ClassVar[bool] = False

    def window(
        self, window_ns: int, key_bits: int, pair_bits: int, grace_ns: int = 0, wait_bits: int = 15
    ) -> DistinctWindow:
        """A window for counting, like ``sized_window``."""
        return sized_window(self.context, window_ns, key_bits, pair_bits, grace_ns, wait_bits)

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Any]]:
        """(index into ``changes.rows``, numbers for ``evaluate``) of each row that needs evaluation."""
        raise NotImplementedError

    def is_relevant(self, numbers: Any) -> bool:
        """Whether to make the Flow of a candidate, called at its packet: an inexpensive check of data that
        ``candidates`` could not use.
        """
        return True

    def evaluate(self, flow: Flow, numbers: Any) -> Iterator[Alert]:
        """The alerts for one candidate."""
        raise NotImplementedError

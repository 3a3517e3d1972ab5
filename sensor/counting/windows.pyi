from __future__ import annotations

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
I8 = npt.NDArray[np.int8]

class DistinctWindow:
    window_ns: int
    grace_ns: int
    evicted_keys: int
    evicted_pairs: int
    @property
    def evicted(self) -> int: ...
    overrun: int
    threshold: int
    fewest: int
    share: float
    gain: float
    loss: float
    level: float
    def __init__(
        self, window_ns: int, key_bits: int = 14, pair_bits: int = 17, grace_ns: int = 0, wait_bits: int = 15
    ) -> None: ...
    def rule(
        self,
        *,
        threshold: int,
        share: float = 0.0,
        fewest: int = ...,
        gain: float = 0.0,
        loss: float = 0.0,
        level: float = 0.0,
    ) -> None: ...
    def count(self, keys: U64, values: U64, ts: I64, always: bool = False) -> npt.NDArray[np.uint32]: ...
    def forget(self, keys: U64, values: U64, ts: I64) -> None: ...
    def follow(self, keys: U64, values: U64, ts: I64, since: I64, ops: I8) -> list[tuple[int, int, int, list[int]]]: ...
    def follow_one(self, key: int, value: int, ts: int, op: int) -> tuple[int, int, list[int]] | None: ...
    def sample(self, key: int) -> list[int]: ...

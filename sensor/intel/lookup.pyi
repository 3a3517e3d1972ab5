from __future__ import annotations

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
U32 = npt.NDArray[np.uint32]
U8 = npt.NDArray[np.uint8]
I32 = npt.NDArray[np.int32]

class AddressTable:
    nbytes: int
    def __init__(self, hi: U64, lo: U64, bits: U8, numbers: I32) -> None: ...
    def listed(self, hi: U64, lo: U64) -> I32: ...

def give_back() -> None: ...
def boundaries(hi: U64, lo: U64, bits: U8, numbers: I32) -> tuple[U64, U64, I32]: ...
def plain_lines(data: U8) -> tuple[U64, U64, U8, U32, U32]: ...

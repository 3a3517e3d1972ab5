"""Compilation of the kernels: each ``.pyx`` below ``sensor/`` is a kernel; all have the same flags and are compiled in
parallel. All other settings are in setup.cfg and pyproject.toml.

The utility code of Cython for typed memoryviews is a megabyte of C; it is compiled once, as ``sensor.core._shared``,
which the kernels import. This cannot be configured in TOML.
"""

from __future__ import annotations

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

SHARED = "sensor.core._shared"
# CFLAGS of the environment replaces the flags of the interpreter, and without optimization the kernels are five times
# slower. -O3 compiles longer and is not faster (measured).
FLAGS = ["-O2", "-g0", "-fwrapv", "-DNDEBUG"]
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def kernel(path: Path) -> Extension:
    """One kernel, by its dotted name."""
    return Extension(".".join(path.with_suffix("").parts), [path.as_posix()], extra_compile_args=FLAGS)


# The slowest first, so that parallel compilation ends without waiting for one.
paths = sorted(Path("sensor").rglob("*.pyx"), key=lambda path: (-path.stat().st_size, path))
shared = Extension(SHARED, [f"{SHARED.replace('.', '/')}.c"], extra_compile_args=FLAGS)

if __name__ == "__main__":
    modules = cythonize([shared, *map(kernel, paths)], nthreads=CORES, shared_utility_qualified_name=SHARED)
    setup(ext_modules=modules, options={"build_ext": {"parallel": CORES}})

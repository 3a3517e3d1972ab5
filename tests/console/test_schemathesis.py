"""The API against its own description: schemathesis makes valid and invalid requests from the OpenAPI document, and
finds no response that the document does not describe.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.console.kit import Running
from tests.sampling import SEED, count

pytestmark = pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="needs schemathesis")
# Values such as a dataset or a severity depend on data that a schema does not know: any other string is rejected,
# as it should be.
LEFT_OUT = "positive_data_acceptance"
# A stream does not end.
STREAM = "/api/v1/events"


def test_no_request_gets_an_answer_that_is_not_described(start: Callable[..., Running], own: Path) -> None:
    """The token may write, so comments are written too."""
    running = start(own)
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{running.url}/api/v1/openapi.json", "--no-color",
        "--header", f"Authorization: Bearer {running.token('write')}", "--exclude-path", STREAM, "--checks", "all",
        "--exclude-checks", LEFT_OUT, "--max-examples", str(count(100, 2)), "--seed", str(SEED), "--no-shrink",
        "--phases", "examples,coverage,fuzzing" if count(1, 0) else "fuzzing", "--generation-database", "none",
        "--continue-on-failure", "--warnings", "off",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=own, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "No issues found" in done.stdout

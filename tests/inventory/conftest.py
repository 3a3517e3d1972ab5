from __future__ import annotations

from collections.abc import Callable

import pytest

from sensor.inventory.limits import Limits
from tests.inventory.stories import Story


@pytest.fixture
def story() -> Story:
    return Story().at(0)


@pytest.fixture
def story_with() -> Callable[[Limits], Story]:
    return lambda limits: Story(limits).at(0)

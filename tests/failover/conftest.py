"""What the stories of failovers share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.embedded import temporary_home


@pytest.fixture
def home() -> Iterator[Path]:
    with temporary_home() as folder:
        yield folder

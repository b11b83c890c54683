"""What a client says when it fails is shown."""

import sys
from pathlib import Path

import pytest

from tests.doors.installing import run


async def test_a_command_that_fails_fails_the_test_with_what_it_said(tmp_path: Path) -> None:
    assert await run([sys.executable, "-c", "print('well')"], tmp_path) == "well\n"
    with pytest.raises(AssertionError, match="no such luck"):
        await run([sys.executable, "-c", "raise SystemExit('no such luck')"], tmp_path)

"""Directives of systemd's units."""

import re
from pathlib import Path


def directives(unit: Path, name: str) -> list[str]:
    """The values that the unit gives a directive, in their order."""
    return re.findall(rf"^{name}=(.*)$", unit.read_text(), re.MULTILINE)


def words(unit: Path, name: str) -> list[str]:
    """The words of all these values."""
    return [word for value in directives(unit, name) for word in value.split()]

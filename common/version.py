"""The version of this release, which everything else that names one must name too (tests/common/test_version.py)."""

from typing import Final

VERSION: Final = "1.0.0"

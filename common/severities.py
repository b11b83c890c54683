"""How bad an error is: the words of the API, and the numbers that are stored. Pure."""

from enum import IntEnum
from typing import Literal


class Severity(IntEnum):
    """How bad an error is, as stored; the lower-case names are the words of the API."""

    debug = 0
    info = 1
    warning = 2
    error = 3
    critical = 4


# The names as a type, for the forms of what is sent; a test holds the two together, since a type cannot be made of an
# enumeration's names.
SeverityWord = Literal["debug", "info", "warning", "error", "critical"]

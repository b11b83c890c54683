"""How bad a record is, in the words and on the scales of those who log."""

import pytest

from api.ingest.receivers.shipper.levels import read_level

WORDS = {
    "debug": "TRACE Debug dbg FINE verbose D DEBUG-4",
    "info": "INFO information NOTICE inf LOG I",
    "warning": "WARN Warning wrn W WARN+3 [warn] log.warning",
    "error": "ERROR err ERR ERROR+4 SEVERE fail E [ERROR] error: \x1b[31mERROR\x1b[0m",
    "critical": "FATAL critical CRIT emerg ALERT panic DPANIC ftl F",
}


@pytest.mark.parametrize(("word", "level"), [(word, level) for level, words in WORDS.items() for word in words.split()])
def test_words_in_any_case_and_dress(word: str, level: str) -> None:
    assert read_level(word) == level


@pytest.mark.parametrize(
    ("value", "name", "is_python", "level"),
    [
        (3, "level", False, "error"),  # syslog, as GELF has it
        ("4", "priority", False, "warning"),
        (11, "priority", False, "error"),  # with a facility
        (50, "level", False, "error"),  # pino and bunyan
        (60, "level", False, "critical"),
        (40, "level", False, "warning"),
        (40, "level", True, "error"),  # Python
        (40, "levelno", False, "error"),
        (30, "levelno", False, "warning"),
        (400, "level", False, "error"),  # Monolog
        (550, "level", False, "critical"),
        (40_000, "levelvalue", False, "error"),  # logback
        (17, "severitynumber", False, "error"),  # OpenTelemetry
        (21, "severitynumber", False, "critical"),
        (3, "severitylevel", False, "error"),  # Application Insights
    ],
)
def test_numbers_by_their_scale(value: object, name: str, is_python: bool, level: str) -> None:
    assert read_level(value, name, is_python=is_python) == level


@pytest.mark.parametrize("value", ["checkout", "", "a" * 1_000, 9, 1_000, -1, True, None, [], 10**30, float("nan")])
def test_what_is_no_level(value: object) -> None:
    assert read_level(value, "level") is None

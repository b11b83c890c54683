"""Severities are the same words wherever they stand."""

from typing import get_args

from api.ingest.receivers.wording import SEVERITY_WORDS
from api.ingest.rows import SEVERITIES
from common.severities import Severity, SeverityWord


def test_the_words_of_severities_are_the_names_of_what_is_stored() -> None:
    names = [severity.name for severity in Severity]
    assert list(get_args(SeverityWord)) == names
    assert list(SEVERITIES) == names
    assert [*dict.fromkeys(SEVERITY_WORDS.values())] == names
    assert all(SEVERITY_WORDS[name] == name for name in names)

"""The table of forms: each has a test line of its own, and begins with what it says that it begins with."""

from api.ingest.receivers.shipper.forms import FORMS, level_of_status
from api.ingest.receivers.shipper.lines import read_line
from tests.api.ingest.receivers.shipper.test_lines import LINES

JUL = "Nov 23, 2026 6:04:05 PM com.acme.Orders place\nSEVERE: it failed"


def test_every_form_has_a_line_that_shows_it() -> None:
    shown = {line.form for text in [*(sample[0] for sample in LINES), JUL] if (line := read_line(text)) is not None}
    assert {form.name for form in FORMS} <= shown


def test_two_lines_of_java_util_logging_are_one() -> None:
    line = read_line(JUL)
    assert line is not None
    assert (line.level, line.message, line.fields["logger"]) == ("SEVERE", "it failed", "com.acme.Orders")


def test_a_status_says_who_failed() -> None:
    assert [level_of_status(status) for status in ("200", "404", "503")] == ["info", "info", "error"]

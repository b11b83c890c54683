"""Rows as CSV and as markdown: read back as they were, and no cell that is run."""

from api.reads.tables import as_csv


def test_a_message_is_no_formula_in_a_spreadsheet() -> None:
    lines = as_csv(["message", "count"], [["=HYPERLINK(1)", -3], ["plain", 2]]).splitlines()
    assert lines == ["message,count", "'=HYPERLINK(1),-3", "plain,2"]

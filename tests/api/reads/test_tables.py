"""Rows as CSV and as markdown: read back as they were, and no cell that is run."""

from api.reads.tables import as_csv, as_markdown, join_cells


def test_a_message_is_no_formula_in_a_spreadsheet() -> None:
    lines = as_csv(["message", "count"], [["=HYPERLINK(1)", -3], ["plain", 2]]).splitlines()
    assert lines == ["message,count", "'=HYPERLINK(1),-3", "plain,2"]


def test_without_columns_there_is_no_header() -> None:
    assert as_csv([], [["a", 1]]) == "a,1\r\n"
    assert as_markdown({}, [], [["a", 1]], 0) == "|a|1|\n"


def test_a_fact_that_is_not_known_is_not_told_and_what_was_left_out_is() -> None:
    told = as_markdown({"total": 3, "next": None}, ["a"], [["x"]], 2)
    assert told == "total 3\n\n|a|\n|-|\n|x|\n\n2 more rows were left out: raise max_tokens, or filter.\n"


def test_a_backslash_at_the_end_of_a_cell_does_not_take_the_stroke_after_it() -> None:
    assert join_cells(["a\\", "b"]) == "|a\\ |b|"

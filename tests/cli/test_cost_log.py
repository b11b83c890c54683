"""A cost log kept by hand is read as it stands: nothing guessed, nothing turned into 0."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.cost_log import CostLogEmpty, CostRow, parse_cost_log
from cli.cost_numbers import NumberUnreadable, read_each, read_tokens, read_usd

LOG = """# Cost log

## Monthly aggregates, February 2026

| Team | Tokens | Cost | Tokens/Deliverable | Status |
|------|-------:|-----:|--------------------|--------|
| Frontend | 12,450 | $0.037 | 3.1K | ✅ OK |
| **Backend**|35,670| $0.107 |5.9K | Watch
| `ops` | 78480 | n/a | — |  |
| **TOTAL MTD** | **126,600** | **$0.144** | | |

Budget: 200,000 tokens
"""


def test_the_form_that_teams_keep_is_read_whole() -> None:
    log = parse_cost_log(LOG)
    assert log.rows == (
        CostRow(7, "Frontend", 12_450, Decimal("0.037"), Decimal(3100), None, "ok"),
        CostRow(8, "Backend", 35_670, Decimal("0.107"), Decimal(5900), None, "watch"),
        CostRow(9, "ops", 78_480),
    )
    assert log.total == CostRow(10, "TOTAL MTD", 126_600, Decimal("0.144"))
    assert log.total_tokens == 126_600
    assert log.budget_tokens == 200_000
    assert log.unread == ()


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("126,600", 126_600),
        ("126600", 126_600),
        ("126 600", 126_600),
        ("126\u00a0600", 126_600),
        ("126'600", 126_600),
        ("~126,600 tokens", 126_600),
        ("126.6K", 126_600),
        ("0.2M", 200_000),
        ("126,600 / 200,000", 126_600),
        ("126,600 of 200K (63.3 %)", 126_600),
        ("1,234,567", 1_234_567),
        ("0", 0),
        ("", None),
        ("—", None),
        ("n/a", None),
    ],
)
def test_tokens_in_every_usual_spelling(text: str, tokens: int | None) -> None:
    assert read_tokens(text) == tokens


@pytest.mark.parametrize(
    "text", ["126.600", "126,60", "1,26,600", "0,126", "-5", "12x", "1.2345K", "126,600 200", "١٢", "$5"]
)
def test_tokens_that_could_be_two_things_are_refused(text: str) -> None:
    with pytest.raises(NumberUnreadable, match="not a whole number of tokens"):
        read_tokens(text)


@pytest.mark.parametrize(
    ("text", "usd"),
    [("$0.037", "0.037"), ("0.037 USD", "0.037"), ("$1,234.50", "1234.50"), ("$.5", "0.5"), ("unpriced", None)],
)
def test_dollars_in_every_usual_spelling(text: str, usd: str | None) -> None:
    assert read_usd(text) == (None if usd is None else Decimal(usd))


@pytest.mark.parametrize("text", ["€5", "$", "1,23", "0,037", "NaN", "-1"])
def test_other_money_is_refused(text: str) -> None:
    with pytest.raises(NumberUnreadable, match="not an amount in dollars"):
        read_usd(text)


def test_the_band_may_stand_beside_the_number() -> None:
    assert read_each("5.9K (⚠️ watch)") == (Decimal(5900), "watch")
    assert read_each("950") == (Decimal(950), "")


@pytest.mark.parametrize(
    ("cell", "each", "word"),
    [
        ("3.1K/deliverable OK", 3100, "ok"),
        ("3.1K / deliverable (OK)", 3100, "ok"),
        ("3.1K tokens/deliverable ✅ OK", 3100, "ok"),
        ("~3,100 tokens per task — watch", 3100, "watch"),
        ("3100 tok/PR", 3100, ""),
        ("3.1k per item", 3100, ""),
        ("3 100 ok", 3100, "ok"),
        ("950", 950, ""),
        ("3.15", Decimal("3.15") * 1000, ""),
        ("— ok", None, "ok"),
        ("n/a", None, ""),
        ("", None, ""),
    ],
)
@pytest.mark.parametrize("header", ["Tokens/Deliverable", "Tokens per task", "tok / item", "Per deliverable"])
def test_units_of_tokens_per_deliverable_stand_in_the_cell_under_any_header(
    header: str, cell: str, each: Decimal | None, word: str
) -> None:
    in_thousands = cell == "3.15"
    log = parse_cost_log(
        f"| Team | Tokens | {header}{' (K)' if in_thousands else ''} |\n|---|---|---|\n| a | 5 | {cell} |\n"
    )
    assert log.unread == ()
    assert (log.rows[0].tokens_per_deliverable, log.rows[0].status) == (each, word)


@pytest.mark.parametrize("cell", ["126.600", "5 €", "12x", "-5", "$5", "3.1K 4", "5Kok", "950 %", "ok"])
def test_tokens_per_deliverable_that_could_be_two_things_are_refused(cell: str) -> None:
    with pytest.raises(NumberUnreadable):
        read_each(cell)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("| Team | Tokens (K) | Cost (USD) | Deliverables |", "| a | 12.4 | 0.03 | 4 |"),
        ("| Team | Tokens [thousands] | Cost ($) | Tasks |", "| a | 12.4 | $0.03 | 4 tasks |"),
        ("| Team | Tokens used in K | Cost | Deliverable count |", "| a | 12.4 | 0.03 USD/deliverable | 4 PRs |"),
        ("| Team | Tokens, M | Cost | Deliverables done |", "| a | 0.0124 | US$0.03 | 4 items |"),
        ("| Team | Tokens | Cost USD | Completed |", "| a | 12.4K tokens/month | $0.03 MTD | 4 |"),
        ("| Team | Tokens MTD | Cost | Deliverables |", "| a | ~12,400 tok MTD | 0.03 dollars | 4 deliverables |"),
        ("| Team | Tokens (M) | Cost (K) | PRs |", "| a | 12.4K | 0.00003 | 4 |"),
    ],
)
def test_units_stand_in_headers_and_cells_of_every_column(header: str, row: str) -> None:
    log = parse_cost_log(f"{header}\n|---|---|---|---|\n{row}\n")
    assert log.unread == ()
    assert log.rows == (CostRow(3, "a", 12_400, Decimal("0.03"), None, 4),)


def test_a_cell_that_cannot_be_read_keeps_none_of_the_others_from_it() -> None:
    log = parse_cost_log(
        "| Team | Tokens | Tokens/Deliverable | Deliverables | Cost |\n|---|---|---|---|---|\n| a | 5 | x1 | 4 | ? |\n"
    )
    assert log.rows == (CostRow(3, "a", 5, None, None, 4),)
    assert [one.text for one in log.unread] == ["x1"]


@pytest.mark.parametrize("text", ["", "# Cost log\n\nnothing yet\n", "| Team | Tokens |\n|---|---|\n"])
def test_an_empty_log_is_an_error_and_not_nought_percent(text: str) -> None:
    with pytest.raises(CostLogEmpty, match="no rows"):
        parse_cost_log(text)


def test_a_template_that_nobody_filled_in_is_empty_too() -> None:
    with pytest.raises(CostLogEmpty, match="line 3: no tokens"):
        parse_cost_log("| Team | Tokens |\n|---|---|\n| Frontend | - |\n")
    with pytest.raises(CostLogEmpty, match="no rows"):
        parse_cost_log("| Team | Tokens |\n|---|---|\n| TOTAL MTD | 0 |\n")


def test_a_row_that_cannot_be_read_is_named_and_the_others_stay() -> None:
    log = parse_cost_log(
        "| Team | Tokens | Cost |\n|---|---|---|\n| a | 126.600 | $1 |\n| b | 5,000 | 3 € |\n|  | 7 | |\n"
    )
    assert [(row.team, row.tokens, row.cost_usd) for row in log.rows] == [("b", 5_000, None)]
    assert [(one.line, one.reason) for one in log.unread] == [
        (3, "'126.600' is not a whole number of tokens"),
        (4, "'3 €' is not an amount in dollars"),
        (5, "no team"),
    ]


def test_a_total_that_its_rows_do_not_add_up_to_is_said() -> None:
    log = parse_cost_log("| Team | Tokens |\n|---|---|\n| a | 100 |\n| TOTAL MTD | 126,600 |\n")
    assert log.total_tokens == 126_600
    assert log.unread[0].reason == "the total says 126,600 tokens, the rows add up to 100"


def test_an_unreadable_total_is_the_sum_of_the_rows_and_never_nought() -> None:
    log = parse_cost_log("| Team | Tokens |\n|---|---|\n| a | 126,600 |\n| TOTAL MTD | ??? |\n")
    assert log.total is None
    assert log.total_tokens == 126_600
    assert log.unread[0].line == 4


def test_a_total_outside_of_tables_counts() -> None:
    log = parse_cost_log("**TOTAL MTD:** 126,600 / 200,000 tokens (63.3 % used)\n")
    assert (log.total_tokens, log.budget_tokens) == (126_600, 200_000)


def test_rows_without_a_header_are_read_by_place() -> None:
    log = parse_cost_log("Frontend | 12,450 | $0.037 | ok\n")
    assert log.rows == (CostRow(1, "Frontend", 12_450, Decimal("0.037"), status="ok"),)


def test_the_table_with_the_total_wins_and_the_other_is_named() -> None:
    daily = "| Team | Tokens |\n|---|---|\n| a | 60 |\n| a | 40 |\n\n"
    log = parse_cost_log(daily + "| Team | Tokens |\n|---|---|\n| a | 100 |\n| TOTAL MTD | 100 |\n")
    assert [row.tokens for row in log.rows] == [100]
    assert [(one.line, one.reason) for one in log.unread] == [(3, "table left out: another one has the total")]


def test_examples_in_code_blocks_and_comments_do_not_count() -> None:
    log = parse_cost_log(
        "```\n| sample | 9,999 |\n```\n<!-- | old | 8,888 |\n-->\n| Team | Tokens |\r\n|---|---|\r\n| a | 5 |\r\n"
    )
    assert [(row.line, row.team, row.tokens) for row in log.rows] == [(8, "a", 5)]
    assert [(one.line, one.reason) for one in log.unread] == [(2, "in a code block")]


@given(st.text(alphabet=st.sampled_from("|-*`~\\ \n0123456789,.KM$TOALteamok:_/()%"), max_size=300))
def test_any_text_is_read_or_refused_as_empty(text: str) -> None:
    try:
        log = parse_cost_log(text)
    except CostLogEmpty:
        return
    assert log.rows or log.total
    assert log.total_tokens >= 0


@given(st.integers(0, 10**12))
def test_grouped_and_plain_tokens_are_the_same(tokens: int) -> None:
    assert read_tokens(f"{tokens:,}") == read_tokens(str(tokens)) == tokens

"""What anyone sent is only shown: no text of an error is markup in a markdown table, or a formula in a spreadsheet."""

import csv
import io
import sys
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pydantic import BaseModel

from api.fields import Money
from api.reads.cells import CELL_MAX_CHARACTERS, UNSEEN, csv_cell, flat, markdown_cell, show_unseen
from api.reads.tables import as_csv, as_markdown
from api.spending.cost_report import TeamCosts, format_report_markdown
from tests.conftest import Service

PARSERS = [
    MarkdownIt("commonmark").enable("table"),
    MarkdownIt("gfm-like", {"linkify": False}),
    MarkdownIt("js-default"),
]
HOSTILE = [
    "# heading", "## x", "####### x", "```", "```sh", "~~~", "`code`", "``", "===", "---", "- - -", "***", "* item",
    "- item", "+ item", "1. one", "1) one", "10. ten", "> quote", ">quote", "    indented", "\tindented",
    "[a](http://x)", "[a][b]", "[a]: http://x", "[a]: /x 'y'", "![a](http://x/y.png)", "![a][b]", "<http://x>",
    "<a@b.c>", "http://x.y/z", "www.x.y", "https://x.y/?a=b&c=d", "ftp://x", "<b>bold</b>",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</td>", "<!-- x", "<!-- x -->", "-->", "<?php",
    "<!DOCTYPE x>", "<![CDATA[x]]>", "<a", "a > b", "a < b", "&lt;b&gt;", "&#60;", "&#x3c;", "&nbsp;", "&", "a|b",
    "|", "||", "|-|-|", "| a | b |", "\\|", "\\\\|", "\\", "\\\\", "a\\", "\\\n|", "*a*", "**a**", "_a_", "__a__",
    "a_b_c", "_", "*", "<*> and <*>", "~~a~~", "~a~", "a\nb", "a\n\nb", "a\r\nb", "a\rb", "a\u2028b", "a\u2029b",
    "a\x0bb", "a\x0cb", "a\x85b", "a\x1cb", "\n# heading", "\n\n```\n", "a\n|-|", "a\n-", "a\n===", "<div>\n\nx",
    "<table>", "{{x}}", "$x$", "$$", "\u202egnp.exe", "\u2066a", "\u200ba", "a\u200db", "\ufeff# x", "\u00a0# x",
    "\u3000# x", "\x00", "\x1b[31m", "\x7f", "\ud800", "\U000e0041\U000e0042", ":smile:", "@team", "#12", "a  ",
    "  a", "", " ", "![](x)", "[](x)", "[ ] task", "[x] task", "\\# x", "x" * 300, "`" * 300, "|" * 300,
    "\\" * 239 + "||", "&" * 300, "a" * 239 + "`b", "[^1]", "[^1]: x", "| - |", ":-:", "::: x",
]  # fmt: skip
texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=60),
    st.lists(st.sampled_from(HOSTILE), max_size=4).map("".join),
    st.text(st.sampled_from("\\`*_{}[]()#+-.!|<>&~:/ \n\rab1=\"'$@"), max_size=30),
)
ACTIVE = {
    "link",
    "image",
    "html",
    "heading",
    "fence",
    "code",
    "strong",
    "em",
    "s",
    "list",
    "blockquote",
    "hr",
    "entity",
}


def read_tables(tokens: list[Token]) -> list[list[str]]:
    """The rows of the one table that a document has; fails where there is anything but it and a paragraph."""
    kinds = [token.type.removesuffix("_open") for token in tokens if token.nesting >= 0]
    assert set(kinds) <= {"paragraph", "inline", "table", "thead", "tbody", "tr", "th", "td"}, kinds
    assert kinds.count("table") == 1
    rows: list[list[str]] = []
    is_cell = False
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        is_cell = token.type in ("td_open", "th_open") or (is_cell and token.type == "inline")
        if is_cell and token.type == "inline":
            assert {child.type for child in token.children or ()} <= {"text", "text_special"}, token.content
            rows[-1].append("".join(child.content for child in token.children or ()))
    return rows


def expected(text: str) -> str:
    shown = show_unseen(text)
    return (shown if len(shown) <= CELL_MAX_CHARACTERS else shown[:CELL_MAX_CHARACTERS] + "...").strip()


@pytest.mark.parametrize("parser", PARSERS, ids=["commonmark", "gfm", "js"])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_hostile_texts_stay_a_table_that_shows_them(parser: MarkdownIt, width: int) -> None:
    columns = ["message", "title", "service"][:width]
    cells = [[text] * width for text in HOSTILE]
    document = as_markdown({"next": "abc", "total": 3}, columns, cells, left_out=4)
    rows = read_tables(parser.parse(document))
    assert rows == [columns, *[[expected(text)] * width for text in HOSTILE]]


@given(st.lists(texts, min_size=1, max_size=4), st.integers(1, 3))
@example(["\\", "|"], 1)
def test_any_text_stays_in_its_cell(sent: list[str], width: int) -> None:
    for parser in PARSERS:
        document = as_markdown({}, ["a", "b", "c"][:width], [[text] * width for text in sent], left_out=0)
        assert read_tables(parser.parse(document))[1:] == [[expected(text)] * width for text in sent]


@given(
    st.lists(
        st.builds(TeamCosts, texts.filter(bool), st.integers(1, 10**9), st.just(Decimal(1))), min_size=1, max_size=5
    )
)
def test_the_cost_report_is_a_heading_a_table_and_lines(teams: list[TeamCosts]) -> None:
    tokens = PARSERS[1].parse(format_report_markdown("2026-02", teams))
    assert [token.type for token in tokens if token.nesting > 0][:2] == ["heading_open", "table_open"]
    kinds = {token.type for token in tokens} | {c.type for t in tokens for c in t.children or ()}
    assert not {
        kind for kind in kinds if kind.startswith(("link", "image", "html", "fence", "code", "blockquote", "em"))
    }
    assert sum(token.type == "tr_open" for token in tokens) == len(teams) + 2


def test_all_that_cannot_be_seen_is_written_out() -> None:
    unseen = [
        chr(number)
        for number in range(sys.maxunicode + 1)
        if unicodedata.category(chr(number)) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
    ]
    blanks = {one for one in unseen if one.isspace()}
    assert [f"U+{ord(one):04x}" for one in unseen if one not in blanks and not UNSEEN.fullmatch(one)] == []
    assert show_unseen("a\u202eb\u200bc\x00\x1b") == r"a\u202eb\u200bc\x00\x1b"
    assert show_unseen("a\u2028b\u3000c\x85d") == "a b c d"
    assert show_unseen("grün 中文 déjà 🙂 ❤️") == "grün 中文 déjà 🙂 ❤️"


FORMULAS = ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(1)", "＝1", "＋1", "－1", "＠x", "﹦1", "﹢1", "\u22121"]  # noqa: RUF001
BEFORE = [
    "",
    " ",
    "   ",
    "\t",
    "\r",
    "\n",
    "\r\n",
    "\n\n ",
    "\u00a0",
    "\u3000",
    "\ufeff",
    "\u200b",
    "\u200b \ufeff",
    "\x00",
    "\x0b",
    "\u2028",
]


@pytest.mark.parametrize("before", BEFORE, ids=ascii)
@pytest.mark.parametrize("formula", FORMULAS, ids=ascii)
def test_a_formula_is_text_whatever_stands_before_it(before: str, formula: str) -> None:
    [[cell]] = csv.reader(io.StringIO(as_csv((), [[before + formula]]), newline=""))
    assert cell == f"'{before}{formula}"
    assert csv_cell([before + formula, "b"]).startswith("'")


@pytest.mark.parametrize("text", ["a=b", "a -1", "1+1", "(=1)", "", " ", "'=1", "ok", "{", '"=1"'])
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert csv_cell(text) == text


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (-3, "-3"), (-1.5, "-1.5"), (0.1, "0.1"), (1e-7, "0.0000001"), (1.6e-7, "0.00000016"), (-2.5e-9, "-0.0000000025"),
        (1e22, "10000000000000000000000"), (0.0, "0.0"), (10**20, "100000000000000000000"),
    ],
)  # fmt: skip
def test_numbers_stay_numbers_without_an_exponent(number: float, shown: str) -> None:
    assert csv_cell(number) == shown == markdown_cell(number)
    assert float(shown) == number


class Price(BaseModel):
    usd: Money | None


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**15, places=None))
@example(Decimal("1.6E-7"))
@example(Decimal("0E-12"))
@example(Decimal("1E+9"))
def test_money_is_written_in_digits(usd: Decimal) -> None:
    written = Price.model_validate({"usd": usd}).model_dump_json()
    assert "E" not in written.removeprefix('{"usd":')
    assert Price.model_validate_json(written).usd == usd


async def test_a_small_price_is_shown_in_digits_in_every_form(service: Service) -> None:
    project = await service.project()
    record = {
        "event_key": "1",
        "occurred_at": datetime.now(UTC).isoformat(),
        "team": "a",
        "agent": "b",
        "model": "m",
        "input_tokens": 1,
        "output_tokens": 0,
        "cost_usd": 0.00000016,
    }
    sent = await project.ingest.post("/api/usage/batch", json={"records": [record]})
    assert sent.status_code == 201, sent.text
    for path in ("/api/usage", "/api/costs/report"):
        for form in ("json", "csv", "columnar", "markdown"):
            asked: dict[str, Any] = {"format": form, "fields": "cost_usd"}
            told = (await project.read.get(path, params=asked)).text
            assert "0.00000016" in told, (path, form, told)
            assert "E-" not in told


def test_no_answer_holds_a_decimal_that_may_have_an_exponent() -> None:
    """Every amount that is answered is of the type Money, which writes digits."""
    from api.app import create_app
    from common.settings import Settings

    create_app(Settings.load(database_url="postgresql://x/y", redis_url="redis://x/0"))
    sent = ("In", "Query", "Change", "Override")
    loose = [
        f"{model.__name__}.{name}"
        for model in all_models(BaseModel)
        if model.__module__.startswith("api.") and not model.__name__.endswith(sent)
        for name, field in model.model_fields.items()
        if "Decimal" in repr(field.annotation) and "write_money" not in repr((field.annotation, field.metadata))
    ]
    assert loose == []


def all_models(base: type[BaseModel]) -> list[type[BaseModel]]:
    return [one for child in base.__subclasses__() for one in (child, *all_models(child))]


def test_flat_shows_lists_and_counts() -> None:
    assert flat([{"key": "shop", "count": 3}, {"key": "", "count": 1}]) == "shop 3, 1"

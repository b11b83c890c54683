"""What a part of an id or a number stands for, and that it never stands for another pattern than one thinks."""

from pathlib import Path

import httpx
import pytest

from cli.client import Api, ApiFailed
from cli.looking.references import keep_list, pick, recall_number, shorten, whole_id
from common.settings import Settings

ONE, OTHER = "52c9e63a-5dfb-563a-aed6-9e871febbef5", "52c9e63a-0000-563a-aed6-000000000000"


def api_at(url: str) -> Api:
    return Api(httpx.Client(base_url=url))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(home=tmp_path)


def test_a_beginning_or_an_end_means_the_one_that_has_it() -> None:
    assert pick("52C9E63A-5", [ONE, OTHER], "pattern") == ONE
    assert pick(shorten(ONE), [ONE, OTHER, ONE], "pattern") == ONE


def test_what_may_be_two_is_refused_and_both_are_named() -> None:
    with pytest.raises(ApiFailed, match=f"{OTHER}, {ONE}: give more of it"):
        pick("52c9e63a", [ONE, OTHER], "pattern")


def test_a_number_is_that_of_the_list_that_was_shown_last_of_the_same_mayday(settings: Settings) -> None:
    here = api_at("http://one")
    keep_list(settings, here, [ONE, OTHER])
    assert [recall_number(settings, here, number) for number in (1, 2)] == [ONE, OTHER]
    assert whole_id(here, settings, "#2") == OTHER
    for api, number in ((here, 0), (here, 3), (api_at("http://other"), 1)):
        with pytest.raises(ApiFailed, match="see `mayday patterns`"):
            recall_number(settings, api, number)


@pytest.mark.parametrize("kept", ["", "[]", "null", '{"url": 1}', "\xff"])
def test_a_list_that_cannot_be_read_has_no_numbers(settings: Settings, kept: str) -> None:
    (settings.home / "last_list.json").write_text(kept, encoding="latin-1")
    with pytest.raises(ApiFailed, match="has no number 1"):
        recall_number(settings, api_at("http://one"), 1)


def test_where_the_home_cannot_be_written_a_list_is_shown_all_the_same(tmp_path: Path) -> None:
    keep_list(Settings.load(home=tmp_path / "gone"), api_at("http://one"), [ONE])


@pytest.mark.parametrize("given", ["abc", "x" * 8, "../../etc", "52c9e63a 5dfb", "?q=1", ""])
def test_what_is_no_id_is_never_asked_for(settings: Settings, given: str) -> None:
    with pytest.raises(ApiFailed, match="names no pattern"):
        whole_id(api_at("http://one"), settings, given)

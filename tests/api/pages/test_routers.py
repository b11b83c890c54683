"""Forms are read strictly, and what goes wrong is a page."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.problems import Invalid
from api.pages.routers import parse_form


def test_a_field_has_its_values_in_order() -> None:
    assert parse_form(b"a=1&b=&a=2") == {"a": ["1", "2"], "b": [""]}
    assert parse_form(b"") == {}


@pytest.mark.parametrize("body", [b"\xff=1", b"a", b"&".join([b"a=1"] * 2_001)])
def test_what_no_form_of_ours_sends_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        parse_form(body)


@given(st.binary(max_size=200))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    with suppress(Invalid):
        parse_form(body)

"""Names are such as can be shown on a line, and what is asked beyond is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from api.access.project_schemas import KeyIn, ProjectIn


@given(st.text(max_size=220))
def test_a_name_of_a_project_is_taken_without_blanks_around_it_or_refused(name: str) -> None:
    try:
        taken = ProjectIn(name=name).name
    except ValidationError:
        return
    assert taken == name.strip()
    assert 1 <= len(taken) <= 200
    assert not any(ord(character) < 32 or ord(character) == 127 for character in taken)


@pytest.mark.parametrize("days", [0, -1, 3_651, "x", 1.5])
def test_a_key_ends_after_whole_days_or_never(days: object) -> None:
    with pytest.raises(ValidationError):
        KeyIn.model_validate({"scope": "read", "expires_in_days": days})
    assert KeyIn(scope="read").expires_in_days is None

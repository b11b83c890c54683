"""Rates and spans end after they begin, and are numbers that can be stored as they were sent."""

from typing import Any

import pytest
from pydantic import ValidationError

from api.spending.price_schemas import OverrideIn, RepriceIn

RATES: dict[str, Any] = {"model": "acme-1", "input": "0.8", "output": 4, "starts_at": "2026-02-15T00:00:00Z"}
SPAN: dict[str, Any] = {"since": "2026-02-01T00:00:00Z", "until": "2026-03-01T00:00:00Z", "dry_run": True}


@pytest.mark.parametrize("end", ["2026-02-15T00:00:00Z", "2026-02-15T00:30:00+01:00"])
def test_rates_that_end_when_they_begin_are_refused(end: str) -> None:
    with pytest.raises(ValidationError, match="ends_at must be after starts_at"):
        OverrideIn.model_validate(RATES | {"ends_at": end})
    with pytest.raises(ValidationError, match="until must be after since"):
        RepriceIn.model_validate(SPAN | {"since": end, "until": end})


@pytest.mark.parametrize(
    "wrong", [{"input": -1}, {"input": "0.0000000001"}, {"input": "NaN"}, {"output": None}, {"confirm": "yes"}]
)
def test_a_rate_that_cannot_be_stored_as_it_is_is_refused(wrong: dict[str, Any]) -> None:
    assert OverrideIn.model_validate(RATES).cached is None
    with pytest.raises(ValidationError):
        OverrideIn.model_validate(RATES | wrong)


def test_whether_it_is_only_tried_is_said_and_not_guessed() -> None:
    for wrong in ({"dry_run": "false"}, {"dry_run": 0}):
        with pytest.raises(ValidationError, match="dry_run"):
            RepriceIn.model_validate(SPAN | wrong)
    with pytest.raises(ValidationError, match="dry_run"):
        RepriceIn.model_validate({name: SPAN[name] for name in ("since", "until")})

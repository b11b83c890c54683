"""The form of the patterns answer, read by a release whose forms differ."""

from typing import Any

import pytest
from pydantic import BaseModel

from common.snapshots.schema import KeptTrendFacts, TrendFacts

FACTS = {"window": "1h", "count": 3, "expected": 1.0, "ratio": 3.0, "p_value": 0.01}


class Holder(BaseModel):
    """Something that has facts."""

    facts: KeptTrendFacts


@pytest.mark.parametrize("kept", [None, {}, "text", {**FACTS, "count": "many"}, {"window": "1h"}, []])
def test_facts_in_another_form_are_as_good_as_none(kept: Any) -> None:
    assert Holder.model_validate({"facts": kept}).facts is None


@pytest.mark.parametrize("kept", [FACTS, {**FACTS, "added": [1]}])
def test_facts_are_read_also_where_a_later_release_has_more(kept: Any) -> None:
    assert Holder.model_validate({"facts": kept}).facts == TrendFacts.model_validate(FACTS)

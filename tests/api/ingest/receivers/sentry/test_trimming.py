"""What of a context goes first where all is too much."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from api.ingest.receivers.sentry.trimming import fit, is_within
from common.settings import Settings
from tests.api.ingest.receivers.sentry.test_values import json_values

FEW = Settings.load(json_max_keys=200, error_max_bytes=20_000)


def frame(in_app: bool, **more: Any) -> dict[str, Any]:
    return {"function": "f", "in_app": in_app, "source": "a\nb", "locals": {"n": 1, "m": 2}, **more}


def sections(frames: int = 2, crumbs: int = 5) -> dict[str, Any]:
    return {
        "exception": [{"type": "E", "frames": [frame(number % 2 == 0) for number in range(frames)]}],
        "user": {"id": "7"},
        "breadcrumbs": [{"message": str(number)} for number in range(crumbs)],
        "modules": "a 1",
    }


def test_what_fits_stays_as_it_is() -> None:
    kept, is_cut = fit(sections(), FEW)
    assert (kept, is_cut) == (sections(), False)


def test_modules_go_before_breadcrumbs_and_these_before_locals_of_libraries() -> None:
    kept, is_cut = fit(sections(crumbs=80), FEW)
    assert is_cut
    assert "modules" not in kept
    assert [one["message"] for one in kept["breadcrumbs"]] == [str(number) for number in range(50, 80)]
    assert all("locals" in one for one in kept["exception"][0]["frames"])


def test_locals_of_libraries_go_before_those_of_the_program() -> None:
    kept, _ = fit(sections(frames=20), FEW)
    frames = kept["exception"][0]["frames"]
    assert ["locals" in one for one in frames] == [True, False] * 10


def test_a_deep_stack_keeps_its_ends() -> None:
    kept, _ = fit(sections(frames=150), FEW)
    error = kept["exception"][0]
    assert len(error["frames"]) + error["frames_left_out"] == 150


@settings(max_examples=50)
@given(
    st.dictionaries(st.sampled_from(["extra", "user", "contexts", "request", "breadcrumbs"]), json_values),
    st.integers(0, 400),
)
def test_whatever_there_is_fits_at_last(more: dict[str, Any], times: int) -> None:
    more.pop("breadcrumbs", None)
    large = {**sections(frames=min(times, 200)), **{name: [value] * times for name, value in more.items()}}
    kept, _ = fit(json.loads(json.dumps(large)), FEW)
    assert is_within(kept, FEW)
    assert "exception" in kept

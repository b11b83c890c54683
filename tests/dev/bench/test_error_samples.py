"""The benches' errors are what their docs say: realistic in size, of true patterns, the same for a seed."""

import json

from api.ingest.receivers.native import ERRORS, parse_batch
from common.fingerprint import fingerprint_error
from common.settings import Settings
from dev.bench.error_samples import PATTERNS, batch_bodies, encode, make_errors, make_templates


def test_a_seed_gives_the_same_errors_again() -> None:
    first, again = make_errors(50, 3), make_errors(50, 3)
    for one, other in zip(first, again, strict=True):
        assert {**one, "timestamp": ""} == {**other, "timestamp": ""}
    assert make_errors(50, 4)[0]["message"] != first[0]["message"]


def test_errors_are_half_a_kilobyte_to_two() -> None:
    sizes = sorted(len(encode(error)) for error in make_errors(2_000, 3))
    assert sizes[0] > 400
    assert sizes[-1] < 2_400
    assert 700 < sizes[1_000] < 1_500


def test_messages_are_fresh_and_patterns_few() -> None:
    errors = make_errors(5_000, 3)
    assert len({error["message"] for error in errors}) > 4_500
    fingerprints = {
        fingerprint_error(
            message=error["message"], error_type=error["error_type"], stack_trace=error.get("stack_trace")
        ).value
        for error in errors
    }
    assert 100 < len(fingerprints) <= PATTERNS * 2
    assert len(set(make_templates(3))) == PATTERNS


def test_the_bodies_are_what_the_service_takes() -> None:
    bodies = batch_bodies([encode(error) for error in make_errors(250, 3)], 100)
    assert [len(json.loads(body)["errors"]) for body in bodies] == [100, 100]
    assert len(parse_batch(bodies[0], ERRORS, Settings.load())) == 100

from datetime import UTC, datetime
from typing import Any

import pytest

from api.ingest.receivers.otlp.errors import (
    RaisedException,
    Source,
    describe_scope,
    find_exception,
    find_tags,
    find_text,
    leave_out,
    to_text,
    to_time,
    without_empty,
)
from api.ingest.receivers.otlp.records import Origin


@pytest.mark.parametrize(
    ("resource", "service"),
    [
        ({"service.name": "shop"}, "shop"),
        ({"service.name": "unknown_service:python", "k8s.deployment.name": "shop"}, "shop"),
        ({"service.name": "unknown_service", "container.name": "shop-1"}, "shop-1"),
        ({"service.name": "unknown_service:node"}, "unknown_service:node"),
        ({"service.name": "", "faas.name": "fn"}, "fn"),
        ({"k8s.container.name": "c", "k8s.deployment.name": "d"}, "d"),
        ({"service.name": 7}, "7"),
        ({}, ""),
    ],
)
def test_a_service_that_does_not_name_itself_is_named_by_what_it_runs_in(
    resource: dict[str, Any], service: str
) -> None:
    assert Source.of(Origin(resource)).service == service


@pytest.mark.parametrize(
    ("resource", "environment"),
    [
        ({"deployment.environment.name": "prod", "deployment.environment": "old"}, "prod"),
        ({"deployment.environment": "staging"}, "staging"),
        ({}, None),
    ],
)
def test_the_environment_by_its_new_name_and_its_old_one(resource: dict[str, Any], environment: str | None) -> None:
    assert Source.of(Origin(resource)).environment == environment


def test_the_release_is_the_services_version() -> None:
    assert Source.of(Origin({"service.version": "1.2.3"})).release == "1.2.3"


def test_an_exception_in_attributes_however_much_they_tell_of_it() -> None:
    assert find_exception({"exception.type": " E ", "exception.message": "m\n", "exception.stacktrace": "t\n"}) == (
        RaisedException("E", "m", "t\n")
    )
    assert find_exception({"exception.message": ["a", 1]}) == RaisedException("", '["a",1]', "")
    assert find_exception({"exception.escaped": True}) is None


def test_tags_of_the_record_come_before_those_of_span_and_resource() -> None:
    record, resource = {"http.route": "/a", "http.status_code": 500}, {"http.route": "/b", "host.name": "h", "os": "x"}
    assert find_tags(record, resource) == {"http.route": "/a", "http.response.status_code": 500, "host.name": "h"}


def test_a_tag_by_its_new_name_counts_before_its_old_one() -> None:
    assert find_tags({"http.method": "GET", "http.request.method": "POST"}) == {"http.request.method": "POST"}


def test_a_tag_is_one_value() -> None:
    assert find_tags({"http.route": ["/a"], "user.id": {"a": 1}}) == {}


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", "x"), (None, ""), ({"a": [1, None]}, '{"a":[1,null]}'), (True, "true"), (float("nan"), '"NaN"')],
)
def test_any_value_has_a_text(value: Any, text: str) -> None:
    assert to_text(value) == text


def test_the_first_attribute_that_says_something_counts() -> None:
    assert find_text({"a": "", "b": 5}, ("a", "b")) == "5"
    assert find_text({}, ("a",)) is None


@pytest.mark.parametrize(
    ("nanoseconds", "at"),
    [
        (1_700_000_000_123_456_789, datetime(2023, 11, 14, 22, 13, 20, 123456, UTC)),
        (0, None),
        (2**64 - 1, datetime(2554, 7, 21, 23, 34, 33, 709551, UTC)),
    ],
)
def test_times_are_of_microseconds(nanoseconds: int, at: datetime | None) -> None:
    assert to_time(nanoseconds) == at


def test_a_scope_is_told_as_far_as_it_says_something() -> None:
    assert describe_scope(Origin(scope_name="app", scope_attributes={"a": 1})) == {
        "name": "app",
        "attributes": {"a": 1},
    }
    assert describe_scope(Origin()) == {}


def test_what_is_told_elsewhere_and_what_is_empty_is_left_out() -> None:
    assert leave_out({"a": 1, "b": 2}, ("a",)) == {"b": 2}
    assert without_empty({"a": "", "b": None, "c": {}, "d": 1}) == {"d": 1}

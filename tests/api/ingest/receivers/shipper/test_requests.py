"""Requests by HTTP in fields of their own, and the words that stand for one."""

from typing import Any

import pytest

from api.ingest.receivers.shipper.mapping import map_record
from api.ingest.receivers.shipper.names import Record
from api.ingest.receivers.shipper.requests import describe_request, status_of
from tests.api.ingest.receivers.shipper.reading import WARNINGS, error_of


@pytest.mark.parametrize(
    "sent",
    [
        {"cs-method": "GET", "cs-uri-stem": "/pay", "sc-status": "502"},
        {"httpRequest": {"requestMethod": "GET", "requestUrl": "/pay", "status": 502}},
        {"request": {"method": "GET", "uri": "/pay"}, "status": 502},
        {"http": {"request": {"method": "GET"}, "response": {"status_code": 502}}, "url": {"path": "/pay"}},
        {"RequestMethod": "GET", "RequestPath": "/pay", "DownstreamStatus": 502},
    ],
    ids=["W3C", "Google Cloud", "Caddy", "ECS", "Traefik"],
)
def test_a_request_that_failed_at_the_server_is_an_error(sent: dict[str, Any]) -> None:
    error = error_of(sent)
    assert (error.severity, error.message) == ("error", '"GET /pay" 502')


def test_one_that_did_not_is_none() -> None:
    assert (
        str(map_record({"method": "GET", "path": "/pay", "status": 404}, WARNINGS)) == "Discarded(what='below_level')"
    )


@pytest.mark.parametrize("value", [99, 600, "5xx", "\u0665\u0660\u0660", True, None, 500.0, "0500"])
def test_what_is_no_status(value: object) -> None:
    assert status_of(Record({"status": value})) is None


def test_what_is_no_request_has_no_words() -> None:
    assert describe_request(Record({"method": "GET", "status": 500})) == ""

"""Which service an event is of."""

from typing import Any

import pytest

from api.ingest.receivers.sentry.services import find_service, service_of_server

EVENT = {"server_name": "checkout-7d9f8b6c5d-x2x4z"}
OTEL = {"contexts": {"otel": {"resource": {"service.name": "billing"}}}}


@pytest.mark.parametrize(
    ("event", "tags", "service"),
    [
        ({**EVENT, **OTEL}, {"service": "cart"}, "cart"),
        ({**EVENT, **OTEL}, {}, "billing"),
        (EVENT, {}, "checkout"),
        (EVENT, {"service": ["odd"]}, "checkout"),
        ({}, {}, "shop"),
        ({"server_name": {}, "contexts": []}, {}, "shop"),
    ],
)
def test_a_tag_goes_before_the_resource_that_before_the_server_that_before_the_project(
    event: dict[str, Any], tags: dict[str, Any], service: str
) -> None:
    assert find_service(event, tags, "shop") == service


@pytest.mark.parametrize(
    ("server_name", "service"),
    [
        ("checkout", "checkout"),
        ("checkout-api", "checkout-api"),
        ("checkout-7d9f8b6c5d-x2x4z", "checkout"),
        ("checkout-api-5f4b8d9c8-xkqzp", "checkout-api"),
        ("node-exporter-8kqzp", "node-exporter"),
        ("postgres-0", "postgres"),
        ("web-01.prod.example.com", "web"),
        ("web1", "web"),
        ("worker_3", "worker"),
        ("4f1c2d3e5a6b", ""),
        ("4f1c2d3e5a6b7c8d9e0f1a2b3c4d5e6f", ""),
        ("10.0.0.12", ""),
        ("2001:db8::1", ""),
        ("ip-10-0-0-12.eu-west-1.compute.internal", ""),
        ("localhost", ""),
        ("", ""),
        ("42", ""),
        ("django-admin", "django-admin"),  # letters alone are no draw of Kubernetes
    ],
)
def test_the_name_of_a_server_without_what_differs_from_copy_to_copy(server_name: str, service: str) -> None:
    assert service_of_server(server_name) == service

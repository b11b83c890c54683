"""The ways in which a program of Python fails, for the clients beside this; it imports nothing of ours."""

import logging
from collections.abc import Callable

import sentry_sdk


class CheckoutFailed(Exception):
    """An error of the shop's own."""


def find_total(order: dict[str, int]) -> int:
    return order["total"]


def fail() -> None:
    order = {"id": 4711}
    find_total(order)


def fail_chained() -> None:
    try:
        fail()
    except KeyError as error:
        raise CheckoutFailed("no total for order 4711") from error


def fail_in_group() -> None:
    raise ExceptionGroup("two failed", [ValueError("first"), TypeError("second")])


def log_failure() -> None:
    try:
        fail()
    except KeyError:
        logging.getLogger("shop.orders").exception("order %s has no total", 4711)


def log_message() -> None:
    for user in ("ann", "bob"):
        logging.getLogger("shop.users").error("user %s is unknown", user)


def say_message() -> None:
    sentry_sdk.capture_message("stock is low", level="warning")


WAYS: dict[str, Callable[[], None]] = {
    "fail": fail,
    "chained": fail_chained,
    "group": fail_in_group,
    "logged": log_failure,
    "logged-message": log_message,
    "message": say_message,
}


def begin(**options: object) -> None:
    """Start the SDK with the DSN of the environment, and say what all events have."""
    sentry_sdk.init(release="shop@1.2.3", environment="doors", send_default_pii=True, **options)  # type: ignore[arg-type]
    sentry_sdk.set_tag("service", "shop")
    sentry_sdk.set_tag("region", "eu")
    sentry_sdk.set_user({"id": "7", "username": "ann"})


def leave_crumb() -> None:
    sentry_sdk.add_breadcrumb(category="cart", message="item 17 added", data={"count": 2})

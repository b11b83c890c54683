"""Each language is known by what only it writes, and its frames are read innermost first."""

import pytest

from common.fingerprint.languages import find_language, find_type
from tests.common.fingerprint.trace_pairs import BASES

INNERMOST = {
    "python": "orders/models.py:close",
    "javascript": "payments/charge.js:charge",
    "browser": "assets/index.js:showCart",
    "react native": "index.android.bundle:renderCart",
    "java": "com.acme.shop.Orders.close",
    "kotlin": "com.acme.cart.CartService$lock",
    "go": "example.com/shop/cart.(*Cart).Item",
    "ruby": "models/payment.rb:charge",
    "php": "Order/Checkout.php:App\\Order\\Order::close",
    "elixir": "Shop.Cart.total!/#",
    "rust": "src/cart.rs:shop::cart::total",
    "dart": "package:shop/cart.dart:Cart.cheapest",
    "swift": ":$s#Shop#CartC#totalSdyF",
}


@pytest.mark.parametrize("language", INNERMOST)
def test_the_first_own_frame_is_where_it_was_raised(language: str) -> None:
    trace = BASES[language].trace
    found = find_language(trace)
    assert found is not None
    own = [place.named[0] for place in found.read(trace.splitlines()) if place.named[1]]
    assert own[0] == INNERMOST[language]


def test_an_inner_error_of_dotnet_ends_where_it_says_so() -> None:
    trace = BASES["dotnet"].trace
    found = find_language(trace)
    assert found is not None
    first, second = found.split(trace.splitlines())
    assert (first.type, second.type) == ("Shop.OrderException", "System.InvalidOperationException")
    assert next(place.named[0] for place in found.read(first.lines)) == "Shop.Orders.CloseAsync"


def test_prose_is_no_trace() -> None:
    assert find_language("the disk is full at the moment\nplease look") is None
    assert find_type(["    pushed in: x", "at foo", "KeyError: x"]) == "KeyError"

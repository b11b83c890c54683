"""Frames that a protocol tells and the same trace as text have one key, in each language that is read as text."""

import traceback
from collections.abc import Callable
from typing import Any

import pytest
import sentry_sdk
from hypothesis import given
from hypothesis import strategies as st
from sentry_sdk.transport import Transport

from api.ingest.receivers.sentry.exceptions import find_trace, read_exceptions, write_trace
from common.fingerprint import Frame, Grouping, Thrown, Trace, fingerprint_error, qualify_type, read_frames
from tests.common.fingerprint.trace_samples import GO, JAVA, JAVASCRIPT, PYTHON, RUBY

N = 41
LIB = "/srv/venv/lib/python3.12/site-packages/web/core.py"


def text_value(trace: str, error_type: str) -> int:
    return fingerprint_error(message="it broke", error_type=error_type, stack_trace=trace).value


def frames_value(platform: str, chain: list[Thrown], error_type: str) -> int:
    trace = read_frames(platform, chain)
    assert trace is not None
    return fingerprint_error(
        message="it broke", error_type=error_type, stack_trace=None, grouping=Grouping(trace)
    ).value


# The traces of `trace_samples` as SDKs tell them, innermost first: platform, text, type, and the chain.
SAME: list[tuple[str, str, str, list[Thrown]]] = [
    (
        "python",
        PYTHON,
        "CartError",
        [
            Thrown(
                "shop.errors.CartError",
                [
                    Frame(
                        "shop.views",
                        "Views.show",
                        f"/srv/app/releases/{N}/shop/views.py",
                        source=f'raise CartError("no cart {N}")',
                    ),
                    Frame("web.core", "call", LIB),
                ],
            ),
            Thrown("KeyError", [Frame("shop.cart", "Cart.load", f"/srv/app/releases/{N}/shop/cart.py")]),
        ],
    ),
    (
        "java",
        JAVA,
        "OrderFailed",
        [
            Thrown(
                "com.acme.OrderFailed",
                [
                    Frame("com.acme.Orders", "place", "Orders.java"),
                    Frame("org.springframework.web.Servlet", "run", "Servlet.java"),
                    Frame("java.lang.Thread", "run", "Thread.java"),
                ],
            ),
            Thrown("java.sql.SQLException", [Frame("com.acme.Store", "write", "Store.java")]),
        ],
    ),
    (
        "node",
        JAVASCRIPT,
        "TypeError",
        [
            Thrown(
                "TypeError",
                [
                    Frame("users", "loadUser", "/app/src/users.js"),
                    Frame("express.router", "?", "/app/node_modules/express/router.js"),
                    Frame("", "<anonymous>", f"https://cdn.example.com/js/main.8f3ab{N}c1.js?v={N}"),
                    Frame("", "process.processTicksAndRejections", "node:internal/process/task_queues"),
                ],
            )
        ],
    ),
    (
        "go",
        GO,
        "panic",
        [
            Thrown(
                "panic",
                [
                    Frame("runtime", "goPanicIndex", "/usr/local/go/src/runtime/panic.go"),
                    Frame("main", "(*Server).handle", f"/build/{N}/app/main.go"),
                ],
            )
        ],
    ),
    (
        "ruby",
        RUBY,
        "ZeroDivisionError",
        [
            Thrown(
                "ZeroDivisionError",
                [
                    Frame("", "total", "/app/lib/cart.rb"),
                    Frame("", "sum", "/app/lib/order.rb"),
                    Frame("", "call", f"/usr/lib/ruby/gems/3.2/gems/rack-3.{N}/lib/rack.rb"),
                ],
            )
        ],
    ),
]


@pytest.mark.parametrize(("platform", "text", "error_type", "chain"), SAME, ids=[one[0] for one in SAME])
def test_frames_and_the_same_trace_as_text_have_one_key(
    platform: str, text: str, error_type: str, chain: list[Thrown]
) -> None:
    assert frames_value(platform, chain, error_type) == text_value(text.format(n=N), error_type)


@pytest.mark.parametrize(("platform", "text", "error_type", "chain"), SAME, ids=[one[0] for one in SAME])
def test_so_they_have_where_the_sender_says_the_same_of_what_is_its_own(
    platform: str, text: str, error_type: str, chain: list[Thrown]
) -> None:
    own = read_frames(platform, chain)
    assert own is not None
    said = [Thrown(one.type, [frame._replace(in_app=is_own(platform, frame)) for frame in one.frames]) for one in chain]
    assert frames_value(platform, said, error_type) == text_value(text.format(n=N), error_type)


def is_own(platform: str, frame: Frame) -> bool:
    """As a text is judged."""
    alone = read_frames(platform, [Thrown("X", [frame, Frame("", "own", "/srv/own/own.py", in_app=True)])])
    assert alone is not None
    return len(alone.frames) == 2


def test_the_sender_decides_what_is_its_own() -> None:
    frames = [Frame("", "inner", "/a/vendored.py", in_app=False), Frame("", "outer", LIB, in_app=True)]
    assert read_frames("python", [Thrown("E", frames)]) == Trace(("E",), ("web/core.py:outer",))


@pytest.mark.parametrize(
    ("platform", "frame", "name"),
    [
        ("php", Frame("", "App\\Cart::total", "/srv/app/Cart.php"), "app/Cart.php:App\\Cart::total"),
        ("csharp", Frame("Shop.Cart", "Total", "/src/Cart.cs"), "Shop.Cart.Total"),
        ("csharp", Frame("Shop.Cart", "Total"), "Shop.Cart.Total"),
        ("rust", Frame("", "shop::cart::total", "/src/cart.rs"), "src/cart.rs:shop::cart::total"),
        ("dart", Frame("", "Cart.total", "package:shop/cart.dart"), "package:shop/cart.dart:Cart.total"),
        ("elixir", Frame("Shop.Cart", "total/1", "lib/cart.ex"), "Shop.Cart.total/#"),
        ("native", Frame("", "main", ""), ":main"),
        ("other", Frame("", "", "C:\\app\\x\\y.z"), "x/y.z:"),
    ],
)
def test_frames_of_other_languages_have_a_name_that_outlives_a_deploy(platform: str, frame: Frame, name: str) -> None:
    assert read_frames(platform, [Thrown("E", [frame])]) == Trace(("E",), (name,))


def test_frames_of_which_nothing_is_known_are_none() -> None:
    assert read_frames("python", [Thrown("E", [Frame()]), Thrown(None, [])]) is None


@pytest.mark.parametrize(
    ("platform", "name", "module", "qualified"),
    [
        ("python", "CardDeclined", "shop.errors", "shop.errors.CardDeclined"),
        ("python", "ValueError", "builtins", "ValueError"),
        ("python", "ValueError", "", "ValueError"),
        ("java", "OrderFailed", "com.acme", "com.acme.OrderFailed"),
        ("ruby", "Shop::Error", "Shop", "Shop::Error"),
        ("node", "TypeError", "x", "TypeError"),
    ],
)
def test_a_type_is_written_as_traces_of_its_language_do(platform: str, name: str, module: str, qualified: str) -> None:
    assert qualify_type(platform, name, module) == qualified


text = st.text(max_size=700)


@given(text, st.lists(st.tuples(text, text, text, st.none() | st.booleans()), max_size=6))
def test_any_frames_can_be_read_and_are_bounded(platform: str, frames: list[tuple[str, str, str, bool | None]]) -> None:
    for known in (platform, "python", "java", "go", "node", "ruby"):
        trace = read_frames(known, [Thrown("E", [Frame(*frame) for frame in frames])])
        assert trace is None or all(len(name) <= 1_100 for name in trace.frames)


# What fails in the ways that Python knows, for its own SDK to tell.
def raise_plainly() -> None:
    raise ValueError("it broke")


class Shop:
    def raise_in_a_method(self) -> None:
        def inner() -> Any:
            return [self.missing for _ in "x"]  # type: ignore[attr-defined]

        inner()

    @staticmethod
    def raise_from_a_lambda() -> None:
        sorted([1, 2], key=lambda number: number / 0)


def raise_from() -> None:
    try:
        raise_plainly()
    except ValueError as error:
        raise CardDeclined("it broke") from error


def raise_during() -> None:
    try:
        raise_plainly()
    except ValueError:
        raise_in_library()


def raise_in_library() -> None:
    import json

    json.loads("{")


def recurse(depth: int = 40) -> None:
    if depth == 0:
        raise_plainly()
    recurse(depth - 1)


class CardDeclined(Exception):
    pass


WAYS: list[Callable[[], None]] = [
    raise_plainly, Shop().raise_in_a_method, Shop.raise_from_a_lambda, raise_from, raise_during, raise_in_library, recurse,
]  # fmt: skip


class Keeping(Transport):
    """Keeps the events that the SDK would send."""

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.events: list[Any] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.events.append(envelope.get_event())


def tell(error: BaseException) -> Any:
    """The event that Sentry's SDK makes of an error."""
    transport = Keeping()
    client = sentry_sdk.Client(dsn="http://a@localhost/1", transport=transport, default_integrations=False)
    event, hint = sentry_sdk.utils.event_from_exception(error, client_options=client.options)
    client.capture_event(event, hint)
    client.close()
    return transport.events[0]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_what_pythons_sdk_tells_has_the_key_of_what_python_prints(way: Callable[[], None]) -> None:
    try:
        way()
    except Exception as error:  # noqa: BLE001 - whatever it is
        event, printed, error_type = tell(error), traceback.format_exc(), type(error).__name__
    chain = read_exceptions(event["exception"])
    trace = find_trace("python", chain)
    assert trace is not None
    told = fingerprint_error(message="it broke", error_type=error_type, stack_trace=None, grouping=Grouping(trace))
    assert told.grouped_by == "stacktrace"
    assert told.value == text_value(printed, error_type)
    written = write_trace("python", chain)
    assert text_value(written, error_type) == told.value
    assert written.splitlines()[-1] == printed.splitlines()[-1]

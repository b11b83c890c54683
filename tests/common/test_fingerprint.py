"""The same failure has the same fingerprint, another one has another, and no text costs more than its length."""

import re
import subprocess
import sys
from collections.abc import Iterator
from re._constants import MAX_REPEAT, MAXREPEAT, MIN_REPEAT  # type: ignore[import-not-found]
from re._parser import SubPattern, parse  # type: ignore[import-not-found]
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.fingerprint import (
    Fingerprint,
    fingerprint_error,
    fingerprint_value,
    mask_message,
    masks,
    split_trace,
    traces,
)
from common.fingerprint.masks import INPUT_CHARS, SKELETON_CHARS
from tests.common.grouping_samples import SYSTEMS, labelled

MASKED = [
    ("took 12 of 30", "took <*> of <*>"),
    ("took 1.5 ms", "took <*>"),
    ("took 1m30.5s", "took <*>"),
    ("kept 12 seconds", "kept <*>"),
    ("wrote 9.2 KB to disk", "wrote <*> to disk"),
    ("used 93% of it", "used <*> of it"),
    ("sent in <1 sec", "sent in <*>"),
    ("at 0x7f3a9c and deadbeef01", "at <*> and <*>"),
    ("commit 3fe5ab1 lost", "commit <*> lost"),
    ("job 0b3f6c1e-93ab-4f7e-8a55-0c0ffee0abcd lost", "job <*> lost"),
    ("mail to ann.lee+x@shop.example.com bounced", "mail to <*> bounced"),
    ("GET https://api.example.com/v1/x?id=3 failed", "GET <*> failed"),
    ("db1.eu-west.example.net is down", "<*> is down"),
    ("220-135-151-1.dyn.example.net is down", "<*> is down"),
    ("10.0.0.7:5432 refused", "<*> refused"),
    ("fe80::1ff:fe23:4567:890a refused", "<*> refused"),
    ("card 00:1b:44:11:3a:b7 lost", "card <*> lost"),
    ("cannot open /var/lib/app/x.db", "cannot open <*>"),
    ("cannot open ./conf/app.yaml: gone", "cannot open <*>: gone"),
    (r"cannot open C:\Users\ann\x.txt", "cannot open <*>"),
    ("GET /cart/7?full=1 not routed", "GET <*> not routed"),
    ("late since 2026-03-01T10:00:00Z", "late since <*>"),
    ("late since 2026-03-01 10:00:00,123 +0200", "late since <*>"),
    ("late since Tue, 03 Mar 2026 10:00:00", "late since <*>"),
    ("late since Mar 3 10:00:00", "late since <*>"),
    ("no key 'colour' in \"paint\"", "no key <*> in <*>"),
    ("it can't open 'x'", "it can't open <*>"),
    ("user=ann state=busy", "user=<*> state=<*>"),
    ("state = busy now", "state = <*> now"),
    ("owner=User(id=3, name=ann) left", "owner=<*> left"),
    ("ports 1, 2, 3 taken", "ports <*> taken"),
    ("blocks blk_1 blk_22 blk_3 gone", "blocks blk_<*> gone"),
    ("token a8Zk29xQ1 expired", "token <*> expired"),
    ("secret ******** refused", "secret <*> refused"),
    ('"GET /x HTTP/1.1" 500', '"GET <*>" <*>'),
]

KEPT = [
    ("connect ECONNREFUSED 10.0.0.1:80", "connect ECONNREFUSED <*>"),
    ("code=ER_DUP_ENTRY", "code=ER_DUP_ENTRY"),
    ("cause=TimeoutError", "cause=TimeoutError"),
    ("raised 'ValueError'", "raised 'ValueError'"),
    ("shop.cart.CartError is final", "shop.cart.CartError is final"),
    ('{"type": "overloaded", "id": "x"}', '{"type": "overloaded", "id": <*>}'),
    ("a == b and c", "a == b and c"),
    ("plain words only", "plain words only"),
]


@pytest.mark.parametrize(("message", "skeleton"), MASKED)
def test_hides_what_varies(message: str, skeleton: str) -> None:
    assert mask_message(message) == skeleton


@pytest.mark.parametrize(("message", "skeleton"), KEPT)
def test_keeps_codes_and_exception_names(message: str, skeleton: str) -> None:
    assert mask_message(message) == skeleton


PYTHON = """Traceback (most recent call last):
  File "/srv/app/releases/{n}/shop/cart.py", line {n}, in load
    return rows["{n}"]
           ~~~~^^^^^^
KeyError: '{n}'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/venv/lib/python3.12/site-packages/web/core.py", line 1{n}, in call
    return handler()
  File "/srv/app/releases/{n}/shop/views.py", line 2{n}, in show
    raise CartError("no cart {n}")
shop.errors.CartError: no cart {n}
"""
JAVA = """com.acme.OrderFailed: order {n}
\tat com.acme.Orders.place(Orders.java:{n})
\tat org.springframework.web.Servlet.run(Servlet.java:1{n})
\tat java.base/java.lang.Thread.run(Thread.java:8{n})
Caused by: java.sql.SQLException: gone
\tat com.acme.Store.write(Store.java:{n})
\t... {n} more"""
JAVASCRIPT = """TypeError: Cannot read properties of undefined (reading 'id{n}')
    at loadUser (/app/src/users.js:{n}:15)
    at /app/node_modules/express/router.js:5:{n}
    at https://cdn.example.com/js/main.8f3ab{n}c1.js?v={n}:1:{n}
    at process.processTicksAndRejections (node:internal/process/task_queues:95:{n})"""
GO = """panic: runtime error: index out of range [{n}]

goroutine {n} [running]:
runtime.goPanicIndex(0x{n})
\t/usr/local/go/src/runtime/panic.go:{n} +0x{n}
main.(*Server).handle(0xc0000{n}, {{0x1, 0x2}})
\t/build/{n}/app/main.go:{n} +0x1d

goroutine 7{n} [select]:
main.idle()
\t/build/app/idle.go:{n}"""
RUBY = """/app/lib/cart.rb:{n}:in `total': divided by {n} (ZeroDivisionError)
\tfrom /app/lib/order.rb:{n}:in `sum'
\tfrom /usr/lib/ruby/gems/3.2/gems/rack-3.{n}/lib/rack.rb:3:in `call'"""


def of_trace(trace: str, error_type: str | None = None, message: str = "it broke") -> Fingerprint:
    return fingerprint_error(message=message, error_type=error_type, stack_trace=trace)


@pytest.mark.parametrize(
    ("trace", "origin", "title"),
    [
        (PYTHON, "shop/views.py:show", "shop.errors.CartError: it broke"),
        (JAVA, "com.acme.Orders.place", "com.acme.OrderFailed: it broke"),
        (JAVASCRIPT, "src/users.js:loadUser", "TypeError: it broke"),
        (GO, "main.(*Server).handle", "panic: it broke"),
        (RUBY, "lib/cart.rb:total", "ZeroDivisionError: it broke"),
    ],
)
def test_a_trace_is_known_by_its_type_and_own_frames(trace: str, origin: str, title: str) -> None:
    first, again = of_trace(trace.format(n=41)), of_trace(trace.format(n=97), message="it broke")
    assert (first.grouped_by, first.origin, first.title) == ("stacktrace", origin, title)
    assert first.value == again.value


def test_another_function_or_type_is_another_fingerprint() -> None:
    trace = PYTHON.format(n=1)
    others = [
        trace.replace("in show", "in list"),
        trace.replace("CartError", "CartGone"),
        trace.replace("KeyError", "X"),
    ]
    assert len({of_trace(text).value for text in [trace, *others]}) == 4


def test_library_frames_count_only_where_no_other_is_left() -> None:
    library = 'Traceback (most recent call last):\n  File "/x/site-packages/a/b.py", line 3, in call\nOSError: x'
    assert of_trace(library).origin == "a/b.py:call"


def test_recursion_of_any_depth_is_one_fingerprint() -> None:
    frame = '  File "/app/tree.py", line 3, in walk\n    walk(child)\n'
    traces = [f"Traceback (most recent call last):\n{frame * depth}RecursionError: x" for depth in (2, 5, 300)]
    assert len({of_trace(trace).value for trace in traces}) == 1


def test_a_trace_without_frames_falls_back_to_the_message() -> None:
    assert of_trace("no frames in here").grouped_by == "message"


def test_the_client_may_decide() -> None:
    found = [
        fingerprint_error(message=text, error_type=None, stack_trace=JAVA, client_fingerprint="checkout")
        for text in ("one", "two")
    ]
    assert found[0].value == found[1].value
    assert (found[0].grouped_by, found[0].origin) == ("client", "checkout")


def test_the_error_type_tells_messages_apart() -> None:
    values = {fingerprint_error(message="x", error_type=kind, stack_trace=None).value for kind in (None, "A", "B")}
    assert len(values) == 3


def test_the_same_in_every_process() -> None:
    code = (
        "from common.fingerprint import fingerprint_error as f;"
        "print(f(message='user 7 gone', error_type='Gone', stack_trace=None).value)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(ran.stdout) == fingerprint_error(message="user 8 gone", error_type="Gone", stack_trace=None).value


@given(st.text(alphabet=st.characters(), max_size=400), st.none() | st.text(max_size=40), st.none() | st.text())
def test_no_text_raises_and_every_answer_fits(message: str, error_type: str | None, trace: str | None) -> None:
    wild = message + "\ud800\x00"
    found = fingerprint_error(message=wild, error_type=error_type, stack_trace=trace)
    assert -(2**63) <= found.value < 2**63
    assert found.value != 0
    assert len(found.skeleton) <= SKELETON_CHARS
    assert len(found.title) <= 200
    assert not re.search("[\x00\n\ud800-\udfff]", found.skeleton)


def test_what_is_beyond_the_cut_does_not_matter() -> None:
    start = "word " * (INPUT_CHARS // 5)
    assert mask_message(start + "abc") == mask_message(start + "xyz" * 10_000)


@pytest.mark.parametrize("system", list(SYSTEMS))
def test_no_two_templates_share_a_skeleton(system: str) -> None:
    pairs = labelled(system)
    labels: dict[str, str] = {}
    for template, message in pairs:
        assert labels.setdefault(mask_message(message), template) == template


@pytest.mark.parametrize(
    ("redacted", "sibling"),
    [
        ("card [redacted] declined", "card 4111111111111112 declined"),
        ("login failed password=[redacted] for 7", "login failed password=null for 7"),
        ('got {"password": "[redacted]"}', 'got {"password": "a b"}'),
        ("at https://u:[redacted]@h.example/x", "at https://h.example/y"),
        ("token: [redacted], 3 left", "token: 512, 3 left"),
    ],
)
def test_what_was_redacted_is_grouped_as_what_was_not(redacted: str, sibling: str) -> None:
    assert mask_message(redacted) == mask_message(sibling)


def unbounded_repeats(parsed: Any, inside: bool = False) -> Iterator[str]:
    """Repeats without a bound that may be tried again, shorter: what makes an expression slower than its text."""
    for code, argument in parsed:
        if code in (MAX_REPEAT, MIN_REPEAT):
            least, most, _ = argument
            if most == MAXREPEAT or (inside and most > 64):
                yield f"{code} {least} to {most}"
        for part in argument if isinstance(argument, tuple | list) else [argument]:
            for branch in part if isinstance(part, list) else [part]:
                if isinstance(branch, SubPattern):
                    yield from unbounded_repeats(branch, inside or code in (MAX_REPEAT, MIN_REPEAT))


@pytest.mark.parametrize("module", [masks, traces])
def test_no_expression_can_go_back_without_a_bound(module: ModuleType) -> None:
    patterns = {name: found for name, found in vars(module).items() if isinstance(found, re.Pattern)}
    assert patterns
    for name, pattern in patterns.items():
        assert list(unbounded_repeats(parse(pattern.pattern, pattern.flags))) == [], name


def test_the_check_for_repeats_sees_them() -> None:
    assert list(unbounded_repeats(parse("(?:a|(b+)c)")))
    assert not list(unbounded_repeats(parse("(?:a|(b++)c{0,9})")))


@pytest.mark.parametrize("client", [None, "mine"])
@pytest.mark.parametrize("error_type", [None, "KeyError", "T" * 300])
@pytest.mark.parametrize("trace", [None, "", "no frame", 'Traceback:\n  File "/srv/a.py", line 3, in f\nKeyError: 7'])
def test_the_value_alone_is_that_of_the_whole(client: str | None, error_type: str | None, trace: str | None) -> None:
    for message in ("lost order 4711", "lost order 4711 " * 200):
        facts: dict[str, Any] = {"message": message, "error_type": error_type, "client_fingerprint": client}
        whole = fingerprint_error(**facts, stack_trace=trace)
        assert fingerprint_value(**facts, trace=split_trace(trace) if trace else None) == whole.value


DIGITS_AND_MORE = st.text(alphabet="0123456789019xXaAfFgGzZ .,:;-_/@=+*<>()[]{}'\"`%\u0664\u00e9", max_size=60)
WORDS = st.sampled_from(
    ["", "v2", "0x", "user ", "a1b2", "-3 ms", "2026-02-01 ", "10:00", "blk_", "GET /a/", "::1", "k=v", "1e5"]
)


@given(st.lists(WORDS | DIGITS_AND_MORE, max_size=6).map("".join))
def test_a_message_that_differs_in_digits_from_one_before_is_masked_as_by_itself(message: str) -> None:
    for digits in ("0123456789", "9876543210", "1111111111"):
        other = message.translate(str.maketrans("0123456789", digits))
        assert mask_message(other) == masks.mask(other)


# What lines of traces are made of, whole and broken.
PIECES = st.sampled_from(
    [
        *('File "/srv/a.py", line 3, in f', "at com.x.A.f(A.java:3)", "at f (/srv/a.js:1:2)", "f@http://h/a.js:1:2"),
        *(
            "from a.rb:3:in `f'",
            "main.go:12",
            "main.f()",
            "goroutine 1 [running]:",
            "panic: ",
            "Caused by: ",
            "Suppressed: ",
        ),
        *(
            "[cause]: ",
            "KeyError",
            "com.x.Failed",
            "KeyError: ",
            "KeyError:x",
            ": ",
            "(Failed)",
            "Uncaught ",
            "\t",
            "    ",
            "| ",
        ),
        *(
            "Traceback (most recent call last):",
            'Exception in thread "main" ',
            "@",
            ".rb",
            "\r",
            "\u2028",
            "lost order 7",
        ),
    ]
)
TRACES = st.lists(st.lists(PIECES, max_size=4).map("".join), max_size=6).map("\n".join)


@given(TRACES, st.booleans())
@settings(max_examples=500)
def test_a_trace_that_was_seen_with_another_message_is_read_as_by_itself(trace: str, last_first: bool) -> None:
    whole = traces._put_together(traces._lines(trace.rstrip("\n")), last_first)
    assert traces._read(*traces._split_at_message(trace, last_first)) == whole

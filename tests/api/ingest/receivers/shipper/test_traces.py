"""Exceptions in the traces of the languages that services are written in: type, message, and where the trace begins."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.ingest.receivers.shipper.traces import find_raised, is_frame, is_within, may_be_of_trace, opens_trace

PYTHON = """Traceback (most recent call last):
  File "a.py", line 1, in f
    rows[key]
    ~~~~^^^^^
KeyError: 'a'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "b.py", line 2, in g
    raise CartError
shop.CartError: no cart 12
and a second line"""
GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "a.py", line 1, in <module>
  |     raise ExceptionGroup("several", [ValueError(1)])
  | ExceptionGroup: several (1 sub-exception)
  +-+---------------- 1 ----------------
    | ValueError: 1
    +------------------------------------"""
JAVA = """java.lang.IllegalStateException: order 12
\tat com.acme.A.b(A.java:12)
\t... 3 more
Caused by: java.sql.SQLException: gone
\tat x.y(Z.java:1)"""
NODE = """/app/x.js:10
throw new TypeError("a");
    ^

TypeError: a b
    at f (/app/x.js:10:3)
    at node:internal/x:1:2

Node.js v20.1.0"""
DOTNET = """Unhandled exception. System.InvalidOperationException: bad
 ---> System.Exception: inner
   at A.B(Int32 x) in /src/a.cs:line 12
   --- End of inner exception stack trace ---
   at Program.Main()"""
GO = """panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
main.main()
\t/app/main.go:10 +0x1d
exit status 2"""
PHP = """PHP Fatal error:  Uncaught RuntimeException: bad thing in /var/www/a.php:12
Stack trace:
#0 /var/www/b.php(3): f()
#1 {main}
  thrown in /var/www/a.php on line 12"""
MONOLOG = """payment failed {"exception":"[object] (App\\\\Declined(code: 0): card declined at /app/Pay.php:12)
[stacktrace]
#0 /app/x.php(1): f()
"}"""
RUBY = """/app/a.rb:3:in `total': divided by 0 (ZeroDivisionError)
\tfrom /app/b.rb:1:in `<main>'"""
RAILS = """NoMethodError (undefined method `x' for nil):

app/controllers/a.rb:3:in `show'"""
RUST = """thread 'main' panicked at src/main.rs:4:5:
index out of bounds: the len is 3
note: run with `RUST_BACKTRACE=1`"""
ELIXIR = """** (RuntimeError) boom
    (app 0.1.0) lib/a.ex:3: A.f/1"""
TRACES = [
    (PYTHON, "shop.CartError", "no cart 12\nand a second line"),
    (GROUP, "ExceptionGroup", "several (1 sub-exception)"),
    (JAVA, "java.lang.IllegalStateException", "order 12"),
    ('Exception in thread "main" java.lang.NullPointerException\n\tat a.B.c(B.java:1)', "java.lang.NullPointerException", ""),
    (NODE, "TypeError", "a b"),
    ("Error: two\nlines\n    at g (/app/y.js:1:2)", "Error", "two\nlines"),
    (DOTNET, "System.InvalidOperationException", "bad"),
    (GO, "panic", "runtime error: index out of range [5] with length 3"),
    ("fatal error: all asleep\n\ngoroutine 1 [chan receive]:\nmain.main()", "fatal error", "all asleep"),
    (PHP, "RuntimeException", "bad thing"),
    (MONOLOG, "App\\Declined", "card declined"),
    (RUBY, "ZeroDivisionError", "divided by 0"),
    (RAILS, "NoMethodError", "undefined method `x' for nil"),
    (RUST, "panic", "index out of bounds: the len is 3"),
    ("thread 'main' panicked at 'it broke', src/main.rs:4:5", "panic", "it broke"),
    (ELIXIR, "RuntimeError", "boom"),
    ("terminate called after throwing an instance of 'shop::error'\n  what():  no card", "shop::error", "no card"),
    ("(node:12) UnhandledPromiseRejectionWarning: Error: no card\n    at f (/app/x.js:1:2)", "Error", "no card"),
]  # fmt: skip
# Those that stand behind the log's own words on their line.
WITHIN_A_LINE = [
    ("charge failed System.InvalidOperationException: no card\n   at A.B() in /src/a.cs:line 3",
     "System.InvalidOperationException", "no card"),
    ("no card (Shop::Declined)\n/srv/a.rb:3:in 'charge'", "Shop::Declined", "no card"),
    ("*** Terminating app due to uncaught exception 'NSRangeException', reason: 'index 3'\n*** First throw call stack:\n(\n)",
     "NSRangeException", "index 3"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "of_type", "message"), WITHIN_A_LINE, ids=range(len(WITHIN_A_LINE)))
def test_behind_the_words_of_the_log(text: str, of_type: str, message: str) -> None:
    raised = find_raised(text)
    assert raised is not None
    assert (raised.type, raised.message) == (of_type, message)


@pytest.mark.parametrize(("text", "of_type", "message"), TRACES, ids=range(len(TRACES)))
def test_type_and_message(text: str, of_type: str, message: str) -> None:
    raised = find_raised(text)
    assert raised is not None
    assert (raised.type, raised.message) == (of_type, message)
    assert raised.trace.strip() in text


@pytest.mark.parametrize(("text", "of_type", "message"), TRACES, ids=range(len(TRACES)))
def test_what_the_log_says_before_is_told_apart(text: str, of_type: str, message: str) -> None:
    raised = find_raised(f"order 12 was lost\n{text}")
    assert raised is not None
    assert raised.type == of_type
    assert raised.before.startswith("order 12 was lost")


def test_an_exception_behind_the_words_of_its_line() -> None:
    raised = find_raised("Request failed: ValueError: bad\n    at f (x.js:1:2)")
    assert raised is not None
    assert (raised.before, raised.type, raised.message) == ("Request failed", "ValueError", "bad")


@pytest.mark.parametrize(
    "text", ["", "it failed", "KeyError: 'x'", "a\nb\nc", "select *\n  from x\n where y", "key: value\nother: value"]
)
def test_what_has_no_trace(text: str) -> None:
    assert find_raised(text) is None


def test_frames_are_told_from_sentences() -> None:
    assert is_frame("\tat com.acme.A.b(A.java:12)")
    assert is_frame('  File "a.py", line 1, in f')
    assert is_frame("#0 /var/www/b.php(3): f()")
    assert not is_frame("at noon the job began")
    assert not is_frame("#1 priority")
    assert opens_trace("Traceback (most recent call last):")
    assert not opens_trace("WARNING: it is late")


HOSTILE = {
    "at": "at " * 300_000,
    "frames": "at x(\n" * 100_000,
    "heads": "a.b.C: d\n" * 100_000,
    "python": "Traceback (most recent call last):\n" * 30_000,
    "panics": "panic: x\n" * 100_000,
    "uncaught": "Uncaught X: y\n" * 60_000,
    "ruby": "a.rb:" * 200_000,
    "php": "[object] (" * 100_000,
    "group": "  | " * 250_000 + "Exception Group Traceback (most recent call last):\n",
    "causes": "Caused by: " * 90_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_text_of_a_megabyte_is_searched_in_time(name: str) -> None:
    """In processor time: the worst takes a twentieth of this."""
    before = time.process_time()
    find_raised(HOSTILE[name])
    assert time.process_time() - before < 3


@given(st.text(max_size=300) | st.lists(st.sampled_from([t for t, *_ in TRACES]), max_size=3).map("\n".join))
def test_any_text_is_searched(text: str) -> None:
    find_raised(text)


@pytest.mark.parametrize(("text", "of_type", "message"), TRACES, ids=range(len(TRACES)))
def test_the_first_search_passes_over_no_line_that_counts(text: str, of_type: str, message: str) -> None:
    for line in text.split("\n"):
        if line.strip() and (is_frame(line) or is_within(line) or opens_trace(line)):
            assert may_be_of_trace(line.strip()), line

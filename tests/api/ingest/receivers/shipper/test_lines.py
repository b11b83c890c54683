"""What stands ahead of a message is read, in the forms of well-known programs and in any order elsewhere; never slowly."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.ingest.receivers.shipper.lines import read_line

ISO = "2026-11-23 18:04:05"
# Line, level, message, and what is read beside.
LINES = [
    (f"{ISO},123 [main] ERROR com.acme.Orders - it failed", "ERROR", "it failed", {"logger": "com.acme.Orders"}),
    ("2026-11-23T18:04:05.1Z ERROR 12 --- [app] [main] c.a.Orders : it failed", "ERROR", "it failed", {"logger": "c.a.Orders"}),
    (f"{ISO}.123 | ERROR    | app.pay:charge:12 - it failed", "ERROR", "it failed", {"logger": "app.pay:charge:12"}),
    (f"{ISO}.1234|ERROR|My.Logger|it failed", "ERROR", "it failed", {"logger": "My.Logger"}),
    (f"{ISO}.123 +00:00 [ERR] it failed", "ERR", "it failed", {}),
    ("[18:04:05 ERR] it failed", "ERR", "it failed", {}),
    (f"[{ISO} +0000] [12] [ERROR] it failed", "ERROR", "it failed", {"pid": "12"}),
    (f"{ISO},123 - app.pay - ERROR - it failed", "ERROR", "it failed", {"logger": "app.pay"}),
    (f"{ISO} ERROR it failed: code 3", "ERROR", "it failed: code 3", {}),
    ("2026/11/23 18:04:05 it failed", None, "it failed", {}),
    (f"[{ISO},123+0000] {{task.py:12}} ERROR - it failed", "ERROR", "it failed", {"caller": "task.py:12"}),
    ("2026-11-23T18:04:05.1Z ##[error]it failed", "error", "it failed", {}),
    (f"{ISO}.1+00:00 [error] <0.12.0> it failed", "error", "it failed", {"process": "0.12.0"}),
    ("    2026-11-23T18:04:05.1Z [ERROR] agent.http: it failed", "ERROR", "it failed", {"logger": "agent.http"}),
    ("2026-11-23T18:04:05.1Z ERROR call{id=3}: a::b: it failed", "ERROR", "it failed", {"logger": "a::b", "span": "call{id=3}"}),
    ("2026-11-23T18:04:05Z ERR pkg/a.go:12 > it failed", "ERR", "it failed", {"caller": "pkg/a.go:12"}),
    (f"{ISO},123 [1] ERROR Shop.Pay (null) - it failed", "ERROR", "it failed", {"logger": "Shop.Pay"}),
    ("2026-11-23T18:04:05.1+0000 E STORAGE  [main] it failed", "E", "it failed", {"logger": "STORAGE", "thread": "main"}),
    ("[12345.678901] it failed", None, "it failed", {"uptime": "12345.678901"}),
    ("=CRASH REPORT==== 23-Nov-2026::18:04:05.1 ===\nit failed", "error", "it failed", {"timestamp": "23-Nov-2026::18:04:05.1"}),
    ("type=AVC msg=audit(1795457046.123:45): it failed", None, "it failed", {"logger": "AVC", "timestamp": "1795457046.123"}),
    ("E/flutter ( 1234): it failed", "E", "it failed", {"logger": "flutter", "pid": "1234"}),
    ("2026/11/23 18:04:05 main.go:12: it failed", None, "it failed", {"caller": "main.go:12"}),
    ("2026-11-23T18:04:05.1Z\tERROR\tpay\tsrv/pay.go:12\tit failed", "ERROR", "it failed", {"caller": "srv/pay.go:12"}),
    ("2026-11-23T18:04:05.1Z ERROR pay::card: it failed", "ERROR", "it failed", {"logger": "pay::card"}),
    ("ERROR:    it failed", "ERROR", "it failed", {}),
    ("ERROR:pay:it failed", "ERROR", "it failed", {"logger": "pay"}),
    ("[ERROR] it failed", "ERROR", "it failed", {}),
    ("error: it failed", "error", "it failed", {}),
    (f"{ISO} error opening a file", "error", "error opening a file", {}),
    ("Nov 23 18:04:05 host sshd[12]: it failed", None, "it failed", {"host": "host", "service": "sshd", "pid": "12"}),
    ("<11>Nov 23 18:04:05 host app: it failed", None, "it failed", {"priority": "11", "service": "app"}),
    ('<165>1 2026-11-23T18:04:05Z host app 7 ID [x@1 a="b]"] it failed', None, "it failed", {"priority": "165"}),
    ("2026-11-23T18:04:05.1+00:00 host sshd[12]: it failed", None, "it failed", {"host": "host", "service": "sshd"}),
    ("2026-11-23T18:04:05Z ERROR payment: it failed", "ERROR", "payment: it failed", {}),
    ("[Mon Nov 23 18:04:05.1 2026] [core:error] [pid 12:tid 3] [client 1.2.3.4] it failed", "error", "it failed", {"pid": "12"}),
    ("2026/11/23 18:04:05 [error] 12#12: *34 it failed", "error", "*34 it failed", {"pid": "12"}),
    ('1.2.3.4 - - [23/Nov/2026:18:04:05 +0000] "GET / HTTP/1.1" 502 12', "error", '"GET / HTTP/1.1" 502', {"client": "1.2.3.4"}),
    ("E1123 18:04:05.123456   12 pay.go:12] it failed", "E", "it failed", {"caller": "pay.go:12"}),
    ("E, [2026-11-23T18:04:05.1 #12] ERROR -- : [r1] it failed", "ERROR", "it failed", {"pid": "12", "request_id": "r1"}),
    ("fail: Acme.Orders[7]", "fail", "", {"logger": "Acme.Orders"}),
    (f"{ISO}.123 UTC [12] app@db ERROR:  it failed", "ERROR", "it failed", {"user": "app", "database": "db"}),
    (f"{ISO} UTC:1.2.3.4(5):app@db:[12]:ERROR:  it failed", "ERROR", "it failed", {}),
    (f"[{ISO},123: ERROR/MainProcess] it failed", "ERROR", "it failed", {"thread": "MainProcess"}),
    ("[23-Nov-2026 18:04:05 UTC] PHP Warning:  it failed", "Warning", "it failed", {}),
    (f"[{ISO}] production.ERROR: it failed [] []", "ERROR", "it failed", {"logger": "production"}),
    ("ERRO[0012] it failed", "error", "it failed", {}),
    ("1:M 23 Nov 2026 18:04:05.123 # it failed", "warning", "it failed", {"pid": "1"}),
    ("11-23 18:04:05.123  12  34 E Tag: it failed", "E", "it failed", {"logger": "Tag"}),
    ("2026-11-23T18:04:05.1Z stderr F it failed", None, "it failed", {"stream": "stderr"}),
    ("web-1  | it failed", None, "it failed", {"service": "web-1"}),
    (" WARN [main] com.acme.X - it failed", "WARN", "it failed", {"logger": "com.acme.X"}),
    ("2026-11-23T18:04:05.1Z pid=12 tid=a class=HardJob WARN: it failed", "WARN", "it failed", {"logger": "HardJob"}),
    ("[Nest] 12  - 11/23/2026, 6:04:05 PM   ERROR [Pay] it failed", "ERROR", "it failed", {"logger": "Pay"}),
    ("[18:04:05] [Server thread/ERROR]: it failed", "ERROR", "it failed", {}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "level", "message", "fields"), LINES)
def test_a_line_is_read(text: str, level: str | None, message: str, fields: dict[str, str]) -> None:
    line = read_line(text)
    assert line is not None
    assert (line.level, line.message) == (level, message)
    assert fields.items() <= line.fields.items()


@pytest.mark.parametrize(
    "text",
    ["error opening a file", "[checkout] it failed", "Error: it failed", "panic: it failed", "", "a sentence", "{}"],
)
def test_what_has_nothing_ahead_of_its_message(text: str) -> None:
    assert read_line(text) is None


MEGABYTE = 2**20
HOSTILE = {
    "brackets": "[" * MEGABYTE,
    "blanks": f"{ISO} " + " " * MEGABYTE + "x",
    "quotes": '1.1.1.1 - - [23/Nov/2026:18:04:05 +0000] "' + '\\"' * (MEGABYTE // 2),
    "data": "<1>1 2026-11-23T18:04:05Z h a 1 m [" + 'a="b" ' * (MEGABYTE // 6),
    "levels": f"{ISO} UTC " + "LOG " * (MEGABYTE // 4),
    "lists": f"[{ISO}] a.ERROR: " + " []" * (MEGABYTE // 3) + "x",
    "colours": "\x1b[" * (MEGABYTE // 2),
    "dots": f"{ISO} ERROR " + "a." * (MEGABYTE // 2),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_line_of_a_megabyte_takes_no_longer_than_four_times_a_quarter_of_it(name: str) -> None:
    """And eight times for the noise of a busy machine: what is quadratic takes sixteen times as long, what is worse more."""
    text = HOSTILE[name]

    def measure(sample: str) -> float:
        times = []
        for _ in range(3):
            before = time.process_time()
            read_line(sample)
            times.append(time.process_time() - before)
        return min(times)

    assert measure(text) < 32 * max(measure(text[: len(text) // 4]), 0.005)


@given(st.text(max_size=200) | st.text(alphabet="2026-11T18:04.5Z[]()|ERROR: main\t", max_size=120))
def test_any_text_is_read(text: str) -> None:
    line = read_line(text)
    assert line is None or line.message in text or "\x1b" in text or "\n" in text

"""How old an answer is, by what it knows; how the errors of the curve are spread."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from dev.bench.beside import Read, age_of, have_stamped, read_once
from dev.bench.curve import plan_days


def test_an_answer_is_as_old_as_the_first_acknowledged_batch_that_it_lacks() -> None:
    acknowledged_at = {0: 1.0, 1: 2.0, 2: 3.0, 3: 9.0}
    assert age_of(0, 5.0, acknowledged_at) == 3.0
    assert age_of(2, 5.0, acknowledged_at) == 0.0
    assert age_of(-1, 0.5, acknowledged_at) == 0.0


class LateReader(socket.socket):
    """One that gets its core long after the answer came."""

    def recvmsg(self, *arguments: int) -> tuple[bytes, list[tuple[int, int, bytes]], int, object]:
        time.sleep(0.2)
        return super().recvmsg(*arguments)


def read_late(*, is_stamped: bool) -> Read:
    """An answer that a service sends at once."""

    def answer() -> None:
        service, _ = server.accept()
        with service:
            service.recv(1_000)
            service.sendall(b"HTTP/1.1 200 OK\r\nX-Mayday-Cache: hit\r\nContent-Length: 14\r\n\r\nbeside batch 7")

    with socket.create_server(("127.0.0.1", 0)) as server, LateReader() as reader, ThreadPoolExecutor() as pool:
        pool.submit(answer)
        reader.connect(server.getsockname())
        if is_stamped:
            have_stamped(reader)
        return read_once(reader, b"GET / HTTP/1.1\r\n\r\n")


def test_a_read_ends_when_its_answer_arrives_not_when_the_reader_gets_a_core() -> None:
    read = read_late(is_stamped=True)
    assert (read.source, read.newest) == ("hit", 7)
    assert 0 < read.arrived_seconds < 0.1 < 0.2 <= read.seen_seconds


def test_a_read_whose_answer_has_no_stamp_ends_the_run() -> None:
    with pytest.raises(SystemExit, match="no stamp"):
        read_late(is_stamped=False)


def test_the_days_of_the_curve_hold_all_rows_and_end_yesterday() -> None:
    days = list(plan_days(100, date(2026, 11, 24), 29))
    assert sum(count for _, count in days) == 100
    assert (days[0][0], days[-1][0]) == (date(2026, 10, 26), date(2026, 11, 23))

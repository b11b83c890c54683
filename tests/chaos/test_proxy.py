"""The proxy sees a commit where there is one, and nowhere else."""

import re
import struct

import pytest

from tests.chaos.postgres_wire import Conversation, Messages


def message(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack("!I", len(payload) + 4) + payload


READY, IN_BLOCK, DONE = message(b"Z", b"I"), message(b"Z", b"T"), message(b"C", b"SELECT 1\0")
PARSE = message(b"P", b"s1\0WITH stored AS (INSERT INTO errors (a)) SELECT 1\0\0\0")
BIND = message(b"B", b"\0s1\0" + b"\1" * 5_000)


def talk(*said: tuple[str, bytes], piece_bytes: int = 1 << 20) -> list[bool]:
    """For each of the server's turns whether it committed a write."""
    conversation = Conversation(re.compile(rb"INSERT INTO (errors)"))
    committed = []
    for who, data in said:
        pieces = [data[at : at + piece_bytes] for at in range(0, len(data), piece_bytes)]
        if who == "client":
            for piece in pieces:
                conversation.client_says(piece)
        else:
            told = [conversation.server_says(piece) for piece in pieces]
            committed.append(any(table for _, table in told))
    return committed


@pytest.mark.parametrize("piece_bytes", [1, 3, 1_000, 1 << 20])
def test_a_single_statement_is_committed_when_the_server_is_idle_again(piece_bytes: int) -> None:
    asked = ("client", PARSE + BIND + message(b"E", b"\0\0\0\0\0") + message(b"S", b""))
    assert talk(asked, ("server", DONE + READY), piece_bytes=piece_bytes) == [True]
    assert talk(asked, ("server", DONE), ("server", READY), piece_bytes=piece_bytes) == [False, True]
    assert talk(asked, ("server", message(b"s", b"") + READY), piece_bytes=piece_bytes) == [True]


def test_in_a_block_the_commit_commits_and_a_rollback_does_not() -> None:
    write = [("client", PARSE + BIND), ("server", DONE + IN_BLOCK)]
    commit = [("client", message(b"Q", b"COMMIT;\0")), ("server", message(b"C", b"COMMIT\0") + READY)]
    rollback = [("client", message(b"Q", b"ROLLBACK;\0")), ("server", message(b"C", b"ROLLBACK\0") + READY)]
    assert talk(*write, *commit) == [False, True]
    assert talk(*write, *rollback) == [False, False]


def test_reads_and_failures_are_no_commits() -> None:
    read = message(b"P", b"s2\0SELECT * FROM errors\0\0\0") + message(b"B", b"\0s2\0\0")
    failed = message(b"E", b"SERROR\0\0") + READY
    assert talk(("client", read), ("server", DONE + READY)) == [False]
    assert talk(("client", PARSE + BIND), ("server", failed)) == [False]


def test_an_empty_message_does_not_hide_the_next_one() -> None:
    assert list(Messages().feed(message(b"1", b"") + message(b"2", b"") + READY)) == [
        (b"1", b""),
        (b"2", b""),
        (b"Z", b"I"),
    ]

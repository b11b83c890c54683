"""Every cache of a process has a bound in bytes: what strangers and keys can have it remember is no gigabyte."""

import functools
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import api
import common
from api.access.keys import MAX_REMEMBERED
from api.ingest.sanitize.redaction.objects import FRAME_CHARS
from api.reads.forms import ERRORS, Form, Format
from api.reads.http import PACKED_MAX_BYTES, USUAL_CHARS, choose_encoding, pack, packed_answers, recall_encoding
from api.reads.tokens import estimate_tokens, recall_tokens
from common.fingerprint import fingerprint_value, split_trace
from common.fingerprint.traces import LINE_CHARS, TRACE_CHARS, may_be_kept
from common.keys import Scope, make_key

OURS = ("api.", "common.")
KIB, MIB = 2**10, 2**20
WIDE = 4  # bytes of a character at most
ENTRY = 300  # bytes of what a key and a value are held in
NAME = 200 * WIDE
# Of each memo the most bytes that one entry can have: texts are kept up to a length, names are of at most 200 characters.
# One that is made of what the program has in itself, and not of what it is sent, has FIXED.
FIXED = 0
MEMOS = {
    "api.agents.ceilings.merges": FIXED,
    "api.agents.ceilings.recall_ceiling": 32 * WIDE,
    "api.app.list_routes": FIXED,
    "common.database.hosts.servers_of": FIXED,
    "api.http.head.is_host": 32 * KIB,  # a head is no longer
    "api.storing.copy_format.encode_names": 2 * 4 * NAME,
    "api.storing.other_days.name_lock": 100,
    "api.ingest.receivers.plain.remember_tags": 512 * WIDE,
    "api.ingest.receivers.sentry.frames.remember_frame": 2 * FRAME_CHARS + 32 * 100,
    "api.ingest.receivers.sentry.services.service_of_server": 2 * 253 * WIDE,
    "api.ingest.sanitize.redaction.objects.remember_frame": 2 * FRAME_CHARS * WIDE + NAME + 16 * 64,
    "api.ingest.sanitize.redaction.objects.remember_key": 3 * 64 * WIDE,
    "api.ingest.sanitize.redaction.names.recall_secret": NAME,
    "api.ingest.sanitize.redaction.names.recall_words": 2 * NAME,
    "api.ingest.sanitize.redaction.texts.remember": 2 * 512 * WIDE,
    "api.ingest.sanitize.redaction.values.closing": 1 * KIB,
    "api.ingest.rows.may_come_with_secrets": TRACE_CHARS,
    "api.ingest.rows.redact_names": 2 * 5 * NAME,
    "api.ingest.coalescer.tell_unchanged": FIXED,
    "api.ingest.times.find_calm": FIXED,
    "api.ingest.times.name_spans": FIXED,
    "api.http.middleware.find_meters": 1 * KIB,
    "api.http.middleware.standing_headers": 1 * KIB,
    "api.pages.rendering.asset": FIXED,
    "api.spending.usage_leaves.recall_kind": 3 * NAME,
    "api.spending.usage_words.split_words": 3 * NAME,
    "api.reads.http.make_head": 2 * KIB,
    "api.reads.catalogue.name_plain": 1 * KIB,
    "api.reads.http.recall_encoding": USUAL_CHARS,
    "api.reads.tokens.recall_tokens": 32 * WIDE,
    "common.cache.sealing.form_of": FIXED,
    "common.database.connections.process_name": FIXED,
    "common.database.schema.known_revisions": FIXED,
    "common.fingerprint._recall_raised": TRACE_CHARS + 2 * LINE_CHARS * WIDE + NAME,
    "common.fingerprint._of_skeleton": 2 * (1_000 + 256) * WIDE,
    "common.fingerprint._statement_value": (LINE_CHARS + 1_000) * WIDE + NAME,
    "common.fingerprint.frames._remember": 2 * 200 * WIDE,
    "common.fingerprint.masks._remember": 2 * 512 * WIDE,
    "common.fingerprint.raising.says_something": 1_000 * WIDE,
    "common.fingerprint.traces._recall": 2 * TRACE_CHARS + LINE_CHARS * WIDE,
    "common.pricing.catalog.find_model": 2 * NAME,
    "common.pricing.catalog.find_provider": NAME,
    "common.pricing.catalog.list_entries": FIXED,
    "common.pricing.catalog.load_catalog": FIXED,
    "common.pricing.catalog.name_model": 3 * NAME,
    "common.pricing.listed.changes_within_days": 2 * NAME,
    "common.pricing.listed.list_known_units": FIXED,
    "common.pricing.listed.list_rates_of_day": 2 * NAME,
    "common.pricing.naming.list_spellings": 6 * NAME,
    "common.pricing.naming.spell": 2 * NAME,
    "common.pricing.supplement.list_fine_tuned": FIXED,
    "common.pricing.overrides.list_names": 6 * NAME,
    "common.snapshots.releases.read_release": 6 * NAME,
    "common.snapshots.fitting.decoder_of": FIXED,
}


def find_memos() -> dict[str, Any]:
    """Every function of api and common that remembers what it gave, by its name."""
    found: dict[int, tuple[str, Any]] = {}
    for module in all_modules():
        for name, value in vars(module).items():
            if isinstance(value, functools._lru_cache_wrapper) and value.__wrapped__.__module__.startswith(OURS):
                is_home = value.__wrapped__.__module__ == module.__name__
                if is_home or id(value) not in found:
                    found[id(value)] = f"{module.__name__}.{name}", value
    return dict(found.values())


def all_modules() -> Iterator[ModuleType]:
    for package in (api, common):
        for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(one.name)


def test_every_memo_has_a_bound_and_all_together_leave_a_process_room() -> None:
    """As if all were full of the largest that can be sent, in the widest characters, and shared nothing: texts of ASCII,
    which the memos of one error share, take an eighth."""
    memos = find_memos()
    assert memos.keys() == MEMOS.keys(), "say here how large an entry may be, and see that it is no larger"
    unbounded = [
        name for name, memo in memos.items() if memo.cache_parameters()["maxsize"] is None and MEMOS[name] != FIXED
    ]
    assert unbounded == []
    sizes = {name: (memo.cache_parameters()["maxsize"] or 0) * (MEMOS[name] + ENTRY) for name, memo in memos.items()}
    assert {name: size // MIB for name, size in sizes.items() if size > 96 * MIB} == {}
    assert sum(sizes.values()) <= 600 * MIB, sizes


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    yield
    for memo in find_memos().values():
        memo.cache_clear()


def test_the_keys_of_strangers_are_of_one_size() -> None:
    sent = str(make_key(Scope.ingest))
    assert 2 * MAX_REMEMBERED * (sys.getsizeof(sent) + 2 * ENTRY) < 24 * MIB


def test_a_long_accept_encoding_is_read_and_not_remembered() -> None:
    before = recall_encoding.cache_info().currsize
    for number in range(50):
        assert choose_encoding("gzip" + " " * 30_000 + f", x{number}") == "gzip"
    assert recall_encoding.cache_info().currsize == before


def test_a_long_piece_of_text_is_counted_and_not_remembered() -> None:
    estimate_tokens(" ".join("x" * (40 + number) for number in range(100)))
    estimate_tokens("é" * 5_000)
    assert recall_tokens.cache_info().currsize < 5
    assert estimate_tokens("a short text") == estimate_tokens("a short text")


@pytest.mark.parametrize(("letter", "is_kept"), [("a", True), ("é", False), ("\U0001f600", False)])
def test_a_trace_is_remembered_by_its_bytes(letter: str, is_kept: bool) -> None:
    before = find_memos()["common.fingerprint._recall_raised"].cache_info().currsize
    frame = f'  File "{letter * 60}.py", line 1, in f\n    {letter * 60}\n'
    trace = f"Traceback (most recent call last):\n{frame * 40}ValueError: no"
    assert TRACE_CHARS // 4 < len(trace) <= TRACE_CHARS
    split = split_trace(trace)
    assert may_be_kept(split.rest) is is_kept
    value = fingerprint_value(message="no", error_type=None, trace=split)
    assert value == fingerprint_value(message="no", error_type=None, trace=split)
    after = find_memos()["common.fingerprint._recall_raised"].cache_info().currsize
    assert (after > before) is is_kept


def test_shaped_answers_are_bounded_in_bytes_and_not_in_number() -> None:
    row = dict.fromkeys(ERRORS.fields, "x") | {"message": "m" * 8_000}
    for number in range(60):
        rows = [row | {"id": f"{number}-{place}", "message": f"{number} {place} " * 900} for place in range(100)]
        body = str({"errors": rows}).replace("'", '"').encode()
        pack(f'W/"{number}"', body, ERRORS, Form(Format.csv))
        assert packed_answers.total_bytes <= PACKED_MAX_BYTES
    assert 0 < len(packed_answers.held) < 60

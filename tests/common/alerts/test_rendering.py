"""What a message says in each form."""

import json
from dataclasses import replace

from common.alerts import rendering
from common.alerts.rendering import as_event, as_html, as_text, chat_body, chat_title, clean_facts, thread_subject
from tests.worker.alerts.receiving import HOSTILE_MESSAGE, MESSAGE


def test_a_webhook_gets_type_time_and_data() -> None:
    event = json.loads(as_event(MESSAGE))
    assert (event["type"], event["timestamp"]) == ("alert.new", "2026-11-29T19:00:00Z")
    assert event["data"] == {
        "id": str(MESSAGE.notification_id), "incident": "pattern/1", "project": "shop", "kind": "new", "title": "payment failed",
        "lines": ["12 errors in 5 minutes", "first in release 10.24.0"], "severity": "error", "service": "checkout",
        "environment": "production", "url": "https://mayday.example/patterns/1", "facts": {"count": 12},
    }  # fmt: skip


def test_facts_keep_their_form_and_lose_what_cannot_be_seen() -> None:
    assert clean_facts({"a": ["\x1b[1mx", 1, None, {"b\n": True}]}) == {"a": ["x", 1, None, {"b": True}]}


def test_our_link_is_the_only_one_in_html_and_nothing_is_fetched() -> None:
    html = as_html(HOSTILE_MESSAGE)
    assert html.count("href=") == 1
    assert 'href="https://mayday.example/patterns/1"' in html
    assert "src=" not in html.replace("src=x onerror", "")
    assert "<script" not in html
    assert "<img" not in html


def test_text_says_what_where_and_our_link() -> None:
    assert as_text(MESSAGE).splitlines()[0] == "New: payment failed"
    assert as_text(MESSAGE).splitlines()[-1] == "https://mayday.example/patterns/1"


def test_a_subject_is_one_line_and_the_same_for_all_of_an_incident() -> None:
    assert thread_subject(MESSAGE) == thread_subject(replace(MESSAGE, kind="resolved")) == "[shop] payment failed"
    assert "\n" not in thread_subject(HOSTILE_MESSAGE)


def test_a_chat_has_a_title_and_a_body_whose_link_is_not_escaped() -> None:
    assert chat_title(MESSAGE) == "[shop] New: payment failed"
    body = chat_body(replace(MESSAGE, url="https://mayday.example/a_b"), lambda text: text.replace("_", "\\_"))
    assert body.endswith("https://mayday.example/a_b")
    assert (
        chat_body(replace(MESSAGE, lines=(), url=None, service=None, environment=None, severity=None))
        == "payment failed"
    )


def test_however_much_is_said_a_message_is_bounded() -> None:
    huge = replace(MESSAGE, title="x" * 10**6, lines=("y" * 10**6,) * 1_000)
    assert len(as_text(huge)) < rendering.LINES_MAX * (rendering.LINE_CHARS + 2) + 1_000
    assert rendering.title_of(replace(MESSAGE, title="\u202e")) == "(no title)"

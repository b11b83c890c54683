"""The line within a message is read: JSON, logfmt or plain, also within another."""

import json

from api.ingest.receivers.shipper.opening import open_message

INNER = {"level": "error", "msg": "it failed"}


def test_json_within_syslog_within_a_container() -> None:
    line = f"2026-11-23T18:04:05.1Z stderr F Nov 23 18:04:05 host app[7]: {json.dumps(INNER)}"
    opened = open_message({"message": line}, None)
    assert opened["level"] == "error"
    assert opened["msg"] == "it failed"
    assert (opened["service"], opened["host"], opened["stream"]) == ("app", "host", "stderr")
    assert opened["timestamp"] == "2026-11-23T18:04:05.1Z"  # of the two, the one that names its zone


def test_what_the_record_says_itself_counts() -> None:
    opened = open_message({"log": '{"service": "b", "msg": "m"}', "service": "a"}, None)
    assert (opened["service"], opened["msg"]) == ("a", "m")


def test_a_message_with_a_level_beside_it_is_no_line() -> None:
    record = {"level": "info", "message": "ERROR is a word"}
    assert open_message(record, None) == record


def test_the_level_of_who_carries_a_line_is_none() -> None:
    opened = open_message({"PRIORITY": "6", "MESSAGE": "ERROR it failed"}, None)
    assert (opened["level"], opened["message"]) == ("ERROR", "it failed")


def test_a_record_behind_a_tag_is_the_line() -> None:
    opened = open_message({"message": f"2026-11-23 18:04:05.1 +0000 app.pay: {json.dumps(INNER)}"}, None)
    assert (opened["level"], opened["msg"], opened["logger"], opened["message"]) == (
        "error",
        "it failed",
        "app.pay",
        "",
    )


def test_pairs_that_are_set_off_are_no_message() -> None:
    opened = open_message({"message": "2026-11-23 18:04:05 [error    ] it failed      [a.b] order=12 who='a b'"}, None)
    assert {"message": "it failed", "logger": "a.b", "order": "12", "who": "a b"}.items() <= opened.items()
    said = "2026-11-23 18:04:05 [error    ] x=1 is  what y=2 says"
    assert open_message({"message": said}, None)["message"] == "x=1 is  what y=2 says"


def test_what_is_vast_is_not_opened() -> None:
    record = {"message": '{"a":[' + "[]," * 10_000 + "1]}"}
    assert open_message(record, None) == record

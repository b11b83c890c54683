"""A record is sent in the names of the API, without what is not known."""

from cli.usage.records import UsageRecord, name_team


def test_what_is_not_known_is_left_out() -> None:
    record = UsageRecord("1", "ops", "m", "2026-11-20T10:00:00Z", {"input_tokens": 0}, agent="")
    assert record.as_json() == {
        "event_key": "1", "team": "ops", "model": "m", "occurred_at": "2026-11-20T10:00:00Z", "usage": {"input_tokens": 0},
    }  # fmt: skip


def test_a_team_is_the_folder_of_a_session() -> None:
    assert [name_team(cwd) for cwd in ("/home/a/shop/", "C:\\w\\shop", "/", "", None)] == [
        "shop", "shop", "unknown", "unknown", "unknown",
    ]  # fmt: skip

"""Of Apprise's URLs only those of the list are taken, with what may stand in them."""

import pytest

from common.alerts.kinds.chat import KIND, named_host, read_service, url_for


@pytest.mark.parametrize(
    "url",
    [
        "json://hooks.example/", "mailto://user:password@mail.example", "file:///etc/passwd", "syslog://", "dbus://", "apprise://hooks.example/x",
        "slack://a/b/c?template=/etc/passwd", "slack://a/b/c?verify=no", "ntfys://host.example/x?attach=http://10.0.0.1/", "tgram://1:a/2?content=x",
        "slack://a/b/c,json://127.0.0.1 ", "slack://a/b/c json://127.0.0.1", "discord://1/a?ping=@everyone", "discord://1/a?avatar_url=http://10.0.0.1",
        "workflows://evil.example/a/b", "workflows://evil-logic.azure.com.evil.example/a/b", "gotify://host.example:22/token", "slack:///",
       "SLACK",
        "ntfys://host.example/x?redirect=yes", "pagerduty://a@b?dedup=x",
    ],
)  # fmt: skip
def test_what_is_not_on_the_list_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"must begin|behind the|ends with|blanks|port"):
        KIND.make({"url": url}, None)


@pytest.mark.parametrize(
    ("url", "host", "hint"),
    [
        ("slack://TAAAAAAAA/BAAAAAAAA/abcdefghijklmnopqrstuvwx", None, "Slack"),
        ("ntfy://my-secret-topic", None, "ntfy"),
        ("ntfys://user:password@ntfy.example/topic", "ntfy.example", "ntfy, ntfy.example"),
        ("ntfys://ntfy.example/topic", "ntfy.example", "ntfy, ntfy.example"),
        ("mmosts://[::1]:8065/abcdefghijklmnopqrstuvwx", "::1", "Mattermost, ::1"),
    ],
)
def test_the_host_that_a_url_names_may_be_shown_and_is_checked(url: str, host: str | None, hint: str) -> None:
    config = KIND.make({"url": url}, None)
    assert named_host(config) == KIND.host(config) == host
    assert KIND.hint(config) == hint
    assert host not in KIND.secrets(config)


def test_every_part_that_may_be_a_token_is_a_secret() -> None:
    config = {"url": "slack://TAAAAAAAA/BAAAAAAAA/abcdef%2Bghi"}
    assert {"TAAAAAAAA", "BAAAAAAAA", "abcdef%2Bghi", "abcdef+ghi"} <= set(KIND.secrets(config))
    assert "my-secret-topic" in KIND.secrets({"url": "ntfy://my-secret-topic"})


def test_pagers_are_told_which_incident_it_is() -> None:
    assert url_for({"url": "pagerduty://a@b?region=eu"}, "77") == "pagerduty://a@b?region=eu&action=map&dedup=77"
    assert url_for({"url": "splunk://a@b"}, "77") == "splunk://a@b?entity_id=77"
    assert url_for({"url": "slack://a/b/c"}, "77") == "slack://a/b/c"
    assert read_service("zulip://bot@org/x/y")[1].label == "Zulip"

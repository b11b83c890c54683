"""A URL is taken apart once, strictly, and shown without what may be a secret."""

import pytest

from common.alerts.targets import locate, port_of, read_web_url, split_url


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://Hooks.Example", "https://hooks.example", "/"),
        ("https://hooks.example:443/a?b=c", "https://hooks.example", "/a?b=c"),
        ("http://hooks.example:8080/a%20b", "http://hooks.example:8080", "/a%20b"),
        ("https://[2606:4700::1]:8443/x", "https://[2606:4700::1]:8443", "/x"),
        ("https://hooks.example?x", "https://hooks.example", "/?x"),
    ],
)
def test_a_url_says_where_it_leads_to(url: str, origin: str, path: str) -> None:
    target = read_web_url(url)
    assert (target.origin, target.path) == (origin, path)


@pytest.mark.parametrize(
    "url",
    [
        "", "hooks.example", "//hooks.example", "https:hooks.example", "https:///x", "ftp://hooks.example", "https://", "https://:80",
        "https://a@hooks.example", "https://a:b@hooks.example", "https://@hooks.example", "https://hooks.example#x", "https://hooks.example#",
        "https://hooks.example:0", "https://hooks.example:22", "https://hooks.example:99999", "https://hooks.example:x",
        "https://hooks.example\\@x", "https://hooks.example/\r\nX: y", " https://hooks.example", "https://hooks.example /", "https://[::1",
        "https://hooks.example/ü", "https://hooks.example/" + "x" * 2_000,
    ],
)  # fmt: skip
def test_what_is_not_beyond_doubt_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - each has words of its own
        read_web_url(url)
    assert not url or len(url) < 9 or url not in str(caught.value)


def test_mail_has_ports_of_its_own() -> None:
    assert locate(split_url("smtps://mail.example", ("smtps",))).port == 465
    assert locate(split_url("smtp://mail.example:25", ("smtp",))).port == 25
    with pytest.raises(ValueError, match="port 443"):
        locate(split_url("smtp://mail.example:443", ("smtp",)))
    assert port_of(split_url("smtp://mail.example", ("smtp",))) is None

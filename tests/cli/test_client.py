"""Where our commands look for Mayday and for a key, and what they say where neither is right."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from cli.client import ApiFailed, connected, find_address, find_key, is_this_machine, open_api
from cli.state import STATE_FILE, write_env
from common.keys import Scope
from common.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("MAYDAY_URL", "MAYDAY_KEY", "MAYDAY_READ_KEY", "MAYDAY_HOST", "MAYDAY_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MAYDAY_HOME", str(tmp_path))
    return Settings.load()


def test_the_address_is_that_of_the_environment_then_of_what_runs_here(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_address(settings) == "http://127.0.0.1:8000"
    write_env(settings.home / STATE_FILE, {"MAYDAY_HOST": "::", "MAYDAY_PORT": "8123"})
    assert find_address(settings) == "http://[::1]:8123"
    monkeypatch.setenv("MAYDAY_URL", "https://mayday.example/errors")
    assert find_address(settings) == "https://mayday.example/errors"


def test_the_key_is_the_given_one_then_that_of_its_scope_then_any_then_that_of_the_home(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(typer.Exit) as left:
        find_key("MAYDAY_READ_KEY", None, settings)
    assert left.value.exit_code == 2
    write_env(settings.keys_file, {"MAYDAY_READ_KEY": "of the home"})
    found = [find_key("MAYDAY_READ_KEY", None, settings)]
    for name in ("MAYDAY_KEY", "MAYDAY_READ_KEY"):
        monkeypatch.setenv(name, name)
        found.append(find_key("MAYDAY_READ_KEY", None, settings))
    assert found == ["of the home", "MAYDAY_KEY", "MAYDAY_READ_KEY"]
    assert find_key("MAYDAY_READ_KEY", "given", settings) == "given"


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("http://127.0.0.1:1", True),
        ("http://[::1]:1", True),
        ("http://localhost", True),
        ("https://mayday.example", False),
    ],
)
def test_no_proxy_is_asked_for_what_is_on_this_machine(url: str, is_here: bool) -> None:
    assert is_this_machine(url) is is_here


class NotMayday(http.server.BaseHTTPRequestHandler):
    """Answers as its path says."""

    def do_GET(self) -> None:
        status = int(self.path.rpartition("/")[2])
        self.send_response(status)
        self.send_header("Retry-After", "3")
        self.end_headers()
        self.wfile.write(b"<h1>\x1b[31mhello</h1>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def not_mayday(settings: Settings) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), NotMayday) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_another_server_is_named_as_such_and_failures_say_whether_they_may_pass(not_mayday: str) -> None:
    with open_api(Scope.read, not_mayday, "key") as api:
        with pytest.raises(ApiFailed, match="is not Mayday's: see MAYDAY_URL"):
            api.get("/200")
        failures = {}
        for status in (404, 429, 503):
            with pytest.raises(ApiFailed, match=rf"^{status}: <h1>\\x1b\[31mhello</h1>$") as failed:
                api.get(f"/{status}")
            failures[status] = (failed.value.may_pass, failed.value.retry_after_seconds)
        assert failures == {404: (False, 3.0), 429: (True, 3.0), 503: (True, 3.0)}
        assert api.find("/404") is None


@pytest.mark.parametrize(("url", "key"), [("http://[", "key"), ("http://127.0.0.1:1", "kéy→")])
def test_what_is_no_address_or_no_key_is_said(
    settings: Settings, url: str, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as left, connected(Scope.read, url, key):
        pass
    assert left.value.exit_code == 1
    said = capsys.readouterr().err
    assert "is no address" in said or "letters that no key has" in said


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense", "ftp://127.0.0.1"])
def test_where_nothing_answers_a_sentence_says_so(
    settings: Settings, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as left, connected(Scope.read, url, "key") as api:
        api.get("/livez")
    assert left.value.exit_code == 1
    assert "does not answer" in capsys.readouterr().err

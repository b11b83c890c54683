"""A uvicorn that the connection cannot stand on is told at the start, not met at the first request."""

import functools
import tomllib
from typing import Any

import pytest
import uvicorn
from typer.testing import CliRunner
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.flow_control import FlowControl

from api.http.uvicorn_check import TESTED, UvicornUnfit, check_uvicorn
from cli.main import app
from common.settings import ROOT


def test_the_uvicorn_that_is_locked_fits() -> None:
    check_uvicorn()


def test_the_range_of_pyproject_is_the_one_that_is_checked() -> None:
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    major, minor = map(int, TESTED.split("."))
    assert f"uvicorn>={TESTED},<{major}.{minor + 1}" in dependencies


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (httptools_impl.HttpToolsProtocol, "on_response_complete"),
        (httptools_impl.HttpToolsProtocol, "_unset_keepalive_if_required"),
        (FlowControl, "resume_reading"),
        (httptools_impl, "STATUS_LINE"),
    ],
)
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> None:
    monkeypatch.delattr(owner, name)
    with pytest.raises(UvicornUnfit, match=name):
        check_uvicorn()


def test_a_field_that_is_no_longer_made_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    init = httptools_impl.RequestResponseCycle.__init__

    @functools.wraps(init)
    def make_without(self: httptools_impl.RequestResponseCycle, **given: Any) -> None:
        init(self, **given)
        del self.more_body

    monkeypatch.setattr(httptools_impl.RequestResponseCycle, "__init__", make_without)
    with pytest.raises(UvicornUnfit, match="RequestResponseCycle has no more_body"):
        check_uvicorn()


def test_a_protocol_that_is_made_in_another_way_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httptools_impl.HttpToolsProtocol, "__init__", lambda _self, _config: None)
    with pytest.raises(UvicornUnfit, match="made in another way"):
        check_uvicorn()


@pytest.mark.parametrize("version", ["0.53.9", "0.55.0", "1.0"])
def test_another_version_keeps_the_api_from_starting_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(uvicorn, "__version__", version)
    monkeypatch.setenv("MAYDAY_DATABASE_URL", "postgresql://x@localhost/x")
    monkeypatch.setenv("MAYDAY_REDIS_URL", "redis://localhost")
    told = CliRunner().invoke(app, ["api"])
    assert told.exit_code == 2
    assert version in told.output
    assert "requirements-service.lock" in told.output

"""Assets are served to anyone, for ever under one address, and nothing else is."""

import pytest

from api.pages.rendering import asset
from tests.conftest import Service


@pytest.mark.parametrize("name", ["mayday.css", "mayday.js", "icon.svg"])
async def test_an_asset_may_be_kept_for_ever(service: Service, name: str) -> None:
    stranger = await service.client(None)
    answer = await stranger.get(asset(name))
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith(("text/css", "text/javascript", "image/svg+xml"))


@pytest.mark.parametrize(
    "path",
    ["/assets/0/mayday.css", "/assets/0/../rendering.py", "/assets/0/..%2Frendering.py", "/assets/0/x.css", "/assets/"],
)
async def test_nothing_else_is(service: Service, path: str) -> None:
    assert (await (await service.client(None)).get(path)).status_code == 404

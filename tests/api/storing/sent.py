"""What the tests of storing send, and how much of it is stored."""

from typing import Any

from tests.conftest import Service


def error(number: int = 0, **others: Any) -> dict[str, Any]:
    return {"service": "shop", "severity": "error", "message": f"payment {number} failed", **others}


async def stored(service: Service) -> int:
    [[count]] = await service.execute("SELECT count(*) FROM errors")
    return int(count)

"""Operators are the admin keys of one named project, and nobody is where none is named."""

import pytest

from api.access.operators import is_of_operators
from common.settings import Settings
from tests.conftest import Service


@pytest.mark.parametrize(("named", "is_one"), [("operators", True), ("", False), ("Operators", False), ("shop", False)])
async def test_the_named_projects_keys_are_the_operators(service: Service, named: str, is_one: bool) -> None:
    project, settings = await service.project("operators"), Settings(operator_project=named)
    assert await is_of_operators(service.tools.engine, settings, project.id) is is_one

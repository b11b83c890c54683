"""`mayday docs`: the pages that are made from the code. A test fails when one is not what this would write."""

import json
from pathlib import Path
from typing import Any

import typer

from api.app import create_app
from common.settings import ROOT, Settings

SETTINGS_HEAD = """# Settings

Environment variables; sizes are bytes, times are seconds unless the name says otherwise. This page is made by
`./mayday docs` from `common/settings.py`.

| variable | default | what it is |
| --- | --- | --- |
"""


def docs() -> None:
    """Write the generated pages again."""
    for path, text in generated_pages().items():
        path.write_text(text)
        typer.echo(path.relative_to(ROOT))


def generated_pages() -> dict[Path, str]:
    """Every generated page with what it must say."""
    return {ROOT / "docs/settings.md": describe_settings(), ROOT / "docs/openapi.json": describe_contract()}


def describe_contract() -> str:
    """The OpenAPI document, which clients are generated from."""
    app = create_app(Settings.load(database_url="postgresql://nowhere/none", redis_url="redis://nowhere"))
    return json.dumps(app.openapi(), indent=2) + "\n"


def describe_settings() -> str:
    rows = [
        f"| `MAYDAY_{name.upper()}` | {show(field.default)} | {field.description} |\n"
        for name, field in Settings.model_fields.items()
    ]
    return SETTINGS_HEAD + "".join(rows)


def show(default: Any) -> str:
    if isinstance(default, Path):
        default = default.relative_to(ROOT)
    return f"`{default}`" if default != "" else "none"

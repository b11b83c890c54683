"""`mayday docs`: the pages that are made from the code. A test fails when one is not what this would write."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from common.settings import COMPONENTS, ROOT, Settings
from common.settings.spelling import REMOVED
from common.telemetry.declaring import Few, Values
from common.telemetry.metrics import CATALOG
from dev.check import ACCEPTED_CONTRACT, CONTRACT

SETTINGS_HEAD = """# Settings

Environment variables; sizes are bytes, times are seconds unless the name says otherwise. This page is made by
`./mayday docs` from `common/settings/`.

"""
SETTINGS_TABLE = "| variable | default | what it is |\n| --- | --- | --- |\n"
SETTINGS_REMOVED = """
## No settings any more

A program that finds one of these says so in its log, and goes on.

| variable | instead |
| --- | --- |
"""

METRICS_HEAD = """# Metrics

What `/metrics` answers on `MAYDAY_API_METRICS_PORT` and `MAYDAY_WORKER_METRICS_PORT`, in the form of Prometheus. No
label names a project or a key. Programs with one process also tell their CPU time, memory and open files
(`process_*`). This page is made by `./mayday docs` from `common/telemetry/metrics.py`.

| metric | kind | told by | labels | what it is |
| --- | --- | --- | --- | --- |
"""


ACCEPT = typer.Option(
    False, "--accept-breaks", help="Take the HTTP contract as it is now for the one that clients hold."
)


def docs(accept_breaks: bool = ACCEPT) -> None:
    """Write the generated pages again."""
    for path, text in generated_pages().items():
        path.write_text(text)
        typer.echo(path.relative_to(ROOT))
    if accept_breaks:
        ACCEPTED_CONTRACT.write_text(json.dumps(json.loads(CONTRACT.read_text())) + "\n")
        typer.echo(ACCEPTED_CONTRACT.relative_to(ROOT))


def generated_pages() -> dict[Path, str]:
    """Every generated page with what it must say."""
    return {
        ROOT / "docs/settings.md": describe_settings(),
        ROOT / "docs/metrics.md": describe_metrics(),
        CONTRACT: describe_contract(),
    }


def describe_contract() -> str:
    """The OpenAPI document, which clients are generated from."""
    from api.app import create_app

    app = create_app(Settings.load(database_url="postgresql://nowhere/none", redis_url="redis://nowhere"))
    return json.dumps(app.openapi(), indent=2) + "\n"


def describe_settings() -> str:
    """Those of each component under what it is for."""
    return SETTINGS_HEAD + "\n".join(map(describe_component, COMPONENTS)) + SETTINGS_REMOVED + describe_removed()


def describe_removed() -> str:
    return "".join(f"| `MAYDAY_{name}` | {instead} |\n" for name, instead in REMOVED.items())


def describe_component(component: type[BaseSettings]) -> str:
    rows = "".join(map(describe_setting, component.model_fields.items()))
    return f"## {(component.__doc__ or '').rstrip('.')}\n\n{SETTINGS_TABLE}{rows}"


def describe_setting(named: tuple[str, FieldInfo]) -> str:
    name, field = named
    return f"| `MAYDAY_{name.upper()}` | {show(field.default)} | {field.description} |\n"


def describe_metrics() -> str:
    return METRICS_HEAD + "".join(
        f"| `{family.name}` | {family.kind} | {', '.join(family.programs)} | {describe_labels(family.labels)} "
        f"| {family.help_text} |\n"
        for family in CATALOG.families
    )


def describe_labels(labels: Mapping[str, Values]) -> str:
    """Each label with what it may say."""
    return "; ".join(
        f"`{name}`: {values.what if isinstance(values, Few) else ', '.join(values)}" for name, values in labels.items()
    )


def show(default: Any) -> str:
    if isinstance(default, Path):
        default = default.relative_to(ROOT)
    return f"`{default}`" if default != "" else "none"

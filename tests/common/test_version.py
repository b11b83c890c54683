"""A release has one version, whoever names it."""

import json
import re
import tomllib

import yaml

from common.settings import ROOT
from common.version import VERSION


def test_all_that_name_the_version_name_the_same() -> None:
    [tag] = yaml.safe_load((ROOT / "deploy/kubernetes/base/kustomization.yaml").read_text())["images"]
    assert {
        "pyproject.toml": tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"],
        "compose.yaml": yaml.safe_load((ROOT / "compose.yaml").read_text())["x-mayday"]["image"].partition(":")[2],
        "deploy/kubernetes": tag["newTag"],
        "docs/openapi.json": json.loads((ROOT / "docs/openapi.json").read_text())["info"]["version"],
    } == dict.fromkeys(["pyproject.toml", "compose.yaml", "deploy/kubernetes", "docs/openapi.json"], VERSION)


def test_the_changelog_has_no_release_after_this_one_and_the_newest_first() -> None:
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] in ("Unreleased", VERSION)
    released = [tuple(map(int, heading.split("."))) for heading in headings if heading != "Unreleased"]
    assert released == sorted(set(released), reverse=True)
    assert max(released, default=(0, 0, 0)) <= tuple(map(int, VERSION.split(".")))

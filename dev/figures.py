"""The file that a bench or an evaluation writes its figures to."""

import json
from pathlib import Path
from typing import Any


def write_figures(file: Path | None, figures: Any) -> None:
    """Write the figures as JSON, where a file was asked for."""
    if file is not None:
        file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")

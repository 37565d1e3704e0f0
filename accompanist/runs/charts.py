"""Where the chart library is: Chart.js (MIT), as it comes inside an installed Python package."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

from accompanist.errors import MissingExtra


def chart_file(what: str) -> Path:
    """The chart library's script.

    Args:
        what: Who needs it, for the message: "the console".

    Raises:
        MissingExtra: the package is not installed.
    """
    try:
        package = importlib.resources.files("chartkick")
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"the charts of {what} need the package chartkick, which is not installed",
            hint="in the clone: pip install -e '.[console]'",
        ) from error
    return Path(str(package / "django" / "static" / "chartkick" / "Chart.bundle.js"))


def inlined() -> str:
    """The script as it may stand in a page of its own; see `chart_file` for what it raises."""
    return chart_file("a page of its own").read_text(encoding="utf-8").replace("</script", "<\\/script")

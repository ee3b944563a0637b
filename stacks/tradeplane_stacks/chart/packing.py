"""Charts as files that Helm installs: packed by Helm, the same bytes from the same charts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_stacks.images.programs import run
from tradeplane_stacks.images.settings import SOURCE_DATE_EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradeplane_stacks.chart.charts import Chart

_WITHIN_S = 120


def write_charts(found: Iterable[Chart], helm: Path, target: Path) -> list[Path]:
    """Write charts into a directory, each as ``<name>-<version>.tgz``, and return where they lie, in their order.

    Raises:
        ImageError: Helm refuses one.

    """
    written = []
    with tempfile.TemporaryDirectory(prefix="tradeplane-charts-") as place:
        for one in found:
            folder = unpacked(one, Path(place))
            run(
                [helm, "package", folder, "--destination", target],
                purpose=f"packing the chart {one.name}",
                environment={"HOME": place, "SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH)},
                timeout_s=_WITHIN_S,
            )
            written.append(target / f"{one.name}-{one.version}.tgz")
    return written


def unpacked(chart: Chart, place: Path) -> Path:
    """Write the files of a chart into a folder of its name, and return that."""
    folder = place / chart.name
    for path, text in chart.files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder

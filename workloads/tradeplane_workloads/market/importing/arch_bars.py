"""Daily bars that the ``arch`` package ships as its data sets (Yahoo! Finance, 1999-2018).

Its own loader returns binary floats; the CSV files beside it hold the decimals as published, so those are read. The
package itself is not imported (that would take seconds), only found.
"""

from __future__ import annotations

import gzip
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_workloads.errors import DataRefused, InvalidSpecification
from tradeplane_workloads.market.importing.csv_bars import csv_columns
from tradeplane_workloads.market.importing.source import read_limited

if TYPE_CHECKING:
    from tradeplane_workloads.market.importing.options import ImportOptions
    from tradeplane_workloads.market.importing.source import SourceColumns

DATA_SETS = ("sp500", "nasdaq")
"""The data sets of daily bars; the package has others, of other shapes."""
_DATES = "%m/%d/%Y"


def arch_columns(data_set: str, options: ImportOptions) -> tuple[SourceColumns, ImportOptions]:
    """Return the columns of a data set of ``arch``, and the options with its form of dates.

    Raises InvalidSpecification for a name that is none of ``DATA_SETS`` and where the package is not installed.
    """
    if data_set not in DATA_SETS:
        raise InvalidSpecification(f"arch has no daily bars named {data_set!r}; choose from {', '.join(DATA_SETS)}")
    spec = find_spec("arch")
    if spec is None or not spec.submodule_search_locations:
        raise InvalidSpecification(
            f"the data set {data_set!r} comes with the Python package arch, which is not installed; "
            "install it: pip install arch"
        )
    path = Path(next(iter(spec.submodule_search_locations))) / "data" / data_set / f"{data_set}.csv.gz"
    packed = read_limited(path, options.max_bytes)
    with gzip.open(path) as file:
        data = file.read(options.max_bytes + 1)
    if len(data) > options.max_bytes or not packed:
        raise DataRefused(f"{path.name} is larger than {options.max_bytes} bytes; raise the limit")
    dated = replace(options, time_format=options.time_format or _DATES)
    return csv_columns(f"{data_set}.csv", data, dated), dated

"""Bars or ticks from Parquet. Columns of numbers are taken as the shortest decimals that stand for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet
from tradeplane_api.snapshot_manifest import SnapshotSource
from tradeplane_store.canonical import sha256_digest

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.importing.headers import BARS, Roles, match_headers
from tradeplane_workloads.market.importing.source import Place, SourceColumns

if TYPE_CHECKING:
    from tradeplane_workloads.market.importing.options import ImportOptions


def parquet_columns(name: str, data: bytes, options: ImportOptions, roles: Roles = BARS) -> SourceColumns:
    """Return the columns of a Parquet file's bytes. Raises DataRefused naming file, column and remedy."""
    try:
        file = parquet.ParquetFile(pa.BufferReader(data))
        headers = match_headers(name, file.schema_arrow.names, options.columns, roles)
        size = sum(file.metadata.row_group(index).total_byte_size for index in range(file.metadata.num_row_groups))
        if size > options.max_bytes:
            raise DataRefused(
                f"{name} holds {size} bytes uncompressed, more than {options.max_bytes}; split it by instrument, "
                "or raise the limit"
            )
        table = file.read(columns=list(headers.values()), use_threads=False)
        table.validate(full=True)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last: of a name that is no text any more
        raise DataRefused(f"{name} is not a whole Parquet file: {error}; write it again") from error
    if not table.num_rows:
        raise DataRefused(f"{name} has no rows; give at least one")
    columns = {role: _typed(name, table, role, header) for role, header in headers.items()}
    source = SnapshotSource(name=name, format="parquet", digest=sha256_digest(data))
    return SourceColumns(Place(name, "row", 1), columns, headers, source)


def _typed(name: str, table: pa.Table, role: str, header: str) -> pa.Array:
    column = table.column(header).combine_chunks()
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    allowed = {"time": True, "local": True, "symbol": text, "side": text}.get(role, text or number)
    if not allowed:
        wanted = "text" if role in ("symbol", "side") else "numbers (decimal, float or integer) or decimal text"
        raise DataRefused(f'{name}, column "{header}": is of type {kind}; store it as {wanted}')
    return column

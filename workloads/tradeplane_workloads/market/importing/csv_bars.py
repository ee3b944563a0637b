"""Bars or ticks from CSV: UTF-8, one header line, one bar or tick a line.

Fields are read as text and converted by us (``decimals``, ``times``): a reader that guesses types would go through
binary floats. A line break inside a quoted field is refused, so that every row is one line and errors can name it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import csv
from tradeplane_api.snapshot_manifest import SnapshotSource
from tradeplane_store.canonical import sha256_digest

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.importing.headers import BARS, Roles, match_headers
from tradeplane_workloads.market.importing.source import Place, SourceColumns

if TYPE_CHECKING:
    from tradeplane_workloads.market.importing.options import ImportOptions

_BLOCK_BYTES = 2**30


def csv_columns(name: str, data: bytes, options: ImportOptions, roles: Roles = BARS) -> SourceColumns:
    """Return the columns of a CSV file's bytes as text. Raises DataRefused naming file, line and remedy."""
    _check_text(name, data)
    text = data.removeprefix(b"\xef\xbb\xbf").rstrip()
    if not text:
        raise DataRefused(f"{name} is empty; give a file with a header and at least one row")
    lines = len(text.split(b"\n" if b"\n" in text else b"\r"))
    if lines == 1:
        raise DataRefused(f"{name} has a header and no rows; give at least one")
    table = _read(name, text, options)
    if table.num_rows != lines - 1:
        raise DataRefused(
            f"{name} has {lines - 1} lines after its header and {table.num_rows} rows: a quoted field holds a line "
            "break; take it out, so that each row is one line"
        )
    headers = match_headers(name, table.column_names, options.columns, roles)
    columns = {role: table.column(header).combine_chunks() for role, header in headers.items()}
    source = SnapshotSource(name=name, format="csv", digest=sha256_digest(data))
    return SourceColumns(Place(name, "line", 2), columns, headers, source)


def _check_text(name: str, data: bytes) -> None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataRefused(f"{name}, line {line}: not UTF-8 text; save the file as UTF-8") from error
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise DataRefused(f"{name}, line {line}: holds a NUL byte, so it is not text; give a CSV file")


def _read(name: str, text: bytes, options: ImportOptions) -> pa.Table:
    header = _header(name, text, options)
    wrong: list[csv.InvalidRow] = []

    def remember(row: csv.InvalidRow) -> str:
        wrong.append(row)
        return "error"

    try:
        return csv.read_csv(
            pa.BufferReader(text),
            # One block and one thread: rows keep their numbers.
            csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
            csv.ParseOptions(
                delimiter=options.delimiter,
                newlines_in_values=False,
                ignore_empty_lines=False,
                invalid_row_handler=remember,
            ),
            csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowInvalid as error:
        if not wrong:
            raise DataRefused(f"{name} is not a CSV file that can be read: {error}; correct the line named") from error
        row = wrong[0]
        raise DataRefused(
            f"{name}, line {row.number}: has {row.actual_columns} fields where the header has {row.expected_columns}; "
            "give each line the fields of the header, in one line"
        ) from error


def _header(name: str, text: bytes, options: ImportOptions) -> list[str]:
    first = text.partition(b"\n")[0]
    parse = csv.ParseOptions(delimiter=options.delimiter)
    try:
        header = csv.read_csv(pa.BufferReader(first + b"\n"), parse_options=parse).column_names
    except pa.ArrowInvalid as error:
        raise DataRefused(f"{name}, line 1: no header that can be read: {error}; give names of columns") from error
    twice = sorted({each for each in header if header.count(each) > 1})
    if twice:
        raise DataRefused(f'{name}, line 1: the column "{twice[0]}" is there twice; rename or remove one')
    return list(header)

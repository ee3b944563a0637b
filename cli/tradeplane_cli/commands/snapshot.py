"""``tradeplane snapshot import|inspect|verify|diff|attest``."""

from __future__ import annotations

from typing import Annotated

import typer
from tradeplane_api.run import ExitCode

from tradeplane_cli.commands.evidence import PlainHttp, SignerUri, TimestampAuthority
from tradeplane_cli.commands.examples import epilog
from tradeplane_cli.failures import DIFFERENT
from tradeplane_cli.options import Debug, IndexUrl, OtherStore, Output, Store
from tradeplane_cli.printing import OutputFormat, show
from tradeplane_cli.recordings import Format, Kind, RecordingReading, Refusal

HELP = "Immutable sets of market data, named by their digest."

IMPORT_EPILOG = epilog(
    "tradeplane snapshot import arch:sp500",
    "tradeplane snapshot import arch:sp500 arch:nasdaq --name indices",
    "tradeplane snapshot import bars.csv --symbol SPX --name spx-daily",
    "tradeplane snapshot import eod.csv --column time=Day --time-format %m/%d/%Y --time-zone America/New_York",
    "tradeplane snapshot import bars.parquet -o yaml > snapshot.yaml && kubectl apply -f snapshot.yaml",
    "tradeplane snapshot import --format binance-raw btcusdt_20240808.gz",
    "tradeplane snapshot import --format binance-raw btcusdt_20240808.gz --tick 0.1 --refuse gap --refuse crossed",
    "tradeplane snapshot import --format synthetic order-book",
    "tradeplane snapshot import --format ticks trades.csv --symbol ES --tick 0.25 --kind linear-future",
)
INSPECT_EPILOG = epilog(
    "tradeplane snapshot inspect sha256:6f1e...",
    "tradeplane snapshot inspect sha256:6f1e... -o json | jq .manifest.instruments",
)
VERIFY_EPILOG = epilog(
    "tradeplane snapshot verify sha256:6f1e...",
    "tradeplane snapshot verify sha256:6f1e... --store s3://research/prices -o json",
)

DIFF_EPILOG = epilog(
    "tradeplane snapshot diff sha256:6f1e... sha256:b02c...",
    "tradeplane snapshot diff sha256:6f1e... sha256:b02c... -o json | jq '.divergences[0]'",
)

ATTEST_EPILOG = epilog(
    "tradeplane snapshot attest sha256:6f1e... --to registry.example.com/runs/research/snapshots --signer file:key.pem",
    "tradeplane snapshot attest sha256:6f1e... --to registry.example.com/data --signer awskms:///alias/data "
    "--source prices.csv=https://data.example.com/2026/prices.csv",
    "tradeplane verify registry.example.com/data@sha256:... --key key.pub",
)

Digest = Annotated[str, typer.Argument(metavar="DIGEST", help="Id of the snapshot: sha256: and 64 digits.")]


def import_data(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="A file of bars, .csv or .parquet; arch:sp500 or arch:nasdaq; with --format, a recording. Several "
            "make one snapshot of them all.",
        ),
    ],
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            help="What the source is: bars; a recording of Binance's streams, plain or gzip; ticks, a .csv or .parquet "
            "file of trades; dbn, a file of Databento's; synthetic, the name of a made-up flow: order-book or pair.",
        ),
    ] = Format.BARS,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the Snapshot object. [default: from the source]"),
    ] = None,
    symbol: Annotated[
        str | None, typer.Option(metavar="SYMBOL", help="Symbol, where no column holds it. [default: from the source]")
    ] = None,
    currency: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="Currency of the prices. [default: USD; of a recording, from the symbol]"),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE=HEADER",
            help="Column that holds the time, open, high, low, close, volume, adjusted or symbol (of ticks: time, "
            "local, price, quantity, side, symbol), where its header is not the usual one; give it as often as needed.",
        ),
    ] = None,
    adjust: Annotated[
        bool, typer.Option(help="Multiply prices by adjusted close / close, where there is an adjusted close.")
    ] = True,
    time_format: Annotated[
        str | None,
        typer.Option(metavar="FORMAT", help="strptime directives, or epoch-s, -ms, -us, -ns. [default: ISO 8601]"),
    ] = None,
    time_zone: Annotated[str, typer.Option(metavar="ZONE", help="IANA zone of times that state none.")] = "UTC",
    daily_close: Annotated[
        str | None,
        typer.Option(metavar="HH:MM", help="When a bar closed that has a date alone. [default: 21:00]"),
    ] = None,
    delimiter: Annotated[str, typer.Option(metavar="CHAR", help="Between the fields of a CSV file.")] = ",",
    price_exponent: Annotated[
        int | None, typer.Option(help="Power of ten of a price tick. [default: what the prices need]")
    ] = None,
    quantity_exponent: Annotated[
        int | None, typer.Option(help="Power of ten of a lot. [default: what the volumes need]")
    ] = None,
    tick: Annotated[
        str | None,
        typer.Option(
            metavar="PRICE",
            help="Of a recording: the tick, which all prices must be multiples of. "
            "[default: the power of ten the prices need]",
        ),
    ] = None,
    lot: Annotated[
        str | None,
        typer.Option(
            metavar="QUANTITY",
            help="Of a recording: the lot, which all quantities must be multiples of. "
            "[default: the power of ten the quantities need]",
        ),
    ] = None,
    kind: Annotated[
        Kind | None, typer.Option(help="Of a recording: what is traded. [default: what the messages say]")
    ] = None,
    contract_size: Annotated[
        str | None,
        typer.Option(
            metavar="UNITS", help="Of a recording: units in a contract. [default: what the market says, or 1]"
        ),
    ] = None,
    refuse: Annotated[
        list[Refusal] | None,
        typer.Option(
            help="Of a recording: refuse it where this is found, naming the line, instead of recording and "
            "counting it; give it as often as needed."
        ),
    ] = None,
    store_name: Annotated[
        str,
        typer.Option(metavar="NAME", help="spec.store of the Snapshot object: what the administrator calls the store."),
    ] = "default",
    store: Store = None,
    index: IndexUrl = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Read bars or recordings into the store as a snapshot.

    Prints the snapshot's id; -o yaml and -o json print the Snapshot object, ready for kubectl apply. The same data
    have the same id wherever they are imported.
    """
    from tradeplane_cli.local_store import store_url
    from tradeplane_cli.snapshots import Reading, import_snapshot

    reading = Reading(
        sources=tuple(sources),
        symbol=symbol,
        currency=currency,
        columns=tuple(column or ()),
        adjust=adjust,
        time_format=time_format,
        time_zone=time_zone,
        daily_close=daily_close,
        delimiter=delimiter,
        price_exponent=price_exponent,
        quantity_exponent=quantity_exponent,
        form=form,
        recording=RecordingReading(
            symbol=symbol,
            currency=currency,
            kind=kind,
            tick=tick,
            lot=lot,
            contract_size=contract_size,
            refuse=tuple(refuse or ()),
        ),
    )
    imported = import_snapshot(reading, store_url(store), name, store_name, index)
    show(imported.as_object(), output, imported.as_text)


def inspect(digest: Digest, store: Store = None, output: Output = OutputFormat.TABLE, debug: Debug = False) -> None:
    """Show what a snapshot holds, without reading its records."""
    from tradeplane_cli.local_store import store_url
    from tradeplane_cli.snapshots import inspect_snapshot

    found = inspect_snapshot(digest, store_url(store))
    show(found.as_json(), output, found.as_text)


def verify(digest: Digest, store: Store = None, output: Output = OutputFormat.TABLE, debug: Debug = False) -> None:
    """Read every record of a snapshot and check it against its digest.

    Ends with exit code 3 when anything is missing or differs.
    """
    from tradeplane_cli.local_store import store_url
    from tradeplane_cli.snapshots import verify_snapshot

    verified = verify_snapshot(digest, store_url(store))
    show(verified.as_json(), output, verified.as_text)
    if verified.faults:
        raise typer.Exit(ExitCode.REFUSED)


def diff(
    digest: Digest,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Id of the snapshot compared with it.")],
    store: Store = None,
    other_store: OtherStore = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Compare two snapshots and show where they first part.

    The fields of their manifests that differ, and of each instrument that both have in the same units the first record
    that does. Ends with exit code 10 when they differ.
    """
    from tradeplane_cli.differences import diff_snapshots
    from tradeplane_cli.local_store import store_url

    here = store_url(store)
    found = diff_snapshots((here, digest), (store_url(other_store) if other_store else here, other))
    show(found.as_json(), output, found.as_text)
    if not found.same:
        raise typer.Exit(DIFFERENT)


def attest(
    digest: Digest,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="REPOSITORY",
            help="Where to; an operator looks at <its registry>/<namespace>/snapshots. It is tagged with its id.",
        ),
    ],
    signer: SignerUri,
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=URI",
            help="Where a source of it was had from, by the name that inspect shows; as often as needed. "
            "[default: not stated]",
        ),
    ] = None,
    with_records: Annotated[
        bool,
        typer.Option(
            "--with-records",
            help="Push its records as well, so that who has the registry alone can run again what was made from them: "
            "they must be yours to pass on. [default: they stay in the store]",
            show_default=False,
        ),
    ] = False,
    timestamp_authority: TimestampAuthority = None,
    plain_http: PlainHttp = False,
    store: Store = None,
    output: Output = OutputFormat.TABLE,
    debug: Debug = False,
) -> None:
    """Push the manifest of a snapshot that was imported, with signed provenance of it.

    Says from which sources it was made, by their digests; each of its records is read first. Runs on it name the
    attestation. Once more does nothing new. Registries are logged in to as by docker login.
    """
    from tradeplane_cli.local_store import store_url
    from tradeplane_cli.snapshot_evidence import attest as push
    from tradeplane_cli.snapshot_evidence import places_of

    places = places_of(source or ())
    pushed = push(
        digest,
        store_url(store),
        to,
        signer,
        timestamp_authority,
        places,
        plain_http=plain_http,
        with_records=with_records,
    )
    show(pushed.as_json(), output, pushed.as_text)


def add_to(application: typer.Typer) -> None:
    """Add the commands to an application."""
    application.command("import", epilog=IMPORT_EPILOG, no_args_is_help=True)(import_data)
    application.command("inspect", epilog=INSPECT_EPILOG, no_args_is_help=True)(inspect)
    application.command("verify", epilog=VERIFY_EPILOG, no_args_is_help=True)(verify)
    application.command("diff", epilog=DIFF_EPILOG, no_args_is_help=True)(diff)
    application.command("attest", epilog=ATTEST_EPILOG, no_args_is_help=True)(attest)

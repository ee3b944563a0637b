//! A record as fields with names, so that two that differ can be told apart by the first that does.

use super::difference::Difference;
use super::header::Header;
use super::record::{Entry, Record, Recorded, Seal};
use crate::events::session::Input;
use crate::exchange::Report;
use crate::orders::{NewOrder, Request};
use crate::tape::Columns;
use std::fmt::{Debug, Display};

/// What stands for a record, or a field of one, that is not there.
const NOTHING: &str = "nothing";

/// Names and values of a record's fields, in their order.
#[derive(Default)]
struct Fields {
    prefix: String,
    list: Vec<(String, String)>,
}

impl Fields {
    fn add(&mut self, name: &str, value: impl Display) {
        self.list.push((format!("{}{name}", self.prefix), value.to_string()));
    }

    /// What has no words of its own: by its name in the code.
    fn named(&mut self, name: &str, value: impl Debug) {
        self.add(name, format_args!("{value:?}"));
    }

    fn digest(&mut self, name: &str, digest: &[u8]) {
        self.add(name, digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    }
}

/// The first field in which two records differ; the first is what was expected. `None` where there is none.
pub(in crate::events) fn difference_of(
    expected: Option<&Record>,
    got: Option<&Record>,
    (record, input): (u64, u64),
) -> Option<Difference> {
    let list = |record: Option<&Record>| record.map(fields_of).unwrap_or_default();
    first_of(&list(expected), &list(got), (record, input))
}

/// The first field in which two headers differ. A session's name says nothing of what it does.
pub(super) fn difference_of_headers(expected: &Header, got: &Header) -> Option<Difference> {
    let list = |header: &Header| {
        let mut fields = Fields::default();
        fields.digest("specification", &header.specification);
        fields.add("seed", header.seed);
        fields.add("period", header.period);
        fields.add("instruments", header.instruments);
        fields.list
    };
    first_of(&list(expected), &list(got), (0, 0))
}

fn first_of(
    expected: &[(String, String)],
    got: &[(String, String)],
    (record, input): (u64, u64),
) -> Option<Difference> {
    let longest = expected.len().max(got.len());
    let place = (0..longest).find(|&place| expected.get(place) != got.get(place))?;
    let (one, other) = (expected.get(place), got.get(place));
    let said = |field: Option<&(String, String)>| field.map_or_else(|| NOTHING.into(), |(_, value)| value.clone());
    let name = one.or(other).map_or_else(String::new, |(name, _)| name.clone());
    // Where the names differ as well, records of other lengths were compared: what came instead is told with its name.
    let got = match (one, other) {
        (Some((expected, _)), Some((name, value))) if expected != name => format!("{name} {value}"),
        _ => said(other),
    };
    Some(Difference { record, input, field: name, expected: said(one), got })
}

fn fields_of(record: &Record) -> Vec<(String, String)> {
    let mut fields = Fields::default();
    match record {
        Record::Input(recorded) => add_input(&mut fields, recorded),
        Record::Outcome(entries) => {
            fields.add("record", "outcome");
            for (row, entry) in entries.iter().enumerate() {
                fields.prefix = format!("row {row} ");
                add_entry(&mut fields, entry);
            }
        }
        Record::Seal(seal) => add_seal(&mut fields, seal),
    }
    fields.list
}

fn add_input(fields: &mut Fields, recorded: &Recorded) {
    let input = recorded.input();
    fields.add(
        "record",
        match input {
            Input::Start => "start",
            Input::Message { .. } => "message",
            Input::Report { .. } => "report",
            Input::Timer => "timer",
            Input::Period => "period",
            Input::Command(_) => "command",
        },
    );
    fields.add("time", recorded.time);
    match input {
        Input::Message { instrument, rows } => {
            fields.add("instrument", instrument);
            add_rows(fields, &rows);
        }
        Input::Report { instrument, report } => {
            fields.add("instrument", instrument);
            add_report(fields, &report);
        }
        Input::Command(command) => fields.named("command", command),
        Input::Start | Input::Timer | Input::Period => {}
    }
}

fn add_rows(fields: &mut Fields, rows: &Columns<'_>) {
    fields.add("sequence", rows.sequence[0]);
    fields.add("exchange_time", rows.exchange_time[0]);
    for row in 0..rows.len() {
        fields.prefix = format!("row {row} ");
        fields.add("kind", rows.kind[row]);
        fields.add("side", rows.side[row]);
        fields.add("price", rows.price[row]);
        fields.add("quantity", rows.quantity[row]);
        if let Some(order) = rows.order.get(row) {
            fields.add("order", order);
        }
    }
}

fn add_report(fields: &mut Fields, report: &Report) {
    fields.add("exchange_time", report.exchange_time);
    fields.named("event", report.event);
    fields.named("reason", report.reason);
    fields.add("order", report.id);
    fields.named("side", report.half);
    fields.add("price", report.price);
    fields.add("quantity", report.quantity);
    fields.add("left", report.left);
    fields.add("taker", report.taker);
}

fn add_entry(fields: &mut Fields, entry: &Entry) {
    let row = &entry.row;
    fields.add("local_time", row.local_time);
    fields.add("exchange_time", row.exchange_time);
    fields.add("instrument", row.instrument);
    fields.named("event", row.event);
    fields.named("reason", row.reason);
    fields.add("order", row.order);
    fields.named("side", row.half);
    fields.add("price", row.price);
    fields.add("quantity", row.quantity);
    fields.add("left", row.left);
    fields.add("taker", row.taker);
    fields.add("fee", row.fee);
    if let Some(Request::Submit(order)) = &entry.request {
        add_order(fields, order);
    }
}

fn add_order(fields: &mut Fields, order: &NewOrder) {
    fields.named("kind", order.kind);
    fields.named("terms", order.time_in_force);
    fields.add("display", order.display);
    fields.add("peer", order.peer);
    fields.add("parent", order.parent);
}

fn add_seal(fields: &mut Fields, seal: &Seal) {
    fields.add("record", "seal");
    fields.add("inputs", seal.inputs);
    fields.add("rows", seal.rows);
    fields.add("jumps", seal.jumps);
    fields.add("last_order", seal.last_order);
    fields.named("timer", seal.timer);
    fields.add("over", seal.over);
    fields.named("generator", seal.generator);
    fields.digest("inputs_digest", &seal.inputs_digest);
    fields.digest("outcomes_digest", &seal.outcomes_digest);
}

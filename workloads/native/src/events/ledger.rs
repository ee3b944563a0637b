//! From the log to the account's books: what each fill was worth, what it closed and what that gained.
//!
//! Computed when a run is over, from the log alone, so that it costs the loop nothing and anyone can do it again.

use super::log::Log;
use crate::engine::{Fill, Position, Reason};
use crate::exchange::Event;
use crate::fixed::{Overflow, bounded};
use crate::instrument::{Instrument, Settlement};
use std::collections::BTreeMap;

/// The fills of a log, each with the row of the log it is in. Of an order, the time of its decision is when it was sent
/// or last changed. `periods` are the times at which periods ended: a fill's bar, and that of its decision, is the
/// first that had not ended before.
///
/// # Errors
/// [`Overflow`] when an amount does not fit.
///
/// # Panics
/// Where the log has an instrument that is not given.
pub fn fills(log: &Log, instruments: &[Instrument], periods: &[i64]) -> Result<Vec<(usize, i64, Fill)>, Overflow> {
    let mut positions = vec![Position::default(); instruments.len()];
    let mut decided: BTreeMap<u64, i64> = BTreeMap::new();
    let mut found = Vec::new();
    let bar = |time: i64| periods.partition_point(|&end| end < time) as u32;
    for index in 0..log.len() {
        let row = log.row(index);
        match row.event {
            Event::Submit | Event::AskReplace => drop(decided.insert(row.order, row.local_time)),
            Event::Trade | Event::Fill => {
                let instrument = &instruments[row.instrument as usize];
                let position = &mut positions[row.instrument as usize];
                let quantity = row.half.sign() * row.quantity;
                let notional = instrument.value(row.quantity, row.price)?;
                // Coins of an inverse future are lost where dollars are gained: its books are those of the coins.
                let sign = if instrument.settlement == Settlement::Inverse { -1 } else { 1 };
                let realized = bounded(position.change(sign * quantity, notional, row.fee, row.price)?)?;
                let time = decided.get(&row.order).copied().unwrap_or(row.local_time);
                let fill = Fill {
                    decision: bar(time),
                    bar: bar(row.local_time),
                    instrument: row.instrument,
                    reason: Reason::Signal,
                    quantity,
                    position: sign * position.quantity,
                    notional,
                    commission: row.fee,
                    slippage: 0,
                    realized,
                    entry_value: position.entry_value,
                };
                found.push((index, time, fill));
            }
            Event::Cancel | Event::Expire | Event::Refuse => drop(decided.remove(&row.order)),
            _ => {}
        }
    }
    Ok(found)
}

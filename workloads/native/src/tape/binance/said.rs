//! What a message says, and whether it can be used: the same for a recording that is read and for one that is made.

use super::super::columns::Side;
use super::super::form::BOUND;
use super::instrument::{Trades, Updates};
use super::message::{Level, Message, Value};
use super::problem::Problem;

const MILLISECOND: u64 = 1_000_000;
const MICROSECOND: u64 = 1_000;
/// Exchange times from here on are in microseconds, as spot gives them on demand; in milliseconds it is the year 5138.
const FIRST_MICROSECONDS: u64 = 100_000_000_000_000;

/// A message, as far as a tape needs it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Said<'l> {
    /// Nothing that a tape holds.
    Nothing,
    /// The few best levels (`btcusdt@depth20@100ms`), which are no changes of the book.
    FewLevels,
    /// Changes of the book: bids, then asks.
    Depth(Updates, &'l [Level], &'l [Level]),
    /// A trade, with its number in its feed; no level where it was none in the book.
    Trade { feed: Trades, number: u64, taker: Side, level: Option<Level> },
    /// The best bid and ask.
    Quotes(Level, Level),
    /// The book after an update.
    Snapshot { update: u64, bids: &'l [Level], asks: &'l [Level] },
    /// The recorder's own: there was no feed, so anything may have been lost.
    FeedLost,
    /// The recorder's own: the last trade of the recording before.
    CarriedTrade(Trades, u64),
    /// The recorder's own: the book was not known when the recording before ended, with this update.
    CarriedBook(u64),
}

/// Reads what a message says from its fields.
///
/// # Errors
/// The first field that its kind needs and that cannot be used.
pub(super) fn said<'l>(message: &Message<'_>, levels: &'l [Level]) -> Result<Said<'l>, Problem> {
    if let Some(update) = message.snapshot_update.integer() {
        // One that a stream wraps has the few best levels that spot publishes; it is no whole book.
        return if message.stream == Value::None { snapshot(update, message, levels) } else { Ok(Said::Nothing) };
    }
    if message.symbol.text().is_none() {
        return Ok(Said::Nothing);
    }
    // Spot's best quotes do not say what they are.
    let untold = message.bid_quantity.text().and(message.ask_quantity.text()).map_or(&b""[..], |_| b"bookTicker");
    match message.event.text().unwrap_or(untold) {
        b"depthUpdate" => depth(message, levels),
        b"trade" => trade(Trades::Single, &message.trade, message),
        b"aggTrade" => trade(Trades::Aggregated, &message.asks, message),
        b"bookTicker" => quotes(message),
        b"tradeplane.feedLost" => Ok(Said::FeedLost),
        b"tradeplane.carriedTrade" => carried_trade(message),
        b"tradeplane.carriedBook" => {
            message.last_update.integer().map(Said::CarriedBook).ok_or(Problem::Field("\"u\""))
        }
        _ => Ok(Said::Nothing),
    }
}

fn snapshot<'l>(update: u64, message: &Message<'_>, levels: &'l [Level]) -> Result<Said<'l>, Problem> {
    let bids = message.snapshot_bids.levels(levels).ok_or(Problem::Field("\"bids\""))?;
    let asks = message.snapshot_asks.levels(levels).ok_or(Problem::Field("\"asks\""))?;
    Ok(Said::Snapshot { update, bids, asks })
}

fn depth<'l>(message: &Message<'_>, levels: &'l [Level]) -> Result<Said<'l>, Problem> {
    if message.stream.text().is_some_and(has_few_levels) {
        return Ok(Said::FewLevels);
    }
    let updates = Updates {
        first: message.first_update.integer().ok_or(Problem::Field("\"U\""))?,
        last: message.last_update.integer().ok_or(Problem::Field("\"u\""))?,
        previous: message.previous_update.integer(),
    };
    let bids = message.bids.levels(levels).ok_or(Problem::Field("\"b\""))?;
    let asks = message.asks.levels(levels).ok_or(Problem::Field("\"a\""))?;
    Ok(Said::Depth(updates, bids, asks))
}

fn has_few_levels(stream: &[u8]) -> bool {
    let after = memchr::memmem::find(stream, b"@depth").map(|place| place + b"@depth".len());
    after.and_then(|place| stream.get(place)).is_some_and(u8::is_ascii_digit)
}

fn trade<'l>(feed: Trades, number: &Value<'_>, message: &Message<'_>) -> Result<Said<'l>, Problem> {
    let number = number.integer().ok_or(Problem::Field("number of the trade"))?;
    // An insurance fund's, say: it has a number among the others, and nothing in the book traded.
    if message.trade_kind.text().is_some_and(|kind| kind != b"MARKET") {
        return Ok(Said::Trade { feed, number, taker: Side::None, level: None });
    }
    let taker = if message.buyer_made.flag().ok_or(Problem::Field("\"m\""))? { Side::Ask } else { Side::Bid };
    let price = message.price.decimal().ok_or(Problem::Field("\"p\""))?;
    let quantity = message.quantity.decimal().ok_or(Problem::Field("\"q\""))?;
    Ok(Said::Trade { feed, number, taker, level: Some(Level { price, quantity }) })
}

fn quotes<'l>(message: &Message<'_>) -> Result<Said<'l>, Problem> {
    let bid = Level {
        price: message.bids.decimal().ok_or(Problem::Field("\"b\""))?,
        quantity: message.bid_quantity.decimal().ok_or(Problem::Field("\"B\""))?,
    };
    let ask = Level {
        price: message.asks.decimal().ok_or(Problem::Field("\"a\""))?,
        quantity: message.ask_quantity.decimal().ok_or(Problem::Field("\"A\""))?,
    };
    Ok(Said::Quotes(bid, ask))
}

/// `t` is the number of a single trade, `a` of an aggregated one.
fn carried_trade<'l>(message: &Message<'_>) -> Result<Said<'l>, Problem> {
    let single = message.trade.integer().map(|number| Said::CarriedTrade(Trades::Single, number));
    let aggregated = message.asks.integer().map(|number| Said::CarriedTrade(Trades::Aggregated, number));
    single.or(aggregated).ok_or(Problem::Field("number of the trade"))
}

/// When it happened, or where that is not said when it was sent.
pub(super) fn exchange_time(message: &Message<'_>) -> Result<Option<i64>, Problem> {
    let Some(time) = message.transaction_time.integer().or(message.event_time.integer()) else { return Ok(None) };
    let unit = if time < FIRST_MICROSECONDS { MILLISECOND } else { MICROSECOND };
    let nanoseconds = time.checked_mul(unit).and_then(|time| i64::try_from(time).ok());
    nanoseconds.filter(|&time| time < BOUND).map(Some).ok_or(Problem::Field("exchange time"))
}

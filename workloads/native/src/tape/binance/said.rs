//! What a message says, and whether it can be used: the same for a recording that is read and for one that is made.

use super::super::columns::Side;
use super::super::form::BOUND;
use super::instrument::{Trades, Updates};
use super::message::{Field, Fields, Level};
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
pub(super) fn said<'l>(message: &impl Fields, levels: &'l [Level]) -> Result<Said<'l>, Problem> {
    if let Some(update) = message.integer(Field::SnapshotUpdate) {
        // One that a stream wraps has the few best levels that spot publishes; it is no whole book.
        return if message.has(Field::Stream) { Ok(Said::Nothing) } else { snapshot(update, message, levels) };
    }
    if message.text(Field::Symbol).is_none() {
        return Ok(Said::Nothing);
    }
    // Spot's best quotes do not say what they are.
    let quotes_both = message.is_text(Field::BidQuantity) && message.is_text(Field::AskQuantity);
    let untold: &[u8] = if quotes_both { b"bookTicker" } else { b"" };
    match message.text(Field::Event).unwrap_or(untold) {
        b"depthUpdate" => depth(message, levels),
        b"trade" => trade(Trades::Single, Field::Trade, message),
        b"aggTrade" => trade(Trades::Aggregated, Field::Asks, message),
        b"bookTicker" => quotes(message),
        b"tradeplane.feedLost" => Ok(Said::FeedLost),
        b"tradeplane.carriedTrade" => carried_trade(message),
        b"tradeplane.carriedBook" => {
            message.integer(Field::LastUpdate).map(Said::CarriedBook).ok_or(Problem::Field("\"u\""))
        }
        _ => Ok(Said::Nothing),
    }
}

fn snapshot<'l>(update: u64, message: &impl Fields, levels: &'l [Level]) -> Result<Said<'l>, Problem> {
    let bids = message.levels(Field::SnapshotBids, levels).ok_or(Problem::Field("\"bids\""))?;
    let asks = message.levels(Field::SnapshotAsks, levels).ok_or(Problem::Field("\"asks\""))?;
    Ok(Said::Snapshot { update, bids, asks })
}

fn depth<'l>(message: &impl Fields, levels: &'l [Level]) -> Result<Said<'l>, Problem> {
    if message.text(Field::Stream).is_some_and(has_few_levels) {
        return Ok(Said::FewLevels);
    }
    let updates = Updates {
        first: message.integer(Field::FirstUpdate).ok_or(Problem::Field("\"U\""))?,
        last: message.integer(Field::LastUpdate).ok_or(Problem::Field("\"u\""))?,
        previous: message.integer(Field::PreviousUpdate),
    };
    let bids = message.levels(Field::Bids, levels).ok_or(Problem::Field("\"b\""))?;
    let asks = message.levels(Field::Asks, levels).ok_or(Problem::Field("\"a\""))?;
    Ok(Said::Depth(updates, bids, asks))
}

fn has_few_levels(stream: &[u8]) -> bool {
    let after = memchr::memmem::find(stream, b"@depth").map(|place| place + b"@depth".len());
    after.and_then(|place| stream.get(place)).is_some_and(u8::is_ascii_digit)
}

fn trade<'l>(feed: Trades, number: Field, message: &impl Fields) -> Result<Said<'l>, Problem> {
    let number = message.integer(number).ok_or(Problem::Field("number of the trade"))?;
    // An insurance fund's, say: it has a number among the others, and nothing in the book traded.
    if message.text(Field::TradeKind).is_some_and(|kind| kind != b"MARKET") {
        return Ok(Said::Trade { feed, number, taker: Side::None, level: None });
    }
    let taker = if message.flag(Field::BuyerMade).ok_or(Problem::Field("\"m\""))? { Side::Ask } else { Side::Bid };
    let price = message.decimal(Field::Price).ok_or(Problem::Field("\"p\""))?;
    let quantity = message.decimal(Field::Quantity).ok_or(Problem::Field("\"q\""))?;
    Ok(Said::Trade { feed, number, taker, level: Some(Level { price, quantity }) })
}

fn quotes<'l>(message: &impl Fields) -> Result<Said<'l>, Problem> {
    let bid = Level {
        price: message.decimal(Field::Bids).ok_or(Problem::Field("\"b\""))?,
        quantity: message.decimal(Field::BidQuantity).ok_or(Problem::Field("\"B\""))?,
    };
    let ask = Level {
        price: message.decimal(Field::Asks).ok_or(Problem::Field("\"a\""))?,
        quantity: message.decimal(Field::AskQuantity).ok_or(Problem::Field("\"A\""))?,
    };
    Ok(Said::Quotes(bid, ask))
}

/// `t` is the number of a single trade, `a` of an aggregated one.
fn carried_trade<'l>(message: &impl Fields) -> Result<Said<'l>, Problem> {
    let single = message.integer(Field::Trade).map(|number| Said::CarriedTrade(Trades::Single, number));
    let aggregated = message.integer(Field::Asks).map(|number| Said::CarriedTrade(Trades::Aggregated, number));
    single.or(aggregated).ok_or(Problem::Field("number of the trade"))
}

/// When it happened, or where that is not said when it was sent.
pub(super) fn exchange_time(message: &impl Fields) -> Result<Option<i64>, Problem> {
    let Some(time) = message.integer(Field::TransactionTime).or(message.integer(Field::EventTime)) else {
        return Ok(None);
    };
    let unit = if time < FIRST_MICROSECONDS { MILLISECOND } else { MICROSECOND };
    let nanoseconds = time.checked_mul(unit).and_then(|time| i64::try_from(time).ok());
    nanoseconds.filter(|&time| time < BOUND).map(Some).ok_or(Problem::Field("exchange time"))
}

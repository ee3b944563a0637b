//! From lines to the instruments they are about.

use std::collections::BTreeMap;

use super::super::decode::Room;
use super::super::digits;
use super::super::form::BOUND;
use super::super::lines::{expected, for_each_line};
use super::super::owned::Tape;
use super::super::rows::Filled;
use super::instrument::{Instrument, Stamp, Trades};
use super::message::{Field, Fields, Level, Message};
use super::problem::{Problem, Refused};
use super::said::{Said, exchange_time, said};
use super::shape::Shapes;

/// Local times before this are in no nanoseconds: the ninth of September 2001.
pub(super) const EARLIEST: i64 = 1_000_000_000_000_000_000;
/// Rows of an instrument from which on it is worth asking how many there will be.
const MANY: usize = 1 << 14;
/// Snapshots that may come before anything tells whose they are.
const WAITING: usize = 16;

/// Bytes of the shortest level, `["1","1"]`, which is a row.
const SHORTEST: u64 = 9;
/// Bytes of a line for each of its rows, at least, as venues write them.
const USUAL: u64 = 20;
/// Most rows that room is to be made for before any is read.
const MOST_LIKELY: u64 = 1 << 22;

/// Which of Binance's markets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Market {
    /// Spot.
    Spot,
    /// Futures in USDT and the like.
    UsdM,
    /// Futures in the coin itself.
    CoinM,
}

/// How a recording is read.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whose the snapshots are that name no symbol. None: of the only instrument there is.
    pub symbol: Option<String>,
    /// Most bytes, expanded.
    pub limit: u64,
    /// Most instruments.
    pub instruments: usize,
}

/// An instrument that was read: prices in units of 10^-`price_places`, quantities likewise.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "named for what they are")]
pub struct Recorded {
    pub symbol: String,
    pub market: Market,
    /// Its rows, but for those in the room that was lent.
    pub tape: Tape,
    /// How many rows are in the room that was lent; None where they are in `tape`.
    pub lent: Option<usize>,
    pub price_places: u32,
    pub quantity_places: u32,
    /// Messages that are not on the tape.
    pub left_out: u64,
    /// The update up to which the book is known at the end; none where it is not.
    pub update: Option<u64>,
    /// The last update of a book that is not known at the end, where any came since it was lost.
    pub blind_update: Option<u64>,
    /// The number of the last trade, and whether the feed is that of aggregated ones.
    pub last_trade: Option<(bool, u64)>,
}

/// What a recording holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// The instruments, by symbol.
    pub instruments: Vec<Recorded>,
    /// Messages that are about none.
    pub others: u64,
}

/// Reads a recording, plain or gzip.
///
/// # Errors
/// [`Refused`] naming the first line that cannot be read.
pub fn read(data: &[u8], options: &Options) -> Result<Recording, Refused> {
    read_into(data, options, None)
}

/// As [`read`], the rows of the first instrument into `room`, whose columns are as long as another but for that of
/// orders, if they have enough of it.
///
/// # Errors
/// [`Refused`] naming the first line that cannot be read.
pub fn read_into(data: &[u8], options: &Options, room: Option<Room<'_>>) -> Result<Recording, Refused> {
    let mut reader = Reader::new(options, expected(data), room);
    for_each_line(data, options.limit, |line, text| {
        reader.line(line, text).map_err(|problem| Refused { line: Some(line), problem })
    })?;
    reader.finish()
}

/// For how many rows it is worth to make room before a recording is read; there may be fewer or more.
#[must_use]
pub fn likely_rows(data: &[u8]) -> usize {
    usize::try_from((expected(data) / USUAL).min(MOST_LIKELY)).unwrap_or(0)
}

/// A snapshot of which nobody knows yet whose it is.
struct Waiting {
    stamp: Stamp,
    update: u64,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

struct Known<'r> {
    instrument: Instrument<'r>,
    futures: bool,
    coin: bool,
    /// Whether room was made for all the rows that seem to come.
    roomy: bool,
}

impl Known<'_> {
    fn recorded(self, symbol: String) -> Recorded {
        let (price_places, quantity_places) = (self.instrument.prices.places, self.instrument.quantities.places);
        let left_out = self.instrument.left_out;
        let (update, blind_update) = (self.instrument.known_until(), self.instrument.blind_until());
        let last_trade = self.instrument.last_trade().map(|(feed, number)| (feed == Trades::Aggregated, number));
        let market = match (self.coin, self.futures) {
            (true, _) => Market::CoinM,
            (false, true) => Market::UsdM,
            (false, false) => Market::Spot,
        };
        let (tape, lent) = match self.instrument.finish() {
            Filled::Lent(rows) => (Tape::default(), Some(rows)),
            Filled::Own(tape) => (tape, None),
        };
        Recorded {
            symbol,
            market,
            tape,
            lent,
            price_places,
            quantity_places,
            left_out,
            update,
            blind_update,
            last_trade,
        }
    }
}

struct Reader<'a, 'r> {
    options: &'a Options,
    /// For the first instrument.
    room: Option<Room<'r>>,
    instruments: Vec<Known<'r>>,
    places: BTreeMap<String, usize>,
    latest: Option<(String, usize)>,
    waiting: Vec<Waiting>,
    /// What messages of each stream are like.
    shapes: Shapes,
    /// Levels of the message being read.
    levels: Vec<Level>,
    /// The first line with a snapshot that was taken for the only instrument's.
    unnamed: Option<u64>,
    others: u64,
    /// Bytes that were read, and that there seem to be.
    done: u64,
    expected: u64,
}

impl<'a, 'r> Reader<'a, 'r> {
    fn new(options: &'a Options, expected: u64, room: Option<Room<'r>>) -> Self {
        Self {
            options,
            room,
            done: 0,
            expected,
            instruments: Vec::new(),
            places: BTreeMap::new(),
            latest: None,
            waiting: Vec::new(),
            shapes: Shapes::default(),
            levels: Vec::new(),
            unnamed: None,
            others: 0,
        }
    }

    fn line(&mut self, line: u64, text: &[u8]) -> Result<(), Problem> {
        self.done += text.len() as u64;
        let space = memchr::memchr(b' ', text).ok_or(Problem::Time)?;
        let local = local_time(&text[..space]).ok_or(Problem::Time)?;
        let text = &text[space + 1..];
        // Lent out, since what it finds is part of it.
        let mut shapes = std::mem::take(&mut self.shapes);
        let done = match shapes.matched(text) {
            Some(message) => self.message(line, local, &message, &[]),
            None => self.parsed(line, local, text).map(|()| shapes.learn(text)),
        };
        self.shapes = shapes;
        done
    }

    /// A message that is like none before.
    fn parsed(&mut self, line: u64, local: i64, text: &[u8]) -> Result<(), Problem> {
        if !text.is_ascii() && std::str::from_utf8(text).is_err() {
            return Err(Problem::Text);
        }
        let mut levels = std::mem::take(&mut self.levels);
        let mut message = Message::default();
        let parsed = message.read(text, &mut levels).map_err(|unexpected| Problem::Json(unexpected.0 + 1));
        let done = parsed.and_then(|()| self.message(line, local, &message, &levels));
        self.levels = levels;
        done
    }

    fn message(&mut self, line: u64, local: i64, message: &impl Fields, levels: &[Level]) -> Result<(), Problem> {
        let stamp = Stamp { line, local, exchange: exchange_time(message)? };
        let said = said(message, levels)?;
        if let Said::Snapshot { update, bids, asks } = said {
            return self.snapshot(stamp, update, message, (bids, asks));
        }
        let Some(symbol) = message.text(Field::Symbol).filter(|_| !matches!(said, Said::Nothing)) else {
            self.others += 1;
            return Ok(());
        };
        let place = self.place(symbol)?;
        let known = &mut self.instruments[place];
        known.futures |= message.integer(Field::PreviousUpdate).is_some() || message.text(Field::TradeKind).is_some();
        known.coin |= message.text(Field::Pair).is_some();
        let instrument = &mut known.instrument;
        if instrument.rows.len() >= MANY && !known.roomy {
            known.roomy = true;
            instrument.rows.reserve(projected(instrument.rows.len(), self.done, self.expected));
        }
        instrument.add(stamp, &said)
    }

    fn snapshot(
        &mut self,
        stamp: Stamp,
        update: u64,
        message: &impl Fields,
        (bids, asks): (&[Level], &[Level]),
    ) -> Result<(), Problem> {
        let named = message.text(Field::SnapshotSymbol).or(self.options.symbol.as_deref().map(str::as_bytes));
        let place = match (named, self.instruments.len()) {
            (Some(symbol), _) => self.place(symbol)?,
            (None, 0) if self.waiting.len() == WAITING => return Err(Problem::Waiting),
            (None, 0) => {
                let (bids, asks) = (bids.to_vec(), asks.to_vec());
                self.waiting.push(Waiting { stamp, update, bids, asks });
                return Ok(());
            }
            (None, 1) => {
                self.unnamed.get_or_insert(stamp.line);
                0
            }
            (None, _) => return Err(Problem::Unnamed),
        };
        self.instruments[place].instrument.snapshot(stamp, update, bids, asks)
    }

    /// Where the instrument of a symbol is, made where there was none.
    fn place(&mut self, symbol: &[u8]) -> Result<usize, Problem> {
        if let Some((latest, place)) = &self.latest
            && latest.as_bytes() == symbol
        {
            return Ok(*place);
        }
        let symbol = std::str::from_utf8(symbol).map_err(|_| Problem::Symbol)?;
        let place = match self.places.get(symbol) {
            Some(&place) => place,
            None => self.add(symbol)?,
        };
        self.latest = Some((symbol.to_owned(), place));
        Ok(place)
    }

    fn add(&mut self, symbol: &str) -> Result<usize, Problem> {
        if symbol.is_empty() || symbol.len() > 64 || !symbol.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Problem::Symbol);
        }
        if self.instruments.len() == self.options.instruments {
            return Err(Problem::Instruments(self.options.instruments));
        }
        let mut instrument = Instrument::new(self.room.take());
        for waiting in self.waiting.drain(..) {
            self.unnamed.get_or_insert(waiting.stamp.line);
            instrument.snapshot(waiting.stamp, waiting.update, &waiting.bids, &waiting.asks)?;
        }
        self.instruments.push(Known { instrument, futures: false, roomy: false, coin: symbol.contains("USD_") });
        self.places.insert(symbol.to_owned(), self.instruments.len() - 1);
        Ok(self.instruments.len() - 1)
    }

    fn finish(self) -> Result<Recording, Refused> {
        let unnamed = self.unnamed.filter(|_| self.instruments.len() > 1);
        let waiting = self.waiting.first().map(|waiting| waiting.stamp.line);
        if let Some(line) = unnamed.or(waiting) {
            let problem = if unnamed.is_some() { Problem::Unnamed } else { Problem::Waiting };
            return Err(Refused { line: Some(line), problem });
        }
        let mut known: Vec<Option<Known<'_>>> = self.instruments.into_iter().map(Some).collect();
        let known = self.places.into_iter().filter_map(|(symbol, place)| Some((symbol, known[place].take()?)));
        let instruments = known.map(|(symbol, known)| known.recorded(symbol)).collect();
        Ok(Recording { instruments, others: self.others })
    }
}

/// How many more rows there will be if the rest is like what was read, and a few; never more than its bytes can say.
fn projected(rows: usize, done: u64, expected: u64) -> usize {
    let rest = expected.saturating_sub(done);
    let alike = u128::from(rest) * rows as u128 / u128::from(done.max(1));
    usize::try_from((alike * 9 / 8).min(u128::from(rest / SHORTEST))).unwrap_or(0)
}

fn local_time(text: &[u8]) -> Option<i64> {
    let number = match digits::nineteen(text) {
        Some(number) => i64::try_from(number).ok()?,
        None => std::str::from_utf8(text).ok()?.parse().ok()?,
    };
    (EARLIEST..BOUND).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests;

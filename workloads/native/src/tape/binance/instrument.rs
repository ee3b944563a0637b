//! One instrument of a recording: its rows so far, and how its book joins together.

use std::ops::Range;

use super::super::audit::lost;
use super::super::columns::{Kind, Side};
use super::super::decimal::Scale;
use super::super::decode::Room;
use super::super::form::BOUND;
use super::super::owned::Row;
use super::super::rows::{Filled, Rows};
use super::message::Level;
use super::problem::Problem;
use super::said::Said;

/// What is known of a message before its content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    pub line: u64,
    pub local: i64,
    pub exchange: Option<i64>,
}

/// Which updates of the book a message has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Updates {
    pub first: u64,
    pub last: u64,
    /// The last update before, where the market states it.
    pub previous: Option<u64>,
}

impl Updates {
    /// What is not at hand, up to an update: only a snapshot of that one or of a later one can stand for it.
    pub fn until(update: u64) -> Self {
        Self { first: update.saturating_add(1), last: update, previous: None }
    }

    /// Whether these follow an update without one between them.
    pub fn follow(self, last: u64) -> bool {
        self.previous.is_some_and(|previous| previous <= last) || self.first <= last.saturating_add(1)
    }
}

/// How far the book is known.
#[derive(Debug)]
enum Book {
    /// No message of it came yet.
    None,
    /// Levels are missing; the messages since the last gap, to be applied to a snapshot that is older than they are.
    Blind(Vec<(Updates, Range<usize>)>),
    /// Whole, up to an update.
    Known(u64),
}

/// Which of the two feeds of trades an instrument's are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trades {
    Single,
    Aggregated,
}

/// An instrument while it is read.
#[derive(Debug)]
pub(super) struct Instrument<'r> {
    pub rows: Rows<'r>,
    pub prices: Scale,
    pub quantities: Scale,
    /// Messages that are not on the tape.
    pub left_out: u64,
    /// Price and quantity of rows that are no price and no quantity.
    gaps: Vec<(usize, i64, i64)>,
    /// Rows of messages that state no exchange time.
    untimed: Vec<usize>,
    book: Book,
    trades: Option<(Trades, u64)>,
}

impl<'r> Instrument<'r> {
    /// Nothing of an instrument yet; its rows go into `room` while there is enough of it.
    pub fn new(room: Option<Room<'r>>) -> Self {
        Self {
            rows: Rows::new(room),
            prices: Scale::default(),
            quantities: Scale::default(),
            left_out: 0,
            gaps: Vec::new(),
            untimed: Vec::new(),
            book: Book::None,
            trades: None,
        }
    }

    /// Adds what a message says, if it is about one instrument.
    pub fn add(&mut self, stamp: Stamp, said: &Said<'_>) -> Result<(), Problem> {
        match *said {
            Said::Depth(updates, bids, asks) => self.depth(stamp, updates, bids, asks),
            Said::Trade { feed, number, taker, level } => self.trade(stamp, (feed, number), taker, level),
            Said::Quotes(bid, ask) => self.quotes(stamp, bid, ask),
            Said::Snapshot { update, bids, asks } => self.snapshot(stamp, update, bids, asks),
            Said::FeedLost => {
                self.lose(stamp, lost::ANYTHING, 0);
                Ok(())
            }
            Said::CarriedTrade(feed, number) => {
                self.trades.get_or_insert((feed, number));
                Ok(())
            }
            Said::CarriedBook(update) => {
                self.lose(stamp, lost::BOOK, 0);
                if let Book::Blind(since) = &mut self.book {
                    since.push((Updates::until(update), 0..0));
                }
                Ok(())
            }
            Said::FewLevels => {
                self.left_out += 1;
                Ok(())
            }
            Said::Nothing => Ok(()),
        }
    }

    /// The update up to which the book is known; none where it is not.
    pub fn known_until(&self) -> Option<u64> {
        if let Book::Known(update) = self.book { Some(update) } else { None }
    }

    /// The last update of a book that is not known, where any came since it was lost.
    pub fn blind_until(&self) -> Option<u64> {
        if let Book::Blind(since) = &self.book { since.last().map(|(updates, _)| updates.last) } else { None }
    }

    /// Feed and number of the last trade.
    pub fn last_trade(&self) -> Option<(Trades, u64)> {
        self.trades
    }

    /// Changes of the book.
    pub fn depth(&mut self, stamp: Stamp, updates: Updates, bids: &[Level], asks: &[Level]) -> Result<(), Problem> {
        match &self.book {
            Book::None => self.lose(stamp, lost::BOOK, 0),
            Book::Known(last) if updates.last <= *last => {
                self.left_out += 1;
                return Ok(());
            }
            Book::Known(last) if !updates.follow(*last) => self.lose(stamp, lost::BOOK, 0),
            Book::Known(_) => self.book = Book::Known(updates.last),
            Book::Blind(since) => match since.last() {
                Some((before, _)) if updates.last <= before.last => {
                    self.left_out += 1;
                    return Ok(());
                }
                Some((before, _)) if !updates.follow(before.last) => self.lose(stamp, lost::BOOK, 0),
                _ => {}
            },
        }
        let start = self.rows.len();
        self.levels(stamp, Kind::Level, bids, asks)?;
        let rows = start..self.rows.len();
        if let Book::Blind(since) = &mut self.book {
            since.push((updates, rows));
        }
        Ok(())
    }

    /// A snapshot of the book after an update; messages that came before it and are newer are applied to it.
    ///
    /// One that those messages do not follow makes no book known, so it is left out: were it kept, each would repeat all
    /// rows since the last gap.
    pub fn snapshot(&mut self, stamp: Stamp, update: u64, bids: &[Level], asks: &[Level]) -> Result<(), Problem> {
        let joins = match &self.book {
            Book::None => true,
            Book::Known(last) => update > *last,
            Book::Blind(since) => since.first().is_none_or(|(first, _)| first.last <= update || first.follow(update)),
        };
        if !joins {
            self.left_out += 1;
            return Ok(());
        }
        self.row(stamp, Kind::Clear, Side::None, 0, 0);
        self.levels(stamp, Kind::Snapshot, bids, asks)?;
        let before = std::mem::replace(&mut self.book, Book::Known(update));
        if let Book::Blind(since) = before {
            since.into_iter().filter(|(updates, _)| updates.last > update).for_each(|each| self.apply(stamp, each));
        }
        Ok(())
    }

    /// Applies a message that is newer than the book and follows it once more.
    fn apply(&mut self, stamp: Stamp, (updates, rows): (Updates, Range<usize>)) {
        for row in rows {
            let before = self.rows.room();
            let (side, price, quantity) = (before.side[row], before.price[row], before.quantity[row]);
            self.row(stamp, Kind::Level, Side::of(side).unwrap_or(Side::None), price, quantity);
        }
        self.book = Book::Known(updates.last);
    }

    /// A trade, with its number in its feed; no level where it was none in the book.
    pub fn trade(
        &mut self,
        stamp: Stamp,
        (feed, number): (Trades, u64),
        taker: Side,
        level: Option<Level>,
    ) -> Result<(), Problem> {
        match self.trades {
            Some((chosen, last)) if chosen != feed || number <= last => {
                self.left_out += 1;
                return Ok(());
            }
            Some((_, last)) if number - last > 1 => {
                let missing = i64::try_from(number - last - 1).ok().filter(|&missing| missing < BOUND);
                self.lose(stamp, lost::TRADES, missing.ok_or(Problem::Field("number of the trade"))?);
            }
            _ => {}
        }
        self.trades = Some((feed, number));
        match level {
            Some(level) => self.level(stamp, Kind::Trade, taker, level),
            None => {
                self.left_out += 1;
                Ok(())
            }
        }
    }

    /// The best bid and ask.
    pub fn quotes(&mut self, stamp: Stamp, bid: Level, ask: Level) -> Result<(), Problem> {
        self.level(stamp, Kind::Quote, Side::Bid, bid)?;
        self.level(stamp, Kind::Quote, Side::Ask, ask)
    }

    /// The rows, when all was read: what states no exchange time has that of the row before, or the first there is, or
    /// where none has any the local time.
    pub fn finish(mut self) -> Filled {
        let rows = self.rows.len();
        let room = self.rows.room();
        let mut untimed = self.untimed.iter().copied().peekable();
        let first = (0..rows).find(|row| untimed.next_if_eq(row).is_none());
        for &row in &self.untimed {
            let source = if row == 0 { first } else { Some(row - 1) };
            room.exchange_time[row] = match source {
                Some(source) if first.is_some() => room.exchange_time[source],
                _ => room.local_time[row],
            };
        }
        for &(row, what, count) in &self.gaps {
            (room.price[row], room.quantity[row]) = (what, count);
        }
        self.rows.finish()
    }

    fn lose(&mut self, stamp: Stamp, what: i64, count: i64) {
        if matches!(what, lost::ANYTHING | lost::BOOK) {
            self.book = Book::Blind(Vec::new());
        }
        self.gaps.push((self.rows.len(), what, count));
        self.row(stamp, Kind::Gap, Side::None, 0, 0);
    }

    fn levels(&mut self, stamp: Stamp, kind: Kind, bids: &[Level], asks: &[Level]) -> Result<(), Problem> {
        self.side_of(stamp, (kind, Side::Bid), bids)?;
        self.side_of(stamp, (kind, Side::Ask), asks)
    }

    /// Rows of one kind and side, which share all but price and quantity.
    fn side_of(&mut self, stamp: Stamp, (kind, side): (Kind, Side), levels: &[Level]) -> Result<(), Problem> {
        let rows = self.rows.len()..self.rows.len() + levels.len();
        self.rows.reserve(levels.len());
        let room = self.rows.room();
        for (row, level) in rows.clone().zip(levels) {
            room.price[row] = self.prices.fit(level.price, &mut room.price[..row]).ok_or(Problem::Number("price"))?;
            room.quantity[row] =
                self.quantities.fit(level.quantity, &mut room.quantity[..row]).ok_or(Problem::Number("quantity"))?;
        }
        room.sequence[rows.clone()].fill(stamp.line);
        room.exchange_time[rows.clone()].fill(stamp.exchange.unwrap_or(0));
        room.local_time[rows.clone()].fill(stamp.local);
        room.kind[rows.clone()].fill(kind as u8);
        room.side[rows.clone()].fill(side as u8);
        self.rows.wrote(levels.len());
        if stamp.exchange.is_none() {
            self.untimed.extend(rows);
        }
        Ok(())
    }

    fn level(&mut self, stamp: Stamp, kind: Kind, side: Side, level: Level) -> Result<(), Problem> {
        let rows = self.rows.len();
        let before = self.rows.room();
        let price = self.prices.fit(level.price, &mut before.price[..rows]).ok_or(Problem::Number("price"))?;
        let quantity = self.quantities.fit(level.quantity, &mut before.quantity[..rows]);
        let quantity = quantity.ok_or(Problem::Number("quantity"))?;
        self.row(stamp, kind, side, price, quantity);
        Ok(())
    }

    fn row(&mut self, stamp: Stamp, kind: Kind, side: Side, price: i64, quantity: i64) {
        if stamp.exchange.is_none() {
            self.untimed.push(self.rows.len());
        }
        self.rows.push(Row {
            sequence: stamp.line,
            exchange_time: stamp.exchange.unwrap_or(0),
            local_time: stamp.local,
            kind,
            side,
            price,
            quantity,
        });
    }
}

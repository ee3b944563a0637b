//! Messages of Binance's market streams, as far as a tape needs them.
//!
//! One structure takes every message, because their kind is a field among the others and may come last. Fields that
//! hold one thing in one message and another in the next are taken as what they are; all others are passed over.

use std::ops::Range;

use super::super::decimal::Decimal;
use super::super::json::{Lengths, Scanner, Unexpected};

/// A price and the quantity there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Level {
    pub price: Decimal,
    pub quantity: Decimal,
}

/// A string's text, kept with what follows it in the message, so that a number in it can be read by words.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Text<'a> {
    /// The message from the first byte of the text on.
    from: &'a [u8],
    length: u32,
}

impl<'a> Text<'a> {
    fn bytes(self) -> &'a [u8] {
        &self.from[..self.length as usize]
    }

    fn decimal(self) -> Option<Decimal> {
        let short = Decimal::short(self.from).filter(|(_, length)| *length == self.length as usize);
        short.map_or_else(|| Decimal::parse(self.bytes()), |(decimal, _)| Some(decimal))
    }
}

/// What a field held.
#[derive(Debug, Clone, Default, PartialEq)]
enum Value<'a> {
    /// There was no such field.
    #[default]
    None,
    /// Something that no tape needs.
    Other,
    Integer(u64),
    Flag(bool),
    /// Text without escapes.
    Text(Text<'a>),
    /// Places in the levels of the message.
    Levels(Range<usize>),
}

/// A field that a tape needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// Kind of the event.
    Event,
    /// When it was sent.
    EventTime,
    /// When it happened.
    TransactionTime,
    /// Of a combined stream, its name; no member of a message has it.
    Stream,
    Symbol,
    /// The pair of a COIN-M future.
    Pair,
    FirstUpdate,
    LastUpdate,
    /// Last update of the message before, which futures state.
    PreviousUpdate,
    /// Bids, or the best bid's price.
    Bids,
    /// Asks, the best ask's price, or the number of an aggregated trade.
    Asks,
    BidQuantity,
    AskQuantity,
    Price,
    Quantity,
    Trade,
    /// Whether the buyer was the maker.
    BuyerMade,
    /// What kind of trade, which futures state.
    TradeKind,
    SnapshotUpdate,
    SnapshotBids,
    SnapshotAsks,
    SnapshotSymbol,
}

impl Field {
    /// How many there are.
    pub const COUNT: usize = Self::SnapshotSymbol as usize + 1;

    /// The field of a name.
    #[inline]
    pub fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"e" => Self::Event,
            b"E" => Self::EventTime,
            b"T" => Self::TransactionTime,
            b"s" => Self::Symbol,
            b"ps" => Self::Pair,
            b"U" => Self::FirstUpdate,
            b"u" => Self::LastUpdate,
            b"pu" => Self::PreviousUpdate,
            b"b" => Self::Bids,
            b"a" => Self::Asks,
            b"B" => Self::BidQuantity,
            b"A" => Self::AskQuantity,
            b"p" => Self::Price,
            b"q" => Self::Quantity,
            b"t" => Self::Trade,
            b"m" => Self::BuyerMade,
            b"X" => Self::TradeKind,
            b"lastUpdateId" => Self::SnapshotUpdate,
            b"bids" => Self::SnapshotBids,
            b"asks" => Self::SnapshotAsks,
            b"symbol" => Self::SnapshotSymbol,
            _ => return None,
        })
    }

    /// Whether it holds a decimal, in messages of one kind at least.
    pub fn holds_decimals(self) -> bool {
        use Field::{AskQuantity, Asks, BidQuantity, Bids, Price, Quantity};
        matches!(self, Bids | Asks | BidQuantity | AskQuantity | Price | Quantity)
    }
}

/// What a message holds, however it was read.
pub(super) trait Fields {
    /// Whether a field is there.
    fn has(&self, field: Field) -> bool;
    /// Whether a field is text without escapes.
    fn is_text(&self, field: Field) -> bool;
    fn integer(&self, field: Field) -> Option<u64>;
    fn flag(&self, field: Field) -> Option<bool>;
    /// A field's text without escapes, of those that hold no decimal in any message.
    fn text(&self, field: Field) -> Option<&[u8]>;
    fn decimal(&self, field: Field) -> Option<Decimal>;
    /// Levels among all of the message.
    fn levels<'l>(&self, field: Field, all: &'l [Level]) -> Option<&'l [Level]>;
}

/// A message; of a combined stream, what is wrapped, with the name of the stream.
#[derive(Debug, Default)]
pub(super) struct Message<'a> {
    /// Whether it came wrapped by a combined stream.
    wrapped: bool,
    values: [Value<'a>; Field::COUNT],
}

impl<'a> Message<'a> {
    /// Reads a message, which is UTF-8, its levels into `levels`. JSON that is no object, or wraps none, has no field.
    pub fn read(&mut self, text: &'a [u8], levels: &mut Vec<Level>) -> Result<(), Unexpected> {
        levels.clear();
        let mut scanner = Scanner::new(text);
        if scanner.take(b'{') {
            scanner.members(|scanner, name| match name {
                b"data" => self.data(scanner, levels),
                b"stream" => self.take_once(Field::Stream, scanner, levels),
                _ => self.member(name, scanner, levels),
            })?;
        } else {
            scanner.skip()?;
        }
        scanner.end()
    }

    fn data(&mut self, scanner: &mut Scanner<'a>, levels: &mut Vec<Level>) -> Result<(), Unexpected> {
        if self.wrapped {
            return Err(scanner.unexpected());
        }
        self.wrapped = true;
        if scanner.take(b'{') {
            return scanner.members(|scanner, name| self.member(name, scanner, levels));
        }
        scanner.skip()
    }

    fn member(&mut self, name: &[u8], scanner: &mut Scanner<'a>, levels: &mut Vec<Level>) -> Result<(), Unexpected> {
        match Field::named(name) {
            Some(field) => self.take_once(field, scanner, levels),
            None => scanner.skip(),
        }
    }

    /// Takes a field's value, which it may have once.
    fn take_once(
        &mut self,
        field: Field,
        scanner: &mut Scanner<'a>,
        levels: &mut Vec<Level>,
    ) -> Result<(), Unexpected> {
        let field = &mut self.values[field as usize];
        if *field != Value::None {
            return Err(scanner.unexpected());
        }
        *field = value(scanner, levels)?;
        Ok(())
    }
}

impl Fields for Message<'_> {
    fn has(&self, field: Field) -> bool {
        self.values[field as usize] != Value::None
    }

    fn is_text(&self, field: Field) -> bool {
        matches!(self.values[field as usize], Value::Text(_))
    }

    fn integer(&self, field: Field) -> Option<u64> {
        if let Value::Integer(number) = self.values[field as usize] { Some(number) } else { None }
    }

    fn flag(&self, field: Field) -> Option<bool> {
        if let Value::Flag(flag) = self.values[field as usize] { Some(flag) } else { None }
    }

    fn text(&self, field: Field) -> Option<&[u8]> {
        if let Value::Text(text) = &self.values[field as usize] { Some(text.bytes()) } else { None }
    }

    fn decimal(&self, field: Field) -> Option<Decimal> {
        if let Value::Text(text) = &self.values[field as usize] { text.decimal() } else { None }
    }

    fn levels<'l>(&self, field: Field, all: &'l [Level]) -> Option<&'l [Level]> {
        if let Value::Levels(places) = &self.values[field as usize] { all.get(places.clone()) } else { None }
    }
}

fn value<'a>(scanner: &mut Scanner<'a>, levels: &mut Vec<Level>) -> Result<Value<'a>, Unexpected> {
    match scanner.peek() {
        b'"' => text(scanner),
        b'-' | b'0'..=b'9' => scanner.number().map(|number| number.map_or(Value::Other, Value::Integer)),
        b'[' => {
            scanner.take(b'[');
            let (start, mut whole, mut before) = (levels.len(), true, Lengths::default());
            scanner.elements(|scanner| {
                if let Some((price, quantity)) = scanner.pair_like(&mut before) {
                    levels.push(Level { price, quantity });
                    return Ok(());
                }
                let level = level(scanner)?;
                whole &= level.is_some();
                levels.extend(level);
                Ok(())
            })?;
            Ok(if whole { Value::Levels(start..levels.len()) } else { Value::Other })
        }
        b'{' => scanner.skip().map(|()| Value::Other),
        _ => scanner.word().map(|word| word.map_or(Value::Other, Value::Flag)),
    }
}

fn text<'a>(scanner: &mut Scanner<'a>) -> Result<Value<'a>, Unexpected> {
    let from = scanner.rest();
    let (text, escapes) = scanner.string()?;
    // A line is far shorter than what 32 bits count.
    let length = if escapes { None } else { u32::try_from(text.len()).ok() };
    Ok(length.map_or(Value::Other, |length| Value::Text(Text { from: &from[1..], length })))
}

/// Takes an element of an array; where it is a price and a quantity, those. Spot once added an empty third one.
fn level(scanner: &mut Scanner<'_>) -> Result<Option<Level>, Unexpected> {
    if !scanner.take(b'[') {
        return scanner.skip().map(|()| None);
    }
    let (mut place, mut numbers) = (0, [None, None]);
    scanner.elements(|scanner| {
        if place < 2 && scanner.peek() == b'"' {
            numbers[place] = scanner.decimal()?;
        } else {
            scanner.skip()?;
        }
        place += 1;
        Ok(())
    })?;
    Ok(numbers[0].zip(numbers[1]).map(|(price, quantity)| Level { price, quantity }))
}

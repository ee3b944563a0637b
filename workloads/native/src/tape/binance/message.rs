//! Messages of Binance's market streams, as far as a tape needs them.
//!
//! One structure takes every message, because their kind is a field among the others and may come last. Fields that
//! hold one thing in one message and another in the next are taken as what they are; all others are passed over.

use std::ops::Range;

use super::super::decimal::Decimal;
use super::super::json::{Scanner, Unexpected};

/// A price and the quantity there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Level {
    pub price: Decimal,
    pub quantity: Decimal,
}

/// A string's text, kept with what follows it in the message, so that a number in it can be read by words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Text<'a> {
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
pub(super) enum Value<'a> {
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

impl<'a> Value<'a> {
    pub fn integer(&self) -> Option<u64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    pub fn flag(&self) -> Option<bool> {
        if let Self::Flag(flag) = self { Some(*flag) } else { None }
    }

    pub fn text(&self) -> Option<&'a [u8]> {
        if let Self::Text(text) = self { Some(text.bytes()) } else { None }
    }

    pub fn decimal(&self) -> Option<Decimal> {
        if let Self::Text(text) = self { text.decimal() } else { None }
    }

    pub fn levels<'l>(&self, all: &'l [Level]) -> Option<&'l [Level]> {
        if let Self::Levels(places) = self { all.get(places.clone()) } else { None }
    }
}

/// A message; of a combined stream, what is wrapped, with the name of the stream.
#[derive(Debug, Default)]
pub(super) struct Message<'a> {
    /// Whether it came wrapped by a combined stream.
    pub wrapped: bool,
    /// Kind of the event.
    pub event: Value<'a>,
    /// When it was sent.
    pub event_time: Value<'a>,
    /// When it happened.
    pub transaction_time: Value<'a>,
    pub stream: Value<'a>,
    pub symbol: Value<'a>,
    /// The pair of a COIN-M future.
    pub pair: Value<'a>,
    pub first_update: Value<'a>,
    pub last_update: Value<'a>,
    /// Last update of the message before, which futures state.
    pub previous_update: Value<'a>,
    /// Bids, or the best bid's price.
    pub bids: Value<'a>,
    /// Asks, the best ask's price, or the number of an aggregated trade.
    pub asks: Value<'a>,
    pub bid_quantity: Value<'a>,
    pub ask_quantity: Value<'a>,
    pub price: Value<'a>,
    pub quantity: Value<'a>,
    pub trade: Value<'a>,
    /// Whether the buyer was the maker.
    pub buyer_made: Value<'a>,
    /// What kind of trade, which futures state.
    pub trade_kind: Value<'a>,
    pub snapshot_update: Value<'a>,
    pub snapshot_bids: Value<'a>,
    pub snapshot_asks: Value<'a>,
    pub snapshot_symbol: Value<'a>,
}

impl<'a> Message<'a> {
    /// Reads a message, which is UTF-8, its levels into `levels`. JSON that is no object, or wraps none, has no field.
    pub fn read(&mut self, text: &'a [u8], levels: &mut Vec<Level>) -> Result<(), Unexpected> {
        levels.clear();
        let mut scanner = Scanner::new(text);
        if scanner.take(b'{') {
            scanner.members(|scanner, name| match name {
                b"data" => self.data(scanner, levels),
                b"stream" => take_once(&mut self.stream, scanner, levels),
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
        let field = match name {
            b"e" => &mut self.event,
            b"E" => &mut self.event_time,
            b"T" => &mut self.transaction_time,
            b"s" => &mut self.symbol,
            b"ps" => &mut self.pair,
            b"U" => &mut self.first_update,
            b"u" => &mut self.last_update,
            b"pu" => &mut self.previous_update,
            b"b" => &mut self.bids,
            b"a" => &mut self.asks,
            b"B" => &mut self.bid_quantity,
            b"A" => &mut self.ask_quantity,
            b"p" => &mut self.price,
            b"q" => &mut self.quantity,
            b"t" => &mut self.trade,
            b"m" => &mut self.buyer_made,
            b"X" => &mut self.trade_kind,
            b"lastUpdateId" => &mut self.snapshot_update,
            b"bids" => &mut self.snapshot_bids,
            b"asks" => &mut self.snapshot_asks,
            b"symbol" => &mut self.snapshot_symbol,
            _ => return scanner.skip(),
        };
        take_once(field, scanner, levels)
    }
}

/// Takes a field's value, which it may have once.
fn take_once<'a>(field: &mut Value<'a>, scanner: &mut Scanner<'a>, levels: &mut Vec<Level>) -> Result<(), Unexpected> {
    if *field != Value::None {
        return Err(scanner.unexpected());
    }
    *field = value(scanner, levels)?;
    Ok(())
}

fn value<'a>(scanner: &mut Scanner<'a>, levels: &mut Vec<Level>) -> Result<Value<'a>, Unexpected> {
    match scanner.peek() {
        b'"' => text(scanner),
        b'-' | b'0'..=b'9' => scanner.number().map(|number| number.map_or(Value::Other, Value::Integer)),
        b'[' => {
            scanner.take(b'[');
            let (start, mut whole) = (levels.len(), true);
            scanner.elements(|scanner| {
                if let Some((price, quantity)) = scanner.pair() {
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

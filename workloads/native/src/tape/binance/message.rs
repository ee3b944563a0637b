//! Messages of Binance's market streams, as far as a tape needs them.
//!
//! One structure takes every message, because their kind is a field among the others and may come last. Fields that
//! hold one thing in one message and another in the next are taken as what they are; all others are passed over.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

use super::super::decimal::Decimal;

/// A price and the quantity there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Level {
    pub price: Decimal,
    pub quantity: Decimal,
}

/// What a field held.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Value<'a> {
    #[default]
    Other,
    Integer(u64),
    Flag(bool),
    Text(Cow<'a, str>),
    Levels(Vec<Level>),
}

impl Value<'_> {
    pub fn integer(&self) -> Option<u64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    pub fn flag(&self) -> Option<bool> {
        if let Self::Flag(flag) = self { Some(*flag) } else { None }
    }

    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub fn decimal(&self) -> Option<Decimal> {
        self.text().and_then(|text| Decimal::parse(text.as_bytes()))
    }

    pub fn levels(&self) -> Option<&[Level]> {
        if let Self::Levels(levels) = self { Some(levels) } else { None }
    }
}

/// A message, or what a combined stream wraps around one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message<'a> {
    /// The message, where a combined stream wraps it.
    #[serde(borrow)]
    pub data: Option<Any<'a>>,
    /// Name of the stream, where a combined stream says it.
    #[serde(borrow)]
    pub stream: Value<'a>,
    /// Kind of the event.
    #[serde(borrow, rename = "e")]
    pub event: Value<'a>,
    /// When it was sent, in milliseconds.
    #[serde(borrow, rename = "E")]
    pub event_time: Value<'a>,
    /// When it happened, in milliseconds.
    #[serde(borrow, rename = "T")]
    pub transaction_time: Value<'a>,
    #[serde(borrow, rename = "s")]
    pub symbol: Value<'a>,
    /// The pair of a COIN-M future.
    #[serde(borrow, rename = "ps")]
    pub pair: Value<'a>,
    #[serde(borrow, rename = "U")]
    pub first_update: Value<'a>,
    #[serde(borrow, rename = "u")]
    pub last_update: Value<'a>,
    /// Last update of the message before, which futures state.
    #[serde(borrow, rename = "pu")]
    pub previous_update: Value<'a>,
    /// Bids, or the best bid's price.
    #[serde(borrow, rename = "b")]
    pub bids: Value<'a>,
    /// Asks, the best ask's price, or the number of an aggregated trade.
    #[serde(borrow, rename = "a")]
    pub asks: Value<'a>,
    #[serde(borrow, rename = "B")]
    pub bid_quantity: Value<'a>,
    #[serde(borrow, rename = "A")]
    pub ask_quantity: Value<'a>,
    #[serde(borrow, rename = "p")]
    pub price: Value<'a>,
    #[serde(borrow, rename = "q")]
    pub quantity: Value<'a>,
    #[serde(borrow, rename = "t")]
    pub trade: Value<'a>,
    /// Whether the buyer was the maker.
    #[serde(borrow, rename = "m")]
    pub buyer_made: Value<'a>,
    /// What kind of trade, which futures state.
    #[serde(borrow, rename = "X")]
    pub trade_kind: Value<'a>,
    #[serde(borrow, rename = "lastUpdateId")]
    pub snapshot_update: Value<'a>,
    #[serde(borrow, rename = "bids")]
    pub snapshot_bids: Value<'a>,
    #[serde(borrow, rename = "asks")]
    pub snapshot_asks: Value<'a>,
    #[serde(borrow, rename = "symbol")]
    pub snapshot_symbol: Value<'a>,
}

/// A message, or JSON of another shape that has none.
#[derive(Debug)]
pub(super) enum Any<'a> {
    Message(Box<Message<'a>>),
    Other,
}

impl<'a> Any<'a> {
    /// Reads one message from a line.
    pub fn parse(line: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(line)
    }
}

impl<'a, 'de: 'a> Deserialize<'de> for Any<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor)
    }
}

impl<'a, 'de: 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

/// Takes nothing from what a tape has no use for.
macro_rules! passed_over {
    ($($visit:ident($kind:ty) -> $other:expr;)*) => {
        $(fn $visit<E>(self, _: $kind) -> Result<Self::Value, E> { Ok($other) })*
    };
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Any<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a message")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Message::deserialize(MapAccessDeserializer::new(map)).map(|message| Any::Message(Box::new(message)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Any::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Any::Other)
    }

    passed_over! {
        visit_bool(bool) -> Any::Other;
        visit_i64(i64) -> Any::Other;
        visit_u64(u64) -> Any::Other;
        visit_f64(f64) -> Any::Other;
        visit_str(&str) -> Any::Other;
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a field of a message")
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }

    /// Levels, or where one is none, nothing.
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let (mut levels, mut whole) = (Vec::new(), true);
        while let Some(MaybeLevel(level)) = elements.next_element()? {
            whole &= level.is_some();
            levels.extend(level);
        }
        Ok(if whole { Value::Levels(levels) } else { Value::Other })
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    passed_over! {
        visit_i64(i64) -> Value::Other;
        visit_f64(f64) -> Value::Other;
    }
}

/// An element of an array that may be a price and a quantity.
struct MaybeLevel(Option<Level>);

impl<'de> Deserialize<'de> for MaybeLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LevelVisitor)
    }
}

struct LevelVisitor;

impl<'de> Visitor<'de> for LevelVisitor {
    type Value = MaybeLevel;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a price and a quantity")
    }

    /// Spot once added an empty third element.
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let price = elements.next_element::<Value<'de>>()?.and_then(|price| price.decimal());
        let quantity = elements.next_element::<Value<'de>>()?.and_then(|quantity| quantity.decimal());
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        let level = price.zip(quantity);
        Ok(MaybeLevel(level.map(|(price, quantity)| Level { price, quantity })))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(MaybeLevel(None))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(MaybeLevel(None))
    }

    passed_over! {
        visit_bool(bool) -> MaybeLevel(None);
        visit_i64(i64) -> MaybeLevel(None);
        visit_u64(u64) -> MaybeLevel(None);
        visit_f64(f64) -> MaybeLevel(None);
        visit_str(&str) -> MaybeLevel(None);
    }
}

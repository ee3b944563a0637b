//! What messages of one stream have in common: all but their numbers.
//!
//! A venue writes every message of a stream alike, so most of a message is the same bytes as the one before. Once one was
//! read as JSON, the next is compared with it, piece by piece, and only its numbers are read: several times faster than to
//! look for names and strings again. What differs in anything else is read as JSON, as if there were no shapes.

use rustc_hash::FxHashMap;

use super::super::decimal::Decimal;
use super::super::digits;
use super::super::json::{Scanner, Unexpected};
use super::message::{Field, Fields, Level};

/// Most numbers of a message that has a shape.
const HOLES: usize = 16;
/// Longest message that has a shape. Changes of a book are longer, and are mostly levels.
const LONGEST: usize = 512;
/// Most streams of which shapes are kept.
const STREAMS: usize = 4096;
/// How often a stream's shape is learnt anew, before it is left as it is.
const CHANGES: u8 = 8;
const BEGINNING: &[u8] = b"{\"stream\":\"";

/// Shapes by stream.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    streams: FxHashMap<Box<[u8]>, Stream>,
}

#[derive(Debug)]
struct Stream {
    shape: Option<Shape>,
    changes: u8,
}

impl Shapes {
    /// A message of a stream that is like one before.
    #[inline]
    pub fn matched<'s>(&'s self, text: &[u8]) -> Option<Matched<'s>> {
        self.streams.get(stream(text)?)?.shape.as_ref()?.matched(text)
    }

    /// Learns from a message that was read and that is like none before.
    pub fn learn(&mut self, text: &[u8]) {
        let Some(name) = stream(text) else { return };
        if let Some(stream) = self.streams.get_mut(name) {
            if stream.changes < CHANGES {
                *stream = Stream { shape: Shape::of(text), changes: stream.changes + 1 };
            }
        } else if self.streams.len() < STREAMS {
            self.streams.insert(name.into(), Stream { shape: Shape::of(text), changes: 0 });
        }
    }
}

/// The name of the stream that a message says first.
#[inline]
fn stream(text: &[u8]) -> Option<&[u8]> {
    let name = text.strip_prefix(BEGINNING)?;
    Some(&name[..memchr::memchr(b'"', name)?])
}

/// A message with holes in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shape {
    holes: Vec<Hole>,
    /// What comes after the last.
    after: Literal,
    fields: [Held; Field::COUNT],
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Hole {
    before: Literal,
    number: Number,
}

/// What kind of number; for one written otherwise than it is read here, a message is read as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    /// A whole number of at most sixteen digits.
    Integer,
    /// What stands in a string, and [`Decimal::short`] reads.
    Decimal,
    /// `true` is one, `false` zero.
    Flag,
}

/// What a field holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Held {
    #[default]
    None,
    /// The same as in the message that was learnt from.
    Text(Box<[u8]>),
    /// Something that no tape needs.
    Other,
    Hole(Number, usize),
}

impl Shape {
    /// The shape of a message that is JSON; none where it holds more than members with one value.
    fn of(text: &[u8]) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let mut learner = Learner::default();
        learner.message(&mut Scanner::new(text), text.len()).ok()?;
        let mut holes = Vec::with_capacity(learner.holes.len());
        let mut done = 0;
        for (number, start, length) in learner.holes {
            holes.push(Hole { before: Literal::new(&text[done..start]), number });
            done = start + length;
        }
        Some(Self { holes, after: Literal::new(&text[done..]), fields: learner.fields })
    }

    #[inline]
    fn matched(&self, text: &[u8]) -> Option<Matched<'_>> {
        let (mut rest, mut numbers) = (text, [Decimal { mantissa: 0, places: 0 }; HOLES]);
        for (hole, number) in self.holes.iter().zip(&mut numbers) {
            rest = hole.before.passed(rest)?;
            let length;
            (*number, length) = hole.number.read(rest)?;
            rest = &rest[length..];
        }
        self.after.passed(rest)?.is_empty().then_some(Matched { fields: &self.fields, numbers })
    }
}

impl Number {
    #[inline]
    fn read(self, text: &[u8]) -> Option<(Decimal, usize)> {
        match self {
            Self::Decimal => Decimal::short(text),
            Self::Integer => {
                let (number, length) = digits::whole(text).or_else(|| at_the_end(text))?;
                // JSON has no number with zeros before it, and none of no digit.
                let plain = length == 1 || length > 1 && text[0] != b'0';
                plain.then_some((Decimal { mantissa: number as i64, places: 0 }, length))
            }
            Self::Flag => {
                let flag = text.starts_with(b"true");
                (flag || text.starts_with(b"false"))
                    .then_some((Decimal { mantissa: i64::from(flag), places: 0 }, if flag { 4 } else { 5 }))
            }
        }
    }
}

/// As [`digits::whole`], where a message ends too soon to be read by words.
fn at_the_end(text: &[u8]) -> Option<(u64, usize)> {
    let digits = text.iter().take(16).take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold((0, 0), |(number, count), byte| (number * 10 + u64::from(byte - b'0'), count + 1)))
}

/// Bytes that have to be there; most are few, and compared at once.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Literal {
    bytes: Box<[u8]>,
    /// The first sixteen, and which bits of them count.
    head: u128,
    mask: u128,
}

impl Literal {
    fn new(bytes: &[u8]) -> Self {
        let (mut head, mut mask) = ([0; 16], [0; 16]);
        for (index, &byte) in bytes.iter().take(16).enumerate() {
            (head[index], mask[index]) = (byte, 0xff);
        }
        Self { bytes: bytes.into(), head: u128::from_le_bytes(head), mask: u128::from_le_bytes(mask) }
    }

    /// What comes after these bytes, where a text begins with them.
    #[inline]
    fn passed<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        if self.bytes.len() <= 16
            && let Some(head) = text.first_chunk::<16>()
        {
            return (u128::from_le_bytes(*head) & self.mask == self.head).then(|| &text[self.bytes.len()..]);
        }
        text.strip_prefix(&*self.bytes)
    }
}

/// A message by its shape and its numbers.
#[derive(Debug)]
pub(super) struct Matched<'s> {
    fields: &'s [Held; Field::COUNT],
    numbers: [Decimal; HOLES],
}

impl Matched<'_> {
    #[inline]
    fn number(&self, field: Field, kind: Number) -> Option<Decimal> {
        match self.fields[field as usize] {
            Held::Hole(number, place) if number == kind => Some(self.numbers[place]),
            _ => None,
        }
    }
}

impl Fields for Matched<'_> {
    fn has(&self, field: Field) -> bool {
        self.fields[field as usize] != Held::None
    }

    fn is_text(&self, field: Field) -> bool {
        matches!(self.fields[field as usize], Held::Text(_) | Held::Hole(Number::Decimal, _))
    }

    fn integer(&self, field: Field) -> Option<u64> {
        self.number(field, Number::Integer).map(|number| number.mantissa as u64)
    }

    fn flag(&self, field: Field) -> Option<bool> {
        self.number(field, Number::Flag).map(|number| number.mantissa != 0)
    }

    fn text(&self, field: Field) -> Option<&[u8]> {
        if let Held::Text(text) = &self.fields[field as usize] { Some(text) } else { None }
    }

    fn decimal(&self, field: Field) -> Option<Decimal> {
        match &self.fields[field as usize] {
            Held::Text(text) => Decimal::parse(text),
            _ => self.number(field, Number::Decimal),
        }
    }

    fn levels<'l>(&self, _: Field, _: &'l [Level]) -> Option<&'l [Level]> {
        None
    }
}

/// What is found in a message.
#[derive(Default)]
struct Learner {
    /// Kinds of numbers, where they begin, and how long they are.
    holes: Vec<(Number, usize, usize)>,
    fields: [Held; Field::COUNT],
}

impl Learner {
    fn message(&mut self, scanner: &mut Scanner<'_>, length: usize) -> Result<(), Unexpected> {
        scanner.expect(b'{')?;
        scanner.members(|scanner, name| match name {
            b"data" => {
                scanner.expect(b'{')?;
                scanner.members(|scanner, name| self.member(Field::named(name), scanner, length))
            }
            b"stream" => self.member(Some(Field::Stream), scanner, length),
            _ => self.member(Field::named(name), scanner, length),
        })
    }

    fn member(&mut self, field: Option<Field>, scanner: &mut Scanner<'_>, length: usize) -> Result<(), Unexpected> {
        let held = match scanner.peek() {
            b'"' => self.string(field, scanner, length)?,
            b'[' | b'{' => return Err(scanner.unexpected()),
            b't' | b'f' => {
                let start = length - scanner.rest().len();
                let flag = scanner.word()?.unwrap_or_default();
                self.hole(Number::Flag, start, if flag { 4 } else { 5 }).ok_or(scanner.unexpected())?
            }
            b'0'..=b'9' => {
                let start = length - scanner.rest().len();
                match scanner.number()? {
                    Some(_) => {
                        let end = length - scanner.rest().len();
                        self.hole(Number::Integer, start, end - start).ok_or(scanner.unexpected())?
                    }
                    None => Held::Other,
                }
            }
            _ => {
                scanner.skip()?;
                Held::Other
            }
        };
        if let Some(field) = field {
            self.fields[field as usize] = held;
        }
        Ok(())
    }

    /// Text is a decimal where a field is to hold one, or where nobody asks for it.
    fn string(&mut self, field: Option<Field>, scanner: &mut Scanner<'_>, length: usize) -> Result<Held, Unexpected> {
        let start = length - scanner.rest().len() + 1;
        let (text, escapes) = scanner.string()?;
        if escapes {
            return Ok(Held::Other);
        }
        if field.is_none_or(Field::holds_decimals) && Decimal::parse(text).is_some() {
            return self.hole(Number::Decimal, start, text.len()).ok_or(scanner.unexpected());
        }
        Ok(Held::Text(text.into()))
    }

    /// A place for a number; none where there are too many.
    fn hole(&mut self, number: Number, start: usize, length: usize) -> Option<Held> {
        self.holes.push((number, start, length));
        (self.holes.len() <= HOLES).then_some(Held::Hole(number, self.holes.len() - 1))
    }
}

#[cfg(test)]
mod tests;

//! JSON, read once from its first byte to its last, without a tree and without a copy.
//!
//! Messages of venues are many and short, and most of what they hold is arrays of two decimals. A reader that builds
//! nothing is several times faster than one for any type, and is checked against one in the tests: it takes what JSON
//! takes, and refuses the rest.

use super::decimal::Decimal;
use super::digits;

/// Deepest nesting that is read.
const DEEPEST: usize = 64;

/// Text that is no JSON, or not what was expected, from this byte on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unexpected(pub usize);

/// How many digits the decimals of a pair have, before and after the point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lengths([usize; 4]);

impl Default for Lengths {
    fn default() -> Self {
        Self([1; 4])
    }
}

impl Lengths {
    /// Those of a pair as it is written, or any where not both have a point.
    fn of(pair: &[u8]) -> Self {
        let mut lengths = [0; 4];
        let mut runs = pair.split(|byte| !byte.is_ascii_digit()).map(<[u8]>::len).filter(|&length| length > 0);
        for (length, run) in lengths.iter_mut().zip(&mut runs) {
            *length = run;
        }
        if lengths.contains(&0) { Self::default() } else { Self(lengths) }
    }
}

/// A place in a text.
#[derive(Debug, Clone)]
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    /// The beginning of a text, which is UTF-8.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The next byte that is no space, without taking it; 0 at the end.
    pub fn peek(&mut self) -> u8 {
        loop {
            match self.text.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(&byte) => return byte,
                None => return 0,
            }
        }
    }

    /// Takes a byte where it is the next.
    pub fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == byte && self.at < self.text.len();
        self.at += usize::from(there);
        there
    }

    /// Takes a byte that has to be the next.
    pub fn expect(&mut self, byte: u8) -> Result<(), Unexpected> {
        if self.take(byte) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// What was not taken yet.
    pub fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    /// Nothing but space may be left.
    pub fn end(&mut self) -> Result<(), Unexpected> {
        self.peek();
        if self.at == self.text.len() { Ok(()) } else { Err(self.unexpected()) }
    }

    /// What is to be said of this place.
    pub fn unexpected(&self) -> Unexpected {
        Unexpected(self.at)
    }

    /// Takes the members of an object whose brace was taken: `each` gets a name and takes its value. Names with escapes
    /// are given as they stand.
    pub fn members(
        &mut self,
        mut each: impl FnMut(&mut Self, &'a [u8]) -> Result<(), Unexpected>,
    ) -> Result<(), Unexpected> {
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let name = self.name()?;
            each(self, name)?;
            if !self.take(b',') {
                return self.expect(b'}');
            }
        }
    }

    /// Takes a name and the colon behind it. In the messages of venues most are of one letter.
    #[inline]
    fn name(&mut self) -> Result<&'a [u8], Unexpected> {
        if let Some(rest @ [b'"', letter, b'"', b':', ..]) = self.text.get(self.at..)
            && letter.is_ascii_alphabetic()
        {
            self.at += 4;
            return Ok(&rest[1..2]);
        }
        let (name, _) = self.string()?;
        self.expect(b':')?;
        Ok(name)
    }

    /// Takes the elements of an array whose bracket was taken.
    pub fn elements(&mut self, mut each: impl FnMut(&mut Self) -> Result<(), Unexpected>) -> Result<(), Unexpected> {
        if self.take(b']') {
            return Ok(());
        }
        loop {
            each(self)?;
            if !self.take(b',') {
                return self.expect(b']');
            }
        }
    }

    /// Takes a string; what stands between its quotation marks, and whether there are escapes in it.
    #[inline]
    pub fn string(&mut self) -> Result<(&'a [u8], bool), Unexpected> {
        // Most are shorter than a word.
        if let Some((b'"', rest)) = self.rest().split_first()
            && let Some(length) = digits::plain(rest)
            && rest.get(length) == Some(&b'"')
        {
            self.at += length + 2;
            return Ok((&rest[..length], false));
        }
        self.any_string()
    }

    fn any_string(&mut self) -> Result<(&'a [u8], bool), Unexpected> {
        self.expect(b'"')?;
        let (start, mut escapes) = (self.at, false);
        loop {
            while let Some(plain) = self.text.get(self.at..).and_then(digits::plain) {
                self.at += plain;
                if plain < 8 {
                    break;
                }
            }
            match self.text.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escapes = true;
                    self.at += 1;
                    self.escape()?;
                }
                Some(0x20..) => self.at += 1,
                _ => return Err(self.unexpected()),
            }
        }
        self.at += 1;
        Ok((&self.text[start..self.at - 1], escapes))
    }

    fn escape(&mut self) -> Result<(), Unexpected> {
        match self.text.get(self.at) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let digits = self.text.get(self.at + 1..self.at + 5).unwrap_or(&[]);
                if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(self.unexpected());
                }
                self.at += 5;
            }
            _ => return Err(self.unexpected()),
        }
        Ok(())
    }

    /// Takes a string; the decimal it holds, where it holds one.
    pub fn decimal(&mut self) -> Result<Option<Decimal>, Unexpected> {
        self.peek();
        let text = self.text.get(self.at + 1..).unwrap_or(&[]);
        if self.text.get(self.at) == Some(&b'"')
            && let Some((decimal, length)) = Decimal::short(text)
            && text.get(length) == Some(&b'"')
        {
            self.at += length + 2;
            return Ok(Some(decimal));
        }
        self.string().map(|(text, _)| Decimal::parse(text))
    }

    /// As [`Self::pair`], where the decimals have as many digits as those of the pair before, which most have.
    #[inline]
    pub fn pair_like(&mut self, before: &mut Lengths) -> Option<(Decimal, Decimal)> {
        let Lengths([whole, places, other_whole, other_places]) = *before;
        if let Some(text) = self.text.get(self.at..)
            && let Some(first) = Decimal::of_lengths(text.get(2..)?, whole, places)
            && let middle = 3 + whole + places
            && let Some(second) = Decimal::of_lengths(text.get(middle + 3..)?, other_whole, other_places)
            && let end = middle + 4 + other_whole + other_places
            && text.starts_with(b"[\"")
            && text[middle..].starts_with(b"\",\"")
            && text.get(end..)?.starts_with(b"\"]")
        {
            self.at += end + 2;
            return Some((first, second));
        }
        let start = self.at;
        let pair = self.pair()?;
        *before = Lengths::of(&self.text[start..self.at]);
        Some(pair)
    }

    /// Takes an array of two strings that hold short decimals, with no space in it. None, and nothing taken, where it is
    /// anything else, which may still be an array of two decimals.
    #[inline]
    pub fn pair(&mut self) -> Option<(Decimal, Decimal)> {
        let rest = self.text.get(self.at..)?.strip_prefix(b"[\"")?;
        let (first, length) = Decimal::short(rest)?;
        let rest = rest[length..].strip_prefix(b"\",\"")?;
        let (second, length) = Decimal::short(rest)?;
        let rest = rest[length..].strip_prefix(b"\"]")?;
        self.at = self.text.len() - rest.len();
        Some((first, second))
    }

    /// Takes a number; its value where it is a whole one of at most 64 bits without a sign.
    pub fn number(&mut self) -> Result<Option<u64>, Unexpected> {
        self.peek();
        let start = self.at;
        if let Some((value, length)) = self.text.get(start..).and_then(digits::whole)
            && (length == 1 || (1..16).contains(&length) && self.text[start] != b'0')
            && !matches!(self.text[start + length], b'.' | b'e' | b'E')
        {
            self.at += length;
            return Ok(Some(value));
        }
        let negative = self.take(b'-');
        let mut value = Some(0u64);
        let first = self.at;
        while let Some(digit @ b'0'..=b'9') = self.text.get(self.at) {
            value = value.and_then(|value| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
            self.at += 1;
        }
        if self.at == first || (self.at - first > 1 && self.text[first] == b'0') {
            return Err(Unexpected(start));
        }
        let whole = self.at;
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.text.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(self.text.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(value.filter(|_| !negative && self.at == whole))
    }

    fn digits(&mut self) -> Result<(), Unexpected> {
        let start = self.at;
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == start { Err(self.unexpected()) } else { Ok(()) }
    }

    /// Takes `true`, `false` or `null`.
    pub fn word(&mut self) -> Result<Option<bool>, Unexpected> {
        self.peek();
        for (word, value) in [(&b"true"[..], Some(true)), (b"false", Some(false)), (b"null", None)] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.unexpected())
    }

    /// Passes over a value, whatever it is.
    pub fn skip(&mut self) -> Result<(), Unexpected> {
        self.skip_within(0)
    }

    fn skip_within(&mut self, depth: usize) -> Result<(), Unexpected> {
        if depth > DEEPEST {
            return Err(self.unexpected());
        }
        match self.peek() {
            b'"' => self.string().map(drop),
            b'{' => {
                self.at += 1;
                self.members(|scanner, _| scanner.skip_within(depth + 1))
            }
            b'[' => {
                self.at += 1;
                self.elements(|scanner| scanner.skip_within(depth + 1))
            }
            b'-' | b'0'..=b'9' => self.number().map(drop),
            _ => self.word().map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    fn takes(text: &str) -> bool {
        let mut scanner = Scanner::new(text.as_bytes());
        scanner.skip().and_then(|()| scanner.end()).is_ok()
    }

    #[test]
    fn what_json_is() {
        let accepted = [
            "null",
            " true ",
            "[]",
            "{}",
            "[1, -2.5e+10, 0, 0.1]",
            r#"{"a":{"b":[{},[],""]}}"#,
            r#""\u00e9\n\"é""#,
            "-0",
        ];
        assert!(accepted.iter().all(|text| takes(text)), "{accepted:?}");
        let refused = [
            "",
            " ",
            "nul",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "+1",
            "[1,]",
            "[1",
            "{\"a\"}",
            "{\"a\":1,}",
            "{a:1}",
            "\"a",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\u{1}\"",
            "1 2",
            "\u{0}",
            "[1}",
            "tru\0",
            "\"\\u12\"",
        ];
        for text in refused {
            assert!(!takes(text), "{text:?}");
        }
    }

    #[test]
    fn decimals_are_read_as_the_text_that_holds_them() {
        for text in
            ["61800.20", "0.000", "5.", ".5", "", "1e3", "12345678901234567.5", "123456789012345678.9", "-1", "a"]
        {
            for after in [",", ", and much more"] {
                let quoted = format!(" \"{text}\"{after}");
                let mut scanner = Scanner::new(quoted.as_bytes());
                let decimal = scanner.decimal().unwrap().map(Decimal::shortest);
                assert_eq!(decimal, Decimal::parse(text.as_bytes()), "{text}");
                assert!(scanner.take(b','), "{text}");
            }
        }
        assert!(Scanner::new(b"12").decimal().is_err());
        assert!(Scanner::new(b"\"12").decimal().is_err());
    }

    #[test]
    fn pairs_are_taken_whole_or_not_at_all() {
        let taken = |text: &str| {
            let mut scanner = Scanner::new(text.as_bytes());
            let pair = scanner.pair();
            (pair.map(|(one, other)| (one.mantissa, other.mantissa)), scanner.at)
        };
        assert_eq!(taken(r#"["61800.20","0.014"],["1"#), (Some((6_180_020, 14)), 20));
        assert_eq!(taken(r#"["1","12345678.12345678"]]}}"#), (Some((1, 1_234_567_812_345_678)), 25));
        for text in [
            r#"["1","2","3"]        "#,
            r#"[ "1","2"]         "#,
            r#"["1", "2"]         "#,
            r#"["1","2" ]         "#,
            r#"["1",2]            "#,
            r#"["1."," 2"]        "#,
            r#"["1"]              "#,
            r#"["123456789","1"]  "#,
            r#"["1.123456789","1"]"#,
            r#"["1","2"]"#,
            r#"["1","#,
            "",
        ] {
            assert_eq!(taken(text), (None, 0), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_pair_is_the_same_whatever_came_before(
            pairs in prop::collection::vec("\\[\"[0-9]{0,9}(\\.[0-9]{0,9})?\",\"[0-9]{0,9}(\\.[0-9]{0,9})?\"\\]", 1..6),
            after in "[, \\]]{0,12}",
        ) {
            let mut before = Lengths::default();
            for pair in pairs {
                let text = format!("{pair}{after}");
                let (mut alone, mut next) = (Scanner::new(text.as_bytes()), Scanner::new(text.as_bytes()));
                prop_assert_eq!(next.pair_like(&mut before), alone.pair());
                prop_assert_eq!(next.at, alone.at);
            }
        }

        #[test]
        fn a_pair_like_another_is_one(pair in "\\[\"[0-9]{1,2}\\.[0-9]{1,2}\",\"[0-9]\\.[0-9]{1,2}\"\\]", other in any::<u8>(), place in 0usize..20) {
            let mut before = Lengths::default();
            let text = [pair.as_bytes(), b",[\"1.0\""].concat();
            Scanner::new(&text).pair_like(&mut before);
            let mut changed = text.clone();
            changed[place % pair.len()] = other;
            let mut alone = Scanner::new(&changed);
            prop_assert_eq!(Scanner::new(&changed).pair_like(&mut before), alone.pair());
        }
    }

    #[test]
    fn numbers_of_every_length_are_read() {
        for length in 1..=24 {
            for (after, whole) in [("", true), (",", true), (" ]", true), (".5", false), ("e3", false), ("E+3,", false)]
            {
                let text = format!("{}{after}", &"123456789012345678901234"[..length]);
                let expected = if whole { text.trim_matches([',', ' ', ']']).parse().ok() } else { None };
                let mut scanner = Scanner::new(text.as_bytes());
                assert_eq!(scanner.number(), Ok(expected), "{text}");
                let end = text.len() - if whole { after.len() } else { after.matches(',').count() };
                assert_eq!(scanner.at, end, "{text}");
            }
        }
        assert!(Scanner::new(b"0123456789").number().is_err());
        assert!(Scanner::new(b"00000000000000").number().is_err());
        assert_eq!(Scanner::new(b"0,        ").number(), Ok(Some(0)));
    }

    #[test]
    fn nesting_has_an_end() {
        assert!(takes(&format!("{}{}", "[".repeat(DEEPEST + 1), "]".repeat(DEEPEST + 1))));
        assert!(!takes(&format!("{}{}", "[".repeat(DEEPEST + 2), "]".repeat(DEEPEST + 2))));
        assert!(!takes(&"[".repeat(100_000)));
    }

    #[test]
    fn numbers_are_values_where_they_are_whole() {
        let number = |text: &str| Scanner::new(text.as_bytes()).number();
        assert_eq!(number("18446744073709551615"), Ok(Some(u64::MAX)));
        assert_eq!(number("18446744073709551616"), Ok(None));
        assert_eq!((number("-1"), number("1.0"), number("1e3")), (Ok(None), Ok(None), Ok(None)));
    }

    /// Text that is JSON, or nearly.
    fn text() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            "-?[0-9]{1,3}(\\.[0-9]{1,2})?([eE][+-]?[0-9])?",
            "\"([a-zé]|\\\\[nu\"/]|\\\\u00[0-9a-g]{2}){0,4}\"",
        ];
        let tree = leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|all| format!("[{}]", all.join(", "))),
                prop::collection::vec(("\"[a-c]\"", inner), 0..4).prop_map(|all| {
                    let members: Vec<_> = all.iter().map(|(name, value)| format!("{name} :{value}")).collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        });
        (tree, any::<prop::sample::Index>(), prop::option::of("[\\[\\]{}\",:0e\\\\ \t.-]")).prop_map(
            |(text, place, other)| {
                let Some(other) = other else { return text };
                let mut place = place.index(text.len() + 1);
                while !text.is_char_boundary(place) {
                    place -= 1;
                }
                format!("{}{other}{}", &text[..place], &text[place..])
            },
        )
    }

    proptest! {
        #[test]
        fn it_takes_what_another_reader_takes(text in text()) {
            prop_assert_eq!(takes(&text), serde_json::from_str::<IgnoredAny>(&text).is_ok(), "{}", text);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            prop_assert_eq!(takes(&text), serde_json::from_str::<IgnoredAny>(&text).is_ok());
        }
    }
}

//! What a shape tells of a message is what reading it as JSON tells.

use proptest::prelude::*;

use super::super::message::Message;
use super::*;

const QUOTE: &str = r#"{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":5123107839020,"s":"BTCUSDT","b":"61800.20","B":"2.507","a":"61800.30","A":"2.510","T":1723161256313,"E":1723161256313}}"#;
const TRADE: &str = r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161256322,"T":1723161256322,"s":"BTCUSDT","t":5266583935,"p":"61800.30","q":"0.006","X":"MARKET","m":false}}"#;
const FIELDS: [Field; Field::COUNT] = [
    Field::Event,
    Field::EventTime,
    Field::TransactionTime,
    Field::Stream,
    Field::Symbol,
    Field::Pair,
    Field::FirstUpdate,
    Field::LastUpdate,
    Field::PreviousUpdate,
    Field::Bids,
    Field::Asks,
    Field::BidQuantity,
    Field::AskQuantity,
    Field::Price,
    Field::Quantity,
    Field::Trade,
    Field::BuyerMade,
    Field::TradeKind,
    Field::SnapshotUpdate,
    Field::SnapshotBids,
    Field::SnapshotAsks,
    Field::SnapshotSymbol,
];

fn learnt(text: &str) -> Shapes {
    let mut shapes = Shapes::default();
    shapes.learn(text.as_bytes());
    shapes
}

/// Whether a message is matched; where it is, that all it tells is what its JSON holds.
fn matches(shapes: &Shapes, text: &str) -> bool {
    let Some(matched) = shapes.matched(text.as_bytes()) else { return false };
    let (mut message, mut levels) = (Message::default(), Vec::new());
    message.read(text.as_bytes(), &mut levels).expect("what is matched is JSON");
    for field in FIELDS {
        assert_eq!(matched.has(field), message.has(field), "{field:?} of {text}");
        assert_eq!(matched.is_text(field), message.is_text(field), "{field:?} of {text}");
        assert_eq!(matched.integer(field), message.integer(field), "{field:?} of {text}");
        assert_eq!(matched.flag(field), message.flag(field), "{field:?} of {text}");
        let decimal = |read: Option<Decimal>| read.map(Decimal::shortest);
        assert_eq!(decimal(matched.decimal(field)), decimal(message.decimal(field)), "{field:?} of {text}");
        assert_eq!(message.levels(field, &levels), None, "{field:?} of {text}");
        if !field.holds_decimals() {
            assert_eq!(matched.text(field), message.text(field), "{field:?} of {text}");
        }
    }
    true
}

#[test]
fn all_fields_are_compared() {
    for (index, field) in FIELDS.into_iter().enumerate() {
        assert_eq!(field as usize, index);
    }
}

#[test]
fn messages_that_differ_in_numbers_have_one_shape() {
    let shapes = learnt(QUOTE);
    assert!(matches(&shapes, QUOTE));
    assert!(matches(
        &shapes,
        &QUOTE.replace("61800.20", "7").replace("2.507", "0.00000001").replace("5123107839020", "0")
    ));
    let shapes = learnt(TRADE);
    assert!(matches(&shapes, &TRADE.replace("false", "true").replace("5266583935", "9999999999999999")));
}

#[test]
fn what_differs_in_anything_else_has_another() {
    let shapes = learnt(TRADE);
    for (what, other) in [
        ("MARKET", "INSURANCE_FUND"),
        ("BTCUSDT", "BTCUSDC"),
        ("\"t\":", "\"l\":"),
        ("\"t\":", "\"t\": "),
        ("0.006", "0.006 "),
        ("0.006", "-0.006"),
        ("0.006", ""),
        ("0.006", "0."),
        ("0.006", "6e-3"),
        ("0.006", "123456789.5"),
        ("5266583935", "05266583935"),
        ("5266583935", "-5"),
        ("5266583935", "1.5"),
        ("5266583935", "1e3"),
        ("5266583935", "12345678901234567"),
        ("5266583935", ""),
        ("5266583935", "null"),
        ("false", "null"),
        ("false", "falsetrue"),
        ("}}", "}"),
        ("}}", "}}}"),
        ("}}", "}} "),
        ("}}", ",\"x\":1}}"),
    ] {
        let text = TRADE.replace(what, other);
        assert_ne!(text, TRADE);
        assert!(!matches(&shapes, &text), "{text}");
    }
}

#[test]
fn another_stream_has_another_shape() {
    let mut shapes = learnt(QUOTE);
    assert!(!matches(&shapes, TRADE));
    shapes.learn(TRADE.as_bytes());
    assert!(matches(&shapes, TRADE) && matches(&shapes, QUOTE));
}

#[test]
fn what_changes_for_good_is_learnt_anew_and_what_changes_always_is_not() {
    let mut shapes = learnt(TRADE);
    let other = TRADE.replace("MARKET", "NA");
    shapes.learn(other.as_bytes());
    assert!(matches(&shapes, &other) && !matches(&shapes, TRADE));
    for _ in 1..CHANGES {
        shapes.learn(other.as_bytes());
    }
    shapes.learn(TRADE.as_bytes());
    assert!(matches(&shapes, &other) && !matches(&shapes, TRADE));
}

#[test]
fn levels_nesting_and_many_numbers_have_no_shape() {
    let many = |count: usize| {
        let numbers: Vec<String> = (0..count).map(|number| format!("\"x{number}\":{number}")).collect();
        format!("{{\"stream\":\"x\",\"data\":{{{}}}}}", numbers.join(","))
    };
    assert!(matches(&learnt(&many(HOLES)), &many(HOLES)));
    let long = format!("{{\"stream\":\"x\",\"data\":{{\"s\":\"{}\"}}}}", "A".repeat(LONGEST));
    for text in [
        many(HOLES + 1).as_str(),
        &long,
        r#"{"stream":"x","data":{"b":[["1","2"]]}}"#,
        r#"{"stream":"x","data":{"b":{"c":1}}}"#,
        r#"{"stream":"x","data":1}"#,
        r#"{"e":"trade","t":1}"#,
    ] {
        assert!(!matches(&learnt(text), text), "{text}");
    }
}

/// Members as venues write them, and as they might.
fn member() -> impl proptest::strategy::Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "e",
        "E",
        "T",
        "s",
        "u",
        "b",
        "a",
        "B",
        "A",
        "p",
        "q",
        "t",
        "m",
        "X",
        "x",
        "lastUpdateId",
    ]);
    let value = prop_oneof![
        "[0-9]{1,17}",
        "-?[0-9]{1,3}(\\.[0-9]{1,2})?(e[0-9])?",
        "\"[0-9]{0,9}(\\.[0-9]{0,9})?\"",
        "\"[a-z]{0,3}\"",
        "\"\\\\n1\"",
        Just("true".to_owned()),
        Just("false".to_owned()),
        Just("null".to_owned()),
    ];
    (name, value).prop_map(|(name, value)| format!("\"{name}\":{value}"))
}

fn wrapped(members: &[String]) -> String {
    format!("{{\"stream\":\"x@y\",\"data\":{{{}}}}}", members.join(","))
}

proptest! {
    #[test]
    fn a_shape_tells_what_json_tells(members in prop::collection::vec(member(), 0..8), numbers in "[0-9]{1,16}", place in any::<prop::sample::Index>()) {
        let text = wrapped(&members);
        let readable = Message::default().read(text.as_bytes(), &mut Vec::new()).is_ok();
        prop_assume!(readable);
        let shapes = learnt(&text);
        matches(&shapes, &text);
        // Another number in the place of one, and other bytes at any.
        let digits: Vec<usize> = text.char_indices().filter(|(_, byte)| byte.is_ascii_digit()).map(|(at, _)| at).collect();
        if !digits.is_empty() {
            let at = digits[place.index(digits.len())];
            matches(&shapes, &format!("{}{numbers}{}", &text[..at], &text[at + 1..]));
            matches(&shapes, &format!("{}{}", &text[..at], &text[at + 1..]));
        }
        let at = place.index(text.len());
        for byte in ["\"", ",", ".", "0", "-", " ", "}", "e", "x"] {
            matches(&shapes, &format!("{}{byte}{}", &text[..at], &text[at + 1..]));
        }
    }
}

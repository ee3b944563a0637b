//! What is kept a reader reads, and it finds the same books known.

use proptest::prelude::*;

use super::super::reader::{Options, read};
use super::*;

const LOCAL: i64 = 1_700_000_000_000_000_000;

fn intake() -> Intake {
    Intake::new(&["BTCUSDT".to_owned(), "ETHUSDT".to_owned()], 1_000)
}

fn depth(symbol: &str, first: u64, last: u64, previous: u64) -> String {
    format!(r#"{{"e":"depthUpdate","s":"{symbol}","U":{first},"u":{last},"pu":{previous},"b":[["10.0","1"]],"a":[]}}"#)
}

fn snapshot(symbol: &str, update: u64) -> String {
    format!(r#"{{"symbol":"{symbol}","lastUpdateId":{update},"bids":[["9","1"]],"asks":[]}}"#)
}

#[test]
fn what_no_recording_can_hold_is_named() {
    let trade = r#"{"e":"trade","s":"BTCUSDT","t":1,"p":"1.5","q":"1","m":true}"#;
    let long = format!(r#"{{"e":"{}"}}"#, "x".repeat(1_000));
    let cases: [(&[u8], KeptOut); 12] = [
        (b"", KeptOut::NotJson),
        (b"hello", KeptOut::NotJson),
        (&trade.as_bytes()[..20], KeptOut::NotJson),
        (b"{\"e\":\"\xff\"}", KeptOut::NotText),
        (long.as_bytes(), KeptOut::TooLong),
        (br#"{"e":"trade","s":"BTCUSDT","t":1,"p":"1.5","q":"1"}"#, KeptOut::Field),
        (br#"{"e":"trade","s":"BTCUSDT","t":1,"p":1.5,"q":"1","m":true}"#, KeptOut::Field),
        (br#"{"e":"trade","s":"BTCUSDT","t":1,"p":"1.5","q":"1","m":true,"T":9999999999999999999}"#, KeptOut::Field),
        (br#"{"e":"trade","s":"XRPUSDT","t":1,"p":"1.5","q":"1","m":true}"#, KeptOut::Symbol),
        (br#"{"result":null,"id":1}"#, KeptOut::Untold),
        (br#"{"e":"tradeplane.feedLost","s":"BTCUSDT"}"#, KeptOut::Untold),
        (br#"{"lastUpdateId":5,"bids":[],"asks":[]}"#, KeptOut::Untold),
    ];
    let mut intake = intake();
    for (message, why) in cases {
        assert_eq!(intake.look(LOCAL, message, None), Err(why), "{}", String::from_utf8_lossy(message));
    }
    assert_eq!(intake.look(LOCAL, trade.as_bytes(), None), Ok(Kept { instrument: 0, named: true, lost: false }));
    assert_eq!(intake.look(5, trade.as_bytes(), None), Err(KeptOut::Clock));
    assert_eq!(intake.look(LOCAL, snapshot("BTCUSDT", 5).as_bytes(), Some(1)), Err(KeptOut::Symbol));
}

#[test]
fn a_book_is_lost_by_a_message_that_does_not_follow() {
    let mut intake = intake();
    let mut lost = |message: String| intake.look(LOCAL, message.as_bytes(), None).unwrap().lost;
    assert!(lost(depth("BTCUSDT", 8, 9, 7)), "nothing was known before it");
    assert!(!lost(snapshot("BTCUSDT", 10)));
    assert!(!lost(depth("BTCUSDT", 11, 12, 10)));
    assert!(!lost(depth("BTCUSDT", 11, 12, 10)), "it came twice");
    assert!(lost(depth("BTCUSDT", 15, 16, 14)));
    assert!(!lost(depth("BTCUSDT", 17, 18, 16)));
    assert!(!intake.knows(0));
    intake.look(LOCAL, snapshot("BTCUSDT", 17).as_bytes(), None).unwrap();
    assert!(intake.knows(0));
    intake.lose_all();
    assert!(!intake.knows(0));
}

/// What a feed may do next: changes of a book (how many updates were lost before, how many it has), a snapshot (how far
/// behind), a break.
fn steps() -> impl Strategy<Value = Vec<(u8, u64, u64)>> {
    prop::collection::vec((0u8..10, prop_oneof![3 => Just(0u64), 1 => 0u64..4], 1u64..4), 1..60)
}

proptest! {
    #[test]
    fn what_is_kept_is_read_and_the_same_books_are_known(steps in steps()) {
        let (mut intake, mut text, mut update) = (intake(), String::new(), 100u64);
        let options = Options { symbol: None, limit: 1 << 20, instruments: 4 };
        for (kind, gap, size) in steps {
            let message = match kind {
                0..=5 => {
                    let (first, previous) = (update + gap + 1, update + gap);
                    update += gap + size;
                    depth("BTCUSDT", first, update, previous)
                }
                6 | 7 => snapshot("BTCUSDT", update.saturating_sub(gap * size)),
                8 => depth("BTCUSDT", update - 2, update - 1, update - 3),
                9 if gap > 1 => {
                    intake.cut();
                    let read = read(text.as_bytes(), &options).unwrap();
                    let Some(one) = read.instruments.first() else { continue };
                    let carried = |update| {
                        format!(r#"{{"e":"tradeplane.carriedBook","s":"BTCUSDT","u":{update}}}"#)
                    };
                    let opening = one.update.map(|update| snapshot("BTCUSDT", update)).or(one.blind_update.map(carried));
                    text = opening.map_or_else(String::new, |opening| format!("{LOCAL} {opening}\n"));
                    continue;
                }
                _ => {
                    intake.lose_all();
                    text += &format!("{LOCAL} {{\"e\":\"tradeplane.feedLost\",\"s\":\"BTCUSDT\"}}\n");
                    continue;
                }
            };
            prop_assert!(intake.look(LOCAL, message.as_bytes(), None).is_ok());
            text += &format!("{LOCAL} {message}\n");
        }
        let read = read(text.as_bytes(), &options).unwrap();
        let known = read.instruments.first().is_some_and(|one| one.update.is_some());
        prop_assert_eq!(intake.knows(0), known);
    }

    #[test]
    fn whatever_bytes_are_kept_are_read(message in prop::collection::vec(any::<u8>(), 0..60), cut in 0usize..90) {
        let whole = depth("BTCUSDT", 1, 2, 0);
        let message = [&whole.as_bytes()[..cut.min(whole.len())], &message].concat();
        if intake().look(LOCAL, &message, None).is_ok() {
            let line = [format!("{LOCAL} ").as_bytes(), &message].concat();
            let line: Vec<u8> = line.into_iter().map(|byte| if byte == b'\n' { b' ' } else { byte }).collect();
            let options = Options { symbol: None, limit: 1 << 20, instruments: 4 };
            prop_assert!(read(&line, &options).is_ok());
        }
    }
}

//! Lines as they are written.

use super::*;

const LOCAL: i64 = 1_700_000_000_000_000_000;
const TRADE: &[u8] = br#"{"e":"trade","s":"BTCUSDT","t":1,"p":"1.5","q":"1","m":true}"#;

fn spool() -> Spool {
    Spool::new(vec!["BTCUSDT".to_owned()], 1_000)
}

fn text(spool: &mut Spool) -> String {
    String::from_utf8(spool.take()).unwrap()
}

#[test]
fn a_line_is_the_time_and_the_message_as_it_came() {
    let mut spool = spool();
    assert!(!spool.append(LOCAL, TRADE));
    assert_eq!(spool.waiting(), TRADE.len() + 21);
    assert_eq!(text(&mut spool), format!("{LOCAL} {}\n", std::str::from_utf8(TRADE).unwrap()));
    assert_eq!((spool.messages(), spool.waiting()), (1, 0));
}

#[test]
fn a_message_of_several_lines_is_one() {
    let mut spool = spool();
    let spread = String::from_utf8(TRADE.to_vec()).unwrap().replace(',', ",\n");
    spool.append(LOCAL, spread.as_bytes());
    assert_eq!(text(&mut spool), format!("{LOCAL} {}\n", spread.replace('\n', " ")));
}

#[test]
fn what_is_kept_out_is_counted_and_not_written() {
    let mut spool = spool();
    for message in [&b"garbage"[..], b"{\"result\":null}", b"more"] {
        assert!(!spool.append(LOCAL, message));
    }
    assert_eq!((spool.waiting(), spool.messages()), (0, 0));
    let counted: Vec<_> = spool.kept_out().filter(|(_, times)| *times > 0).collect();
    assert_eq!(counted, [(KeptOut::NotJson, 2), (KeptOut::Untold, 1)]);
}

#[test]
fn a_snapshot_gets_the_name_that_it_lacks() {
    let mut spool = spool();
    let answer = br#" {"lastUpdateId":7,"bids":[],"asks":[]}"#;
    assert_eq!(spool.append_snapshot(LOCAL, 0, answer), Ok(true));
    assert_eq!(
        text(&mut spool),
        format!("{LOCAL} {{\"symbol\":\"BTCUSDT\",\"lastUpdateId\":7,\"bids\":[],\"asks\":[]}}\n")
    );
    let named = br#"{"lastUpdateId":8,"symbol":"BTCUSDT","bids":[],"asks":[]}"#;
    assert_eq!(spool.append_snapshot(LOCAL, 0, named), Ok(true));
    assert_eq!(text(&mut spool), format!("{LOCAL} {}\n", std::str::from_utf8(named).unwrap()));
    assert_eq!(spool.append_snapshot(LOCAL, 0, b"<html>"), Err(KeptOut::NotJson));
    assert_eq!(text(&mut spool), "");
}

#[test]
fn a_lost_feed_is_written_of_each_instrument_and_is_no_message() {
    let mut spool = Spool::new(vec!["A".to_owned(), "B".to_owned()], 1_000);
    spool.lose_feed(LOCAL);
    let line = |symbol| format!("{LOCAL} {{\"e\":\"tradeplane.feedLost\",\"s\":\"{symbol}\"}}\n");
    assert_eq!(text(&mut spool), [line("A"), line("B")].concat());
    assert_eq!(spool.messages(), 0);
}

#[test]
fn books_that_were_lost_are_told_once() {
    let mut spool = spool();
    let change = br#"{"e":"depthUpdate","s":"BTCUSDT","U":3,"u":4,"pu":2,"b":[],"a":[]}"#;
    assert!(spool.append(LOCAL, change));
    assert_eq!(spool.take_lost(), [0]);
    assert!(spool.take_lost().is_empty());
}

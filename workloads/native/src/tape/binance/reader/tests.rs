//! What becomes of each kind of message, worked out by hand.

use proptest::prelude::*;

use super::super::super::audit::lost;
use super::super::super::columns::{Kind, Side};
use super::*;
use crate::tape::Broken;

const LOCAL: i64 = 1_700_000_000_000_000_000;

fn options() -> Options {
    Options { symbol: None, limit: 1 << 30, instruments: 4 }
}

/// Lines of messages, a microsecond apart.
fn recording(messages: &[&str]) -> String {
    let line = |(number, message): (usize, &&str)| format!("{} {message}\n", LOCAL + 1_000 * number as i64);
    messages.iter().enumerate().map(line).collect()
}

fn recorded(messages: &[&str]) -> Recorded {
    let mut found = read(recording(messages).as_bytes(), &options()).unwrap();
    assert_eq!(found.instruments.len(), 1);
    found.instruments.remove(0)
}

fn refused(messages: &[&str]) -> (Option<u64>, Problem) {
    let refused = read(recording(messages).as_bytes(), &options()).unwrap_err();
    (refused.line, refused.problem)
}

/// Kind, side, price and quantity of each row.
fn rows(recorded: &Recorded) -> Vec<(Kind, Side, i64, i64)> {
    let tape = &recorded.tape;
    let row = |row: usize| {
        (Kind::of(tape.kind[row]).unwrap(), Side::of(tape.side[row]).unwrap(), tape.price[row], tape.quantity[row])
    };
    (0..tape.len()).map(row).collect()
}

fn kinds(recorded: &Recorded) -> Vec<Kind> {
    rows(recorded).into_iter().map(|row| row.0).collect()
}

/// A change of a USD-M book.
fn usdm(first: u64, last: u64, previous: u64, bids: &str) -> String {
    format!(
        r#"{{"e":"depthUpdate","E":1700000000001,"T":1700000000000,"s":"BTCUSDT","U":{first},"u":{last},"pu":{previous},"b":[{bids}],"a":[]}}"#
    )
}

/// A change of a spot book.
fn spot(first: u64, last: u64, bids: &str) -> String {
    format!(r#"{{"e":"depthUpdate","E":1700000000001,"s":"BTCUSDT","U":{first},"u":{last},"b":[{bids}],"a":[]}}"#)
}

fn snapshot(update: u64) -> String {
    format!(r#"{{"lastUpdateId":{update},"bids":[["10.0","1"]],"asks":[["10.1","2"]]}}"#)
}

#[test]
fn every_message_becomes_its_rows() {
    let combined = [
        r#"{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":2,"T":1700000000000,"s":"BTCUSDT","U":5,"u":6,"pu":4,"b":[["10.20","0.5"]],"a":[["10.3","0.000"]]}}"#,
        r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":2,"T":1700000000001,"s":"BTCUSDT","t":7,"p":"10.2","q":"0.25","X":"MARKET","m":true}}"#,
        r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":2,"T":1700000000001,"s":"BTCUSDT","t":8,"p":"10.3","q":"1","X":"MARKET","m":false}}"#,
        r#"{"data":{"u":9,"e":"bookTicker","s":"BTCUSDT","b":"10.2","B":"3","a":"10.3","A":"0","T":1700000000002,"E":9},"stream":"x"}"#,
    ];
    let bare = combined.map(|message| {
        let data: serde_json::Value = serde_json::from_str(message).unwrap();
        data["data"].to_string()
    });
    let recorded = recorded(&combined);
    let expected = [
        (Kind::Gap, Side::None, lost::BOOK, 0),
        (Kind::Level, Side::Bid, 102, 50),
        (Kind::Level, Side::Ask, 103, 0),
        (Kind::Trade, Side::Ask, 102, 25),
        (Kind::Trade, Side::Bid, 103, 100),
        (Kind::Quote, Side::Bid, 102, 300),
        (Kind::Quote, Side::Ask, 103, 0),
    ];
    assert_eq!(rows(&recorded), expected);
    assert_eq!((recorded.symbol.as_str(), recorded.market), ("BTCUSDT", Market::UsdM));
    assert_eq!((recorded.price_places, recorded.quantity_places, recorded.left_out), (1, 2, 0));
    assert_eq!(recorded.tape.sequence, [1, 1, 1, 2, 3, 4, 4]);
    assert_eq!(recorded.tape.local_time[6], LOCAL + 3_000);
    assert_eq!(recorded.tape.exchange_time[0], 1_700_000_000_000_000_000);
    assert_eq!(recorded.tape.exchange_time[6], 1_700_000_000_002_000_000);
    assert_eq!(rows(&super::tests::recorded(&bare.each_ref().map(String::as_str))), expected);
}

#[test]
fn room_that_was_lent_is_used_where_it_is_enough() {
    let (one, two) = (usdm(12, 15, 10, r#"["10.0","0"],["9.25","3"]"#), usdm(20, 21, 19, r#"["9.5","1.125"]"#));
    let other = r#"{"e":"trade","T":1700000000002,"s":"OTHER","t":7,"p":"10.2","q":"0.25","X":"MARKET","m":true}"#;
    let text = recording(&[&snapshot(11), &one, other, &two]);
    let options = Options { symbol: Some("BTCUSDT".to_owned()), ..options() };
    let expected = read(text.as_bytes(), &options).unwrap();
    let first = &expected.instruments[0].tape;
    assert_eq!((first.len(), expected.instruments[1].tape.len()), (7, 1));
    for size in 0..=first.len() + 1 {
        let mut memory = Tape::zeros(size);
        let found = read_into(text.as_bytes(), &options, Some(memory.room())).unwrap();
        let lent = found.instruments[0].lent;
        assert_eq!(lent, (size >= first.len()).then_some(first.len()));
        memory.truncate(first.len());
        assert_eq!(if lent.is_some() { &memory } else { &found.instruments[0].tape }, first);
        assert_eq!(found.instruments[1], expected.instruments[1]);
    }
}

#[test]
fn likely_rows_are_told_by_the_size() {
    assert_eq!(likely_rows(&[b' '; 1_000]), 50);
    assert_eq!(likely_rows(b""), 0);
    let boasting = [&[0x1f, 0x8b][..], &[0xff; 30]].concat();
    assert_eq!(likely_rows(&boasting), 32 * 32 / 20);
}

#[test]
fn a_snapshot_joins_what_follows() {
    let follows = usdm(12, 15, 10, r#"["10.0","0"]"#);
    let recorded = recorded(&[&snapshot(11), &follows]);
    assert_eq!(kinds(&recorded), [Kind::Clear, Kind::Snapshot, Kind::Snapshot, Kind::Level]);
    assert_eq!(rows(&recorded)[1..3], [(Kind::Snapshot, Side::Bid, 100, 1), (Kind::Snapshot, Side::Ask, 101, 2)]);
}

#[test]
fn a_usdm_book_has_a_gap_where_the_update_before_is_another() {
    let (one, two, lost_before) = (usdm(1, 5, 0, ""), usdm(9, 12, 5, ""), usdm(20, 21, 13, r#"["1","1"]"#));
    let recorded = recorded(&[&snapshot(4), &one, &two, &lost_before]);
    assert_eq!(kinds(&recorded)[3..], [Kind::Gap, Kind::Level]);
    assert_eq!(recorded.tape.sequence[3], 4);
}

#[test]
fn a_spot_book_has_a_gap_where_an_update_is_missing() {
    let level = r#"["1","1"]"#;
    let (one, two, lost_before) = (spot(3, 5, level), spot(6, 6, level), spot(8, 9, level));
    let recorded = recorded(&[&snapshot(4), &one, &two, &lost_before]);
    assert_eq!(kinds(&recorded)[3..], [Kind::Level, Kind::Level, Kind::Gap, Kind::Level]);
    assert_eq!(recorded.market, Market::Spot);
}

#[test]
fn what_is_older_than_the_book_is_left_out() {
    let recorded = recorded(&[&snapshot(11), &usdm(8, 11, 7, r#"["9","9"]"#), &snapshot(11), &snapshot(10)]);
    assert_eq!(kinds(&recorded), [Kind::Clear, Kind::Snapshot, Kind::Snapshot]);
    assert_eq!(recorded.left_out, 3);
}

#[test]
fn what_came_before_a_snapshot_and_is_newer_is_applied_to_it() {
    // The answer to the request, of update 11, arrives after the messages up to 15.
    let recorded = recorded(&[
        &usdm(8, 11, 7, r#"["9","1"]"#),
        &usdm(12, 15, 11, r#"["10","0"],["8","3"]"#),
        &snapshot(11),
        &usdm(16, 17, 15, r#"["7","1"]"#),
    ]);
    let expected = [
        (Kind::Gap, Side::None, lost::BOOK, 0),
        (Kind::Level, Side::Bid, 90, 1),
        (Kind::Level, Side::Bid, 100, 0),
        (Kind::Level, Side::Bid, 80, 3),
        (Kind::Clear, Side::None, 0, 0),
        (Kind::Snapshot, Side::Bid, 100, 1),
        (Kind::Snapshot, Side::Ask, 101, 2),
        (Kind::Level, Side::Bid, 100, 0),
        (Kind::Level, Side::Bid, 80, 3),
        (Kind::Level, Side::Bid, 70, 1),
    ];
    assert_eq!(rows(&recorded), expected);
    assert_eq!(recorded.tape.sequence, [1, 1, 2, 2, 3, 3, 3, 3, 3, 4]);
}

#[test]
fn a_snapshot_too_old_to_join_is_left_out() {
    let level = r#"["9","1"]"#;
    let messages = [usdm(20, 25, 19, level), snapshot(11), usdm(26, 27, 25, level)];
    let blind = recorded(&messages.each_ref().map(String::as_str));
    assert_eq!((kinds(&blind), blind.left_out), (vec![Kind::Gap, Kind::Level, Kind::Level], 1));
    // The next snapshot that is new enough makes the book known, and what is newer than it is applied to it.
    let later = [snapshot(26), usdm(28, 30, 27, level)];
    let recorded = recorded(&messages.iter().chain(&later).map(String::as_str).collect::<Vec<_>>());
    let joined = [Kind::Clear, Kind::Snapshot, Kind::Snapshot, Kind::Level, Kind::Level];
    assert_eq!((&kinds(&recorded)[3..], recorded.left_out), (&joined[..], 1));
}

#[test]
fn many_old_snapshots_add_no_rows() {
    let change = usdm(20, 25, 19, r#"["9","1"],["8","1"]"#);
    let old: Vec<String> = (0..1_000).map(|number| snapshot(number % 19)).collect();
    let messages: Vec<&str> = std::iter::once(change.as_str()).chain(old.iter().map(String::as_str)).collect();
    let recorded = recorded(&messages);
    assert_eq!((kinds(&recorded), recorded.left_out), (vec![Kind::Gap, Kind::Level, Kind::Level], 1_000));
}

#[test]
fn many_snapshots_of_one_book_are_joined_once() {
    let change = usdm(20, 25, 19, r#"["9","1"]"#);
    let recorded = recorded(&[&change, &snapshot(20), &snapshot(20), &snapshot(25), &snapshot(24)]);
    let joined = [Kind::Clear, Kind::Snapshot, Kind::Snapshot, Kind::Level];
    assert_eq!((&kinds(&recorded)[2..], recorded.left_out), (&joined[..], 3));
}

#[test]
fn missing_trades_are_counted_and_doubled_ones_left_out() {
    let trade = |number: u64, kind: &str| {
        format!(
            r#"{{"e":"trade","E":2,"T":1700000000001,"s":"BTCUSDT","t":{number},"p":"10","q":"1","X":"{kind}","m":true}}"#
        )
    };
    let aggregated = r#"{"e":"aggTrade","E":2,"T":3,"s":"BTCUSDT","a":1,"p":"10","q":"1","f":1,"l":1,"m":true}"#;
    let messages = [trade(7, "MARKET"), trade(8, "NA"), trade(12, "MARKET"), trade(12, "MARKET"), aggregated.into()];
    let recorded = recorded(&messages.each_ref().map(String::as_str));
    assert_eq!(kinds(&recorded), [Kind::Trade, Kind::Gap, Kind::Trade]);
    assert_eq!(rows(&recorded)[1], (Kind::Gap, Side::None, lost::TRADES, 3));
    assert_eq!(recorded.left_out, 3);
}

#[test]
fn aggregated_trades_alone_are_trades() {
    let aggregated = r#"{"e":"aggTrade","E":2,"T":3,"s":"BTCUSDT","a":1,"p":"10","q":"2","f":1,"l":1,"m":false}"#;
    assert_eq!(rows(&recorded(&[aggregated])), [(Kind::Trade, Side::Bid, 10, 2)]);
}

#[test]
fn coin_margined_futures_are_told_by_their_pair_or_symbol() {
    let quote = r#"{"u":1,"e":"bookTicker","s":"BTC","ps":"BTCUSD","b":"1","B":"1","a":"2","A":"1","T":1,"E":1}"#;
    assert_eq!(recorded(&[quote]).market, Market::CoinM);
    let trade = r#"{"e":"trade","E":1,"T":1,"s":"BTCUSD_PERP","t":1,"p":"1","q":"4","X":"MARKET","m":false}"#;
    assert_eq!(recorded(&[trade]).market, Market::CoinM);
}

#[test]
fn messages_without_an_exchange_time_have_that_of_the_row_before() {
    let quote = r#"{"u":1,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1"}"#;
    let trade = r#"{"e":"trade","E":9,"T":1700000000123,"s":"BTCUSDT","t":1,"p":"1","q":"4","m":false}"#;
    let time = 1_700_000_000_123_000_000;
    assert_eq!(recorded(&[quote, trade, quote]).tape.exchange_time, [time; 5]);
    assert_eq!(recorded(&[quote, quote]).tape.exchange_time, [LOCAL, LOCAL, LOCAL + 1_000, LOCAL + 1_000]);
    let later = r#"{"e":"trade","E":9,"T":1700000000124000,"s":"BTCUSDT","t":2,"p":"1","q":"4","m":false}"#;
    assert_eq!(recorded(&[trade, quote, later]).tape.exchange_time, [time, time, time, time + 1_000_000]);
}

#[test]
fn what_a_tape_has_no_use_for_is_counted() {
    let others = [
        r#"{"result":null,"id":1}"#,
        r#"[{"e":"24hrMiniTicker","s":"X"}]"#,
        r#"{"stream":"!ticker@arr","data":[1,2]}"#,
        r#"{"e":"kline","s":"BTCUSDT","k":{"t":1}}"#,
        r#"{"stream":"btcusdt@depth5","data":{"lastUpdateId":5,"bids":[],"asks":[]}}"#,
        r#"{"e":"forceOrder","o":{"s":"BTCUSDT"}}"#,
        "null",
        "17",
        r#"{"code":-1,"msg":"x"}"#,
    ];
    let found = read(recording(&others).as_bytes(), &options()).unwrap();
    assert_eq!((found.instruments.len(), found.others), (0, 9));
    let few = r#"{"stream":"btcusdt@depth20@100ms","data":{"e":"depthUpdate","E":1,"T":1,"s":"B","U":1,"u":2,"pu":0,"b":[["1","1"]],"a":[]}}"#;
    assert_eq!((recorded(&[few]).left_out, recorded(&[few]).tape.len()), (1, 0));
}

#[test]
fn instruments_are_in_the_order_of_their_symbols() {
    let quote = |symbol: &str| format!(r#"{{"u":1,"s":"{symbol}","b":"1","B":"1","a":"2","A":"1"}}"#);
    let messages = [quote("B"), quote("A"), quote("B")];
    let found = read(recording(&messages.each_ref().map(String::as_str)).as_bytes(), &options()).unwrap();
    let symbols: Vec<_> =
        found.instruments.iter().map(|one| (one.symbol.as_str(), one.tape.sequence.clone())).collect();
    assert_eq!(symbols, [("A", vec![2, 2]), ("B", vec![1, 1, 3, 3])]);
    let five = ["A", "B", "C", "D", "E"].map(quote);
    assert_eq!(refused(&five.each_ref().map(String::as_str)), (Some(5), Problem::Instruments(4)));
}

#[test]
fn a_snapshot_without_a_symbol_is_of_the_only_instrument() {
    let (quote, other) =
        (r#"{"u":1,"s":"A","b":"1","B":"1","a":"2","A":"1"}"#, r#"{"u":1,"s":"B","b":"1","B":"1","a":"2","A":"1"}"#);
    assert_eq!(recorded(&[&snapshot(1), quote]).tape.sequence, [1, 1, 1, 2, 2]);
    assert_eq!(refused(&[quote, &snapshot(1), other]), (Some(2), Problem::Unnamed));
    assert_eq!(refused(&[quote, other, &snapshot(1)]), (Some(3), Problem::Unnamed));
    assert_eq!(refused(&[&snapshot(1)]), (Some(1), Problem::Waiting));
    assert_eq!(refused(&[snapshot(1).as_str(); 17]), (Some(17), Problem::Waiting));
    let named = Options { symbol: Some("B".into()), ..options() };
    let found = read(recording(&[quote, &snapshot(1), other]).as_bytes(), &named).unwrap();
    assert_eq!(found.instruments[1].tape.sequence, [2, 2, 2, 3, 3]);
    let named = r#"{"lastUpdateId":1,"symbol":"A","pair":"A","bids":[],"asks":[]}"#;
    assert_eq!(recorded(&[named]).symbol, "A");
}

#[test]
fn lines_that_cannot_be_read_are_named() {
    let quote = r#"{"u":1,"s":"A","b":"1","B":"1","a":"2","A":"1"}"#;
    let lines = |text: &str| {
        let refused = read(text.as_bytes(), &options()).unwrap_err();
        (refused.line, refused.problem)
    };
    assert_eq!(lines("17 {}"), (Some(1), Problem::Time));
    assert_eq!(lines("1723161255030314 {}"), (Some(1), Problem::Time));
    assert_eq!(lines("-1723161255030314667 {}"), (Some(1), Problem::Time));
    assert_eq!(lines(&format!("{LOCAL}{quote}")), (Some(1), Problem::Time));
    assert_eq!(lines(&format!("{LOCAL} {quote}\n\n{quote}")), (Some(3), Problem::Time));
    assert!(matches!(lines(&format!("{LOCAL} {{\"e\":")), (Some(1), Problem::Json(_))));
    assert!(matches!(refused(&[quote, "{} {}"]), (Some(2), Problem::Json(_))));
    assert!(matches!(refused(&[r#"{"e":"trade","e":"trade"}"#]), (Some(1), Problem::Json(_))));
    let wrong = [
        (r#"{"e":"trade","T":1,"s":"A","t":1,"p":10,"q":"1","m":true}"#, "\"p\""),
        (r#"{"e":"trade","T":1,"s":"A","t":1,"p":"1e3","q":"1","m":true}"#, "\"p\""),
        (r#"{"e":"trade","T":1,"s":"A","t":1,"p":"-1","q":"1","m":true}"#, "\"p\""),
        (r#"{"e":"trade","T":1,"s":"A","t":1,"p":"1","m":true}"#, "\"q\""),
        (r#"{"e":"trade","T":1,"s":"A","t":1,"p":"1","q":"1","m":"true"}"#, "\"m\""),
        (r#"{"e":"trade","T":1,"s":"A","t":-1,"p":"1","q":"1","m":true}"#, "number of the trade"),
        (r#"{"e":"trade","T":4611686018427388,"s":"A","t":1,"p":"1","q":"1","m":true}"#, "exchange time"),
        (r#"{"e":"depthUpdate","T":1,"s":"A","u":1,"b":[],"a":[]}"#, "\"U\""),
        (r#"{"e":"depthUpdate","T":1,"s":"A","U":1,"b":[],"a":[]}"#, "\"u\""),
        (r#"{"e":"depthUpdate","T":1,"s":"A","U":1,"u":1,"b":[["1"]],"a":[]}"#, "\"b\""),
        (r#"{"e":"depthUpdate","T":1,"s":"A","U":1,"u":1,"b":[["1","x"]],"a":[]}"#, "\"b\""),
        (r#"{"e":"depthUpdate","T":1,"s":"A","U":1,"u":1,"b":[],"a":[[1,1],{"x":1},"y",null]}"#, "\"a\""),
        (r#"{"e":"bookTicker","s":"A","b":"1","B":"1","a":"2"}"#, "\"A\""),
        (r#"{"lastUpdateId":1,"bids":[]}"#, "\"asks\""),
    ];
    for (message, field) in wrong {
        assert_eq!(refused(&[quote, message]), (Some(2), Problem::Field(field)), "{message}");
    }
    assert!(matches!(refused(&[r#"{"data":{},"data":{}}"#]), (Some(1), Problem::Json(19))));
    let escaped = r#"{"e":"tr\u0061de","T":1,"s":"A","t":1,"p":"1","q":"1","m":true}"#;
    assert_eq!(read(recording(&[escaped]).as_bytes(), &options()).unwrap().others, 1);
    let latin = [format!("{LOCAL} \"").as_bytes(), b"\xe9\""].concat();
    assert_eq!(read(&latin, &options()).unwrap_err().problem, Problem::Text);
    assert_eq!(refused(&[r#"{"e":"trade","s":"","t":1,"p":"1","q":"1","m":true}"#]), (Some(1), Problem::Symbol));
    assert_eq!(refused(&[r#"{"e":"trade","s":"a b","t":1,"p":"1","q":"1","m":true}"#]), (Some(1), Problem::Symbol));
}

#[test]
fn room_is_made_for_what_seems_to_come_and_no_more() {
    assert_eq!(projected(100, 10_000, 30_000), 225);
    assert_eq!(projected(100, 3_000, 1_000), 0);
    assert_eq!(projected(100, 0, 0), 0);
    assert_eq!(projected(1_000, 10, 910), 100);
    let quote = r#"{"u":1,"s":"A","b":"1","B":"1","a":"2","A":"1"}"#;
    let many = vec![quote; 3 * MANY];
    let tape = recorded(&many).tape;
    assert_eq!(tape.len(), 6 * MANY);
    assert!(tape.price.capacity() < 7 * MANY && tape.side.capacity() < 7 * MANY, "{}", tape.price.capacity());
}

#[test]
fn numbers_that_do_not_fit_together_are_named() {
    let quote = |price: &str| format!(r#"{{"u":1,"s":"A","b":"{price}","B":"1","a":"2","A":"1"}}"#);
    let messages = [quote("4611686018427387903"), quote("0.1")];
    assert_eq!(refused(&messages.each_ref().map(String::as_str)), (Some(2), Problem::Number("price")));
}

#[test]
fn every_problem_says_what_to_do() {
    let problems = [
        Problem::Broken(Broken::Compression(1, "x".into())),
        Problem::Broken(Broken::Long(1)),
        Problem::Broken(Broken::Large(1)),
        Problem::Time,
        Problem::Text,
        Problem::Json(1),
        Problem::Field("x"),
        Problem::Number("x"),
        Problem::Symbol,
        Problem::Instruments(1),
        Problem::Unnamed,
        Problem::Waiting,
    ];
    for problem in problems {
        let text = problem.to_string();
        assert!(text.contains(';') || text.contains(':'), "{text}");
    }
}

/// Messages and pieces of messages, so that some of what is put together is nearly one.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(usdm(8, 11, 7, r#"["9","1"],["8.25","0"]"#)),
        Just(spot(12, 13, r#"["9","1"]"#)),
        Just(snapshot(11)),
        Just(r#"{"u":1,"s":"A","b":"1","B":"1","a":"2","A":"1"}"#.to_owned()),
        Just(r#"{"stream":"a","data":"#.to_owned()),
        "[\\[\\]{}\",:a-zU0-9. ]{0,12}",
    ];
    prop::collection::vec((any::<prop::sample::Index>(), piece), 0..8).prop_map(|pieces| {
        let line = |(cut, piece): &(prop::sample::Index, String)| {
            let end = if cut.index(4) == 0 { cut.index(piece.len() + 1) } else { piece.len() };
            format!("{LOCAL} {}\n", piece.get(..end).unwrap_or(piece))
        };
        pieces.iter().map(line).collect()
    })
}

#[test]
fn a_lost_feed_is_a_gap_of_anything_until_the_next_snapshot() {
    let lost = r#"{"e":"tradeplane.feedLost","s":"BTCUSDT"}"#;
    let recorded = recorded(&[&usdm(11, 12, 10, ""), &snapshot(12), lost, &usdm(13, 14, 12, ""), &snapshot(14)]);
    let gaps: Vec<_> = rows(&recorded).into_iter().filter(|row| row.0 == Kind::Gap).collect();
    assert_eq!(gaps, [(Kind::Gap, Side::None, lost::BOOK, 0), (Kind::Gap, Side::None, lost::ANYTHING, 0)]);
    assert_eq!(recorded.update, Some(14));
}

#[test]
fn a_book_that_was_not_known_needs_a_snapshot_of_what_follows() {
    let carried = r#"{"e":"tradeplane.carriedBook","s":"BTCUSDT","u":12}"#;
    let late = recorded(&[carried, &snapshot(11), &usdm(13, 14, 12, r#"["9","1"]"#)]);
    assert_eq!(kinds(&late), [Kind::Gap, Kind::Level]);
    assert_eq!((late.update, late.blind_update, late.left_out), (None, Some(14), 1));
    let whole = recorded(&[carried, &usdm(13, 14, 12, r#"["9","1"]"#), &snapshot(12)]);
    assert_eq!(kinds(&whole)[2..], [Kind::Clear, Kind::Snapshot, Kind::Snapshot, Kind::Level]);
    assert_eq!(whole.update, Some(14));
    assert_eq!(refused(&[r#"{"e":"tradeplane.carriedBook","s":"A"}"#]).1, Problem::Field("\"u\""));
}

#[test]
fn a_trade_that_was_carried_over_is_followed_and_is_no_row() {
    let carried = r#"{"e":"tradeplane.carriedTrade","s":"BTCUSDT","t":7}"#;
    let trade = |number| format!(r#"{{"e":"trade","s":"BTCUSDT","t":{number},"p":"1","q":"1","m":true}}"#);
    let recorded = recorded(&[carried, &trade(7), &trade(10)]);
    assert_eq!(kinds(&recorded), [Kind::Gap, Kind::Trade]);
    assert_eq!(rows(&recorded)[0], (Kind::Gap, Side::None, lost::TRADES, 2));
    assert_eq!((recorded.left_out, recorded.last_trade), (1, Some((false, 10))));
    let (line, problem) = refused(&[r#"{"e":"tradeplane.carriedTrade","s":"BTCUSDT"}"#]);
    assert_eq!((line, problem), (Some(1), Problem::Field("number of the trade")));
}

proptest! {
    #[test]
    fn no_text_panics_and_what_is_read_is_a_tape(text in text()) {
        if let Ok(found) = read(text.as_bytes(), &options()) {
            for one in found.instruments {
                prop_assert_eq!(one.tape.columns().check(), Ok(()));
            }
        }
    }

    #[test]
    fn changed_bytes_give_a_tape_no_larger_than_they_allow_or_a_refusal(
        text in text(),
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), 0usize..20, prop::collection::vec(any::<u8>(), 0..6)), 1..4,
        ),
    ) {
        let mut bytes = text.into_bytes();
        for (place, gone, new) in changes {
            let start = place.index(bytes.len() + 1);
            let end = (start + gone).min(bytes.len());
            bytes.splice(start..end, new);
        }
        if let Ok(found) = read(&bytes, &options()) {
            for one in found.instruments {
                prop_assert_eq!(one.tape.columns().check(), Ok(()));
                // A level has more bytes than one, and is applied again once at most.
                prop_assert!(one.tape.len() <= 2 * bytes.len());
            }
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, &options());
        let line = [format!("{LOCAL} ").as_bytes(), &bytes].concat();
        let _ = read(&line, &options());
    }
}

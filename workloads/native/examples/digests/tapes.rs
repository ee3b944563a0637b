//! Cases of tapes: a synthetic recording of a venue's stream read from its text, and what comes of it stored and read
//! again.

use _native::pcg64::Pcg64;
use _native::tape::binance::{self, Options};
use _native::tape::{Decoder, Encoded, EncodedColumn, Layout, Origin, Room, Tape, audit, encode};

use super::{Computed, digest};

const MESSAGES: u64 = 40_000;
/// Rows of a batch, as parts have them.
const BATCH: usize = 65_536;
const BEGIN: u64 = 1_700_000_000_000_000_000;

/// A recording, the tape that it is read into, given orders, and how that is stored.
pub struct Recording {
    text: String,
    tape: Tape,
    encoded: Encoded,
}

impl Recording {
    pub fn new() -> Self {
        let text = recording();
        let mut tape = read(&text).instruments.remove(0).tape;
        let mut random = Pcg64::new(11);
        tape.order = (0..tape.len()).map(|_| random.below(1 << 40)).collect();
        let encoded = encode(&tape.columns()).expect("a tape");
        Self { text, tape, encoded }
    }

    /// The text read and audited.
    pub fn import(&self) -> Computed {
        let recording = read(&self.text);
        let found: Vec<_> = recording.instruments.iter().map(|one| audit(&one.tape.columns())).collect();
        Box::new(move |name| {
            let columns = recording.instruments.iter().flat_map(|one| bytes(&one.tape)).collect::<Vec<u8>>();
            let rows: usize = recording.instruments.iter().map(|one| one.tape.len()).sum();
            vec![
                (format!("{name}.columns"), digest(columns)),
                (format!("{name}.findings"), digest(format!("{found:?}").into_bytes())),
                (format!("{name}.count"), rows.to_string()),
            ]
        })
    }

    /// The tape stored.
    pub fn encode(&self) -> Computed {
        let encoded = encode(&self.tape.columns()).expect("a tape");
        Box::new(move |name| {
            let columns = encoded.messages.iter().chain(&encoded.rows);
            let origins: Vec<_> = columns.clone().map(|column| (column.name, column.origin)).collect();
            let planes = columns.flat_map(|column| column.planes.concat());
            let stored = digest(encoded.event.iter().copied().chain(planes));
            vec![
                (format!("{name}.planes"), stored),
                (format!("{name}.origins"), digest(format!("{origins:?}").into_bytes())),
            ]
        })
    }

    /// What was stored, read.
    pub fn decode(&self) -> Computed {
        let tape = decoded(&self.encoded);
        Box::new(move |name| vec![(name.to_owned(), digest(bytes(&tape)))])
    }
}

fn read(text: &str) -> binance::Recording {
    let options = Options { symbol: Some("BTCUSDT".into()), limit: u64::MAX, instruments: 4 };
    binance::read(text.as_bytes(), &options).expect("a recording")
}

/// Lines of two instruments: books with gaps and a late snapshot, trades with missing numbers, and best quotes.
fn recording() -> String {
    let mut random = Pcg64::new(20_261_127);
    let (mut text, mut time, mut updates, mut trades) = (String::new(), BEGIN, [1_000; 2], [1; 2]);
    for message in 0..MESSAGES {
        time += random.below(3_000_000);
        let milliseconds = time / 1_000_000 + random.below(3);
        let of = usize::from(random.below(8) == 0);
        let (symbol, update, trade) = (["BTCUSDT", "ETHUSDT"][of], &mut updates[of], &mut trades[of]);
        let stamp = format!("\"T\":{milliseconds},\"s\":\"{symbol}\"");
        let data = match random.below(20) {
            _ if message == 500 => {
                let (bids, asks) = (levels(&mut random, 500), levels(&mut random, 500));
                format!(r#"{{"lastUpdateId":{},"bids":[{bids}],"asks":[{asks}]}}"#, *update - 8)
            }
            0..10 => {
                let (bids, asks) = (levels(&mut random, 6), levels(&mut random, 6));
                let previous = *update + u64::from(random.below(2_000) == 0);
                let first = previous + 1;
                *update = previous + 5;
                format!(
                    r#"{{"e":"depthUpdate",{stamp},"U":{first},"u":{update},"pu":{previous},"b":[{bids}],"a":[{asks}]}}"#
                )
            }
            10..15 => {
                *trade += 1 + u64::from(random.below(500) == 0);
                let (price, quantity, sold) = (price(&mut random), quantity(&mut random), random.below(2) == 0);
                format!(r#"{{"e":"trade",{stamp},"t":{trade},"p":"{price}","q":"{quantity}","X":"MARKET","m":{sold}}}"#)
            }
            _ => {
                let (bid, ask) = (price(&mut random), price(&mut random));
                let (bids, asks) = (quantity(&mut random), quantity(&mut random));
                format!(
                    r#"{{"e":"bookTicker",{stamp},"u":{update},"b":"{bid}","B":"{bids}","a":"{ask}","A":"{asks}"}}"#
                )
            }
        };
        text.push_str(&format!("{time} {data}\n"));
    }
    text
}

fn levels(random: &mut Pcg64, most: u64) -> String {
    let count = random.below(most);
    let level = |_| format!(r#"["{}","{}"]"#, price(random), quantity(random));
    (0..count).map(level).collect::<Vec<_>>().join(",")
}

fn price(random: &mut Pcg64) -> String {
    format!("{}.{:02}", 60_000 + random.below(500), random.below(100))
}

fn quantity(random: &mut Pcg64) -> String {
    format!("{}.{:03}", random.below(40), random.below(1_000))
}

fn decoded(encoded: &Encoded) -> Tape {
    let (rows, messages) = (encoded.event.len(), encoded.messages[0].planes[0].len());
    let all = encoded.messages.iter().chain(&encoded.rows);
    let columns: Vec<(Origin, usize)> = all.map(|column| (column.origin, column.planes.len())).collect();
    let mut decoder = Decoder::new(&Layout { rows, messages, columns: &columns }).expect("a tape");
    for start in (0..messages).step_by(BATCH) {
        let part = start..(start + BATCH).min(messages);
        decoder.push_messages(&planes(&encoded.messages, part)).expect("a tape");
    }
    decoder.end_messages().expect("a tape");
    let numbers = || vec![0; rows];
    let mut tape = Tape {
        sequence: vec![0; rows],
        exchange_time: numbers(),
        local_time: numbers(),
        kind: vec![0; rows],
        side: vec![0; rows],
        price: numbers(),
        quantity: numbers(),
        order: vec![0; rows],
    };
    for start in (0..rows).step_by(BATCH) {
        let part = start..(start + BATCH).min(rows);
        let room = Room {
            sequence: &mut tape.sequence[part.clone()],
            exchange_time: &mut tape.exchange_time[part.clone()],
            local_time: &mut tape.local_time[part.clone()],
            kind: &mut tape.kind[part.clone()],
            side: &mut tape.side[part.clone()],
            price: &mut tape.price[part.clone()],
            quantity: &mut tape.quantity[part.clone()],
            order: &mut tape.order[part.clone()],
        };
        decoder.push(&encoded.event[part.clone()], &planes(&encoded.rows, part), room).expect("a tape");
    }
    decoder.finish().expect("a tape");
    tape
}

fn planes(columns: &[EncodedColumn], part: std::ops::Range<usize>) -> Vec<&[u8]> {
    columns.iter().flat_map(|column| &column.planes).map(|plane| &plane[part.clone()]).collect()
}

fn bytes(tape: &Tape) -> Vec<u8> {
    let mut bytes = Vec::new();
    for column in [&tape.exchange_time, &tape.local_time, &tape.price, &tape.quantity] {
        bytes.extend(column.iter().flat_map(|number| number.to_le_bytes()));
    }
    for column in [&tape.sequence, &tape.order] {
        bytes.extend(column.iter().flat_map(|number| number.to_le_bytes()));
    }
    bytes.extend(tape.kind.iter().chain(&tape.side));
    bytes
}

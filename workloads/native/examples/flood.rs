//! A stream of market data faster than a venue sends it, to measure what takes it down.
//!
//! `flood MESSAGES RATE` listens on a port of loopback, which it prints, and answers as USD-M futures do: a combined
//! stream of one synthetic book and its trades, and requests for a snapshot of that book. Once a client listens it sends
//! so many messages at so many a second (0: as fast as they are read), then prints how many, in how many seconds.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const SYMBOL: &str = "SYNUSDT";
/// How often what is due is sent.
const TICK: Duration = Duration::from_millis(1);
/// Messages sent together where there is no rate.
const TOGETHER: u64 = 256;
/// First byte of a frame that is a whole text.
const TEXT_FRAME: u8 = 0x81;
/// How long a client has to close the connection, when all is sent.
const PATIENCE: Duration = Duration::from_secs(600);

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let (Some(Ok(messages)), Some(Ok(rate))) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("give the number of messages, and how many a second"));
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    let update = Arc::new(AtomicU64::new(1));
    for stream in listener.incoming() {
        let (stream, update) = (stream?, Arc::clone(&update));
        if is_request_for_a_book(&stream)? {
            thread::spawn(move || answer(stream, &update));
        } else {
            thread::spawn(move || flood(stream, &update, (messages, rate)));
        }
    }
    Ok(())
}

fn is_request_for_a_book(stream: &TcpStream) -> io::Result<bool> {
    let mut start = [0; 9];
    let read = stream.peek(&mut start)?;
    Ok(start[..read].starts_with(b"GET /fapi"))
}

/// Answers one request with the book, which has the same levels all the time.
fn answer(mut stream: TcpStream, update: &AtomicU64) -> io::Result<()> {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request)?;
    let body = format!(
        r#"{{"lastUpdateId":{},"E":1700000000000,"T":1700000000000,"bids":[["60000.0","1"]],"asks":[["60000.1","1"]]}}"#,
        update.load(Ordering::Acquire)
    );
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn flood(stream: TcpStream, update: &AtomicU64, (messages, rate): (u64, u64)) {
    let mut socket = match tungstenite::accept(stream) {
        Ok(socket) => socket,
        Err(error) => return eprintln!("no connection: {error}"),
    };
    let stream = socket.get_mut();
    match send(stream, update, (messages, rate)) {
        Ok(seconds) => println!("{messages} {seconds}"),
        Err(error) => eprintln!("sent in part: {error}"),
    }
    // The connection is the client's to end, when it has read everything.
    let _ = socket.get_ref().set_read_timeout(Some(PATIENCE));
    while socket.read().is_ok() {}
}

fn send(stream: &mut TcpStream, update: &AtomicU64, (messages, rate): (u64, u64)) -> io::Result<f64> {
    stream.set_nodelay(true)?;
    let (started, mut sent, mut frames, mut text) = (Instant::now(), 0, Vec::new(), String::new());
    while sent < messages {
        let due = if rate == 0 { sent + TOGETHER } else { started.elapsed().as_micros() as u64 * rate / 1_000_000 };
        if due <= sent {
            thread::sleep(TICK);
            continue;
        }
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        frames.clear();
        for number in sent..due.min(messages) {
            text.clear();
            message(&mut text, number, time, update).map_err(io::Error::other)?;
            frames.extend([TEXT_FRAME, 126]);
            frames.extend((text.len() as u16).to_be_bytes());
            frames.extend(text.as_bytes());
        }
        stream.write_all(&frames)?;
        sent = due.min(messages);
    }
    Ok(started.elapsed().as_secs_f64())
}

/// Three changes of the book, of a level on each side, and then a trade.
fn message(text: &mut String, number: u64, time: u128, update: &AtomicU64) -> std::fmt::Result {
    let stream = SYMBOL.to_ascii_lowercase();
    if number % 4 == 3 {
        return write!(
            text,
            r#"{{"stream":"{stream}@trade","data":{{"e":"trade","E":{time},"T":{time},"s":"{SYMBOL}","t":{},"p":"60000.1","q":"0.{:03}","X":"MARKET","m":{}}}}}"#,
            number / 4 + 1,
            1 + number % 997,
            number % 8 == 3
        );
    }
    let before = update.fetch_add(1, Ordering::AcqRel);
    write!(
        text,
        r#"{{"stream":"{stream}@depth@100ms","data":{{"e":"depthUpdate","E":{time},"T":{time},"s":"{SYMBOL}","U":{0},"u":{0},"pu":{before},"b":[["{1}.0","0.{2:03}"]],"a":[["{3}.1","0.{2:03}"]]}}}}"#,
        before + 1,
        59_990 + number % 10,
        1 + number % 989,
        60_001 + number % 10
    )
}

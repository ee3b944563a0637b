//! What a capture writes: the messages of a feed as lines of a recording, gathered until they are written together.
//!
//! A line is exactly that of `docs/formats/binance-raw.md`, so what was written is a recording. Messages that none can
//! hold are kept out and counted by why.

use crate::tape::binance::{Intake, KeptOut};

/// Lines that are not written yet, and what was counted of those that were.
#[derive(Debug)]
pub struct Spool {
    intake: Intake,
    symbols: Vec<String>,
    lines: Vec<u8>,
    messages: u64,
    kept_out: [u64; KeptOut::ALL.len()],
    lost: Vec<bool>,
}

impl Spool {
    /// A spool of a feed of these instruments, of messages of at most so many bytes.
    #[must_use]
    pub fn new(symbols: Vec<String>, longest: usize) -> Self {
        let (intake, lost) = (Intake::new(&symbols, longest), vec![false; symbols.len()]);
        Self { intake, symbols, lines: Vec::new(), messages: 0, kept_out: [0; KeptOut::ALL.len()], lost }
    }

    /// Appends a message that came at a local time, or keeps it out. Says whether a book was lost by it.
    pub fn append(&mut self, time: i64, message: &[u8]) -> bool {
        match self.intake.look(time, message, None) {
            Ok(kept) => {
                self.write(time, &[message]);
                self.lost[kept.instrument] |= kept.lost;
                kept.lost
            }
            Err(why) => {
                self.keep_out(why);
                false
            }
        }
    }

    /// Appends the answer to a request for a snapshot of an instrument's book. Says whether the book is known by it.
    ///
    /// # Errors
    /// Why it is kept out.
    pub fn append_snapshot(&mut self, time: i64, instrument: usize, message: &[u8]) -> Result<bool, KeptOut> {
        let message = message.trim_ascii_start();
        let looked = self.intake.look(time, message, Some(instrument));
        let kept = looked.inspect_err(|&why| self.keep_out(why))?;
        // Most markets' answers do not say whose they are: it is added, as the first field.
        match message.split_first() {
            Some((b'{', rest)) if !kept.named => {
                let name = format!("{{\"symbol\":\"{}\",", self.symbols[kept.instrument]);
                self.write(time, &[name.as_bytes(), rest]);
            }
            _ => self.write(time, &[message]),
        }
        Ok(self.intake.knows(instrument))
    }

    /// Appends that there was no feed until now, of every instrument.
    pub fn lose_feed(&mut self, time: i64) {
        self.intake.lose_all();
        for place in 0..self.symbols.len() {
            let line = format!("{{\"e\":\"tradeplane.feedLost\",\"s\":\"{}\"}}", self.symbols[place]);
            self.write(time, &[line.as_bytes()]);
            self.messages -= 1; // ours, and none of the feed's
        }
    }

    /// Notes that what was taken ends a recording.
    pub fn cut(&mut self) {
        self.intake.cut();
    }

    /// The lines since the last time, to be written.
    pub fn take(&mut self) -> Vec<u8> {
        let room = Vec::with_capacity(self.lines.len());
        std::mem::replace(&mut self.lines, room)
    }

    /// Bytes that are not written yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lines.len()
    }

    /// Messages of the feed that were appended.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// How many messages were kept out, by why.
    pub fn kept_out(&self) -> impl Iterator<Item = (KeptOut, u64)> {
        KeptOut::ALL.into_iter().zip(self.kept_out)
    }

    /// The instruments whose book was lost since the last time.
    pub fn take_lost(&mut self) -> Vec<usize> {
        let lost = self.lost.iter_mut().enumerate();
        lost.filter_map(|(place, lost)| std::mem::take(lost).then_some(place)).collect()
    }

    /// Whether the book of an instrument is known.
    #[must_use]
    pub fn knows(&self, instrument: usize) -> bool {
        self.intake.knows(instrument)
    }

    fn write(&mut self, time: i64, pieces: &[&[u8]]) {
        self.lines.extend_from_slice(time.to_string().as_bytes());
        self.lines.push(b' ');
        let start = self.lines.len();
        for piece in pieces {
            self.lines.extend_from_slice(piece);
        }
        // Between the words of JSON an end of a line is as good as a space, and in a recording it is not.
        if memchr::memchr(b'\n', &self.lines[start..]).is_some() {
            self.lines[start..].iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
        }
        self.lines.push(b'\n');
        self.messages += 1;
    }

    fn keep_out(&mut self, why: KeptOut) {
        self.kept_out[why as usize] += 1;
    }
}

#[cfg(test)]
mod tests;

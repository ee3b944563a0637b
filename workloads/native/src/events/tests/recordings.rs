//! Recordings: replayed, cut off anywhere, altered anywhere, and compared.

use super::heard::{Chatting, Had, chatting, feed, header, hear};
use super::*;
use crate::events::journal::{Damage, HEADER_BYTES, Journal, Record, SEAL_INPUTS, first_difference};
use crate::events::{Command, Replayed, Session, replay};

const SETUP: (i64, i64) = (5, 9);

fn setups() -> [Setup; 1] {
    [setup(SETUP.0, SETUP.1, Model::RiskAverse)]
}

fn tape(seed: u64) -> [Tape; 1] {
    [Tape::random(seed, 60, |message| message)]
}

/// What a session has that trades a while and is then stopped.
fn inputs(seed: u64) -> Vec<(i64, Had)> {
    let mut had = hear(&tape(seed), &setups(), 200, chatting(seed));
    let last = had.last().expect("a start").0;
    had.push((last, Had::Command(Command::Flatten)));
    had.push((last - 3, Had::Command(Command::Stop)));
    had
}

fn begin(seed: u64) -> Session<Chatting> {
    Session::new(&header(1, 200), &setups(), None, chatting(seed))
}

/// A session and its whole recording.
fn recorded(seed: u64) -> (Session<Chatting>, Vec<u8>) {
    let mut session = begin(seed);
    feed(&mut session, &tape(seed), &inputs(seed));
    let journal = session.journal().to_vec();
    (session, journal)
}

fn replayed(journal: &[u8], seed: u64) -> Result<Replayed<Chatting>, Damage> {
    replay(journal, |_| begin(seed))
}

/// Everything about a session that has a say in what it does next.
fn state(session: &Session<Chatting>) -> impl PartialEq + std::fmt::Debug + use<> {
    let desk = session.desk();
    (
        rows(desk.log()),
        desk.tickets(0).to_vec(),
        *desk.holding(0),
        (session.next_timer(), session.next_period(), session.inputs(), session.jumps(), session.is_over()),
        (desk.touch(0), desk.view(0).last(), desk.last_order(), session.strategy().randomness()),
    )
}

/// Where each record of a whole recording begins, and the end.
fn places(journal: &[u8]) -> Vec<usize> {
    let mut places = vec![HEADER_BYTES];
    while places[places.len() - 1] < journal.len() {
        let place = places[places.len() - 1];
        let length: [u8; 4] = journal[place..place + 4].try_into().expect("four bytes");
        places.push(place + 21 + u32::from_le_bytes(length) as usize);
    }
    places
}

/// The recording with a bit of a record's payload turned over, and the checksum of what is there then.
fn resealed(journal: &[u8], record: usize, bit: usize) -> Vec<u8> {
    let places = places(journal);
    let (start, end) = (places[record], places[record + 1]);
    let mut altered = journal.to_vec();
    let payload = start + 17..end - 4;
    altered[payload.start + bit / 8 % payload.len()] ^= 1 << (bit % 8);
    let head = crc32c::crc32c(&altered[start..start + 13]);
    let sum = crc32c::crc32c_append(head, &altered[payload]);
    altered[end - 4..end].copy_from_slice(&sum.to_le_bytes());
    altered
}

/// Of a recording, the records that a test is about, counted from 0.
fn those(journal: &[u8], which: impl Fn(&Record) -> bool) -> Vec<usize> {
    let all = Journal::read(journal).expect("sound").records();
    all.enumerate().filter(|(_, record)| which(&record.as_ref().expect("sound").1)).map(|(place, _)| place).collect()
}

fn is_fill(record: &Record) -> bool {
    let Record::Input(recorded) = record else {
        return false;
    };
    matches!(recorded.input(), crate::events::Input::Report { report, .. } if report.event == Event::Fill)
}

fn orders(record: &Record) -> bool {
    matches!(record, Record::Outcome(entries) if entries.iter().any(|entry| entry.row.event == Event::Submit))
}

#[test]
fn a_recording_replayed_is_itself() {
    let (session, journal) = recorded(3);
    let again = replayed(&journal, 3).expect("sound");
    assert_eq!((again.difference, again.torn, again.whole), (None, false, journal.len()));
    assert!(again.session.journal().is_empty());
    assert_eq!(state(&again.session), state(&session));
    assert_eq!(session.jumps(), 1);
    let read = Journal::read(&journal).expect("sound");
    assert_eq!((read.header, read.inputs), (header(1, 200), session.inputs()));
    assert!(those(&journal, is_fill).len() > 3 && those(&journal, orders).len() > 9);
}

#[test]
fn another_strategy_or_seed_is_found_out() {
    let (_, journal) = recorded(3);
    let difference = replayed(&journal, 4).expect("sound").difference.expect("another seed");
    assert!(difference.expected != difference.got);
    // One lot more in a quote: the first order that was sent.
    let setups = setups();
    let maker = |quantity| MarketMaker::<true>::new(Quoting { quantity, ..quoting(40) });
    let had = hear(&tape(3), &setups, 0, maker(3));
    let mut session = Session::new(&header(1, 0), &setups, None, maker(3));
    feed(&mut session, &tape(3), &had);
    let other = replay(session.journal(), |header| Session::new(header, &setups, None, maker(4))).expect("sound");
    let difference = other.difference.expect("other parameters");
    let told = (difference.field.as_str(), difference.expected.as_str(), difference.got.as_str());
    assert_eq!(told, ("row 0 quantity", "3", "4"));
    let first = those(session.journal(), orders)[0] as u64 + 1;
    assert_eq!(difference.record, first);
}

#[test]
fn random_numbers_that_decide_nothing_yet_are_compared_all_the_same() {
    struct Idle(Pcg64);
    impl Strategy for Idle {
        const DEPTH: bool = false;
        const TRADES: bool = false;
        fn start(&mut self, _desk: &mut Desk) {
            self.0.next_u64();
        }
        fn randomness(&self) -> Option<(u128, u128)> {
            Some(self.0.words())
        }
    }
    let begin = |seed| Session::new(&header(1, 0), &setups(), None, Idle(Pcg64::new(seed)));
    let mut session = begin(1);
    feed(&mut session, &[], &[(1, Had::Start), (2, Had::Command(Command::Stop))]);
    assert_eq!(replay(session.journal(), |_| begin(1)).expect("sound").difference, None);
    let difference = replay(session.journal(), |_| begin(2)).expect("sound").difference.expect("another seed");
    assert_eq!((difference.record, difference.field.as_str()), (3, "generator"));
}

#[test]
fn what_is_no_journal_is_refused() {
    let (_, journal) = recorded(3);
    let read = |bytes: &[u8]| Journal::read(bytes).expect_err("no journal");
    assert_eq!(read(&[]), Damage::Short);
    assert_eq!(read(&journal[..HEADER_BYTES - 1]), Damage::Short);
    let with = |place: usize, byte: u8| [&journal[..place], &[byte], &journal[place + 1..]].concat();
    assert_eq!(read(&with(0, b'X')), Damage::NoJournal);
    assert_eq!(read(&with(8, 2)), Damage::Version(2));
    assert_eq!(read(&with(40, journal[40] ^ 1)), Damage::Altered(0));
    // A record that is missing, or there twice.
    let places = places(&journal);
    assert_eq!(read(&[&journal[..places[2]], &journal[places[3]..]].concat()), Damage::Altered(3));
    assert_eq!(read(&[&journal[..places[3]], &journal[places[2]..]].concat()), Damage::Altered(4));
}

#[test]
fn a_file_made_longer_before_it_was_written_is_torn() {
    let (_, journal) = recorded(3);
    let places = places(&journal);
    for cut in [places[5], places[5] + 9, places[5] + 18, places[6] - 4] {
        let longer = [&journal[..cut], &[0; 4_096]].concat();
        let read = Journal::read(&longer).expect("a crash");
        assert_eq!((read.whole, read.torn, read.records), (places[5], true, 5), "cut at {cut}");
    }
}

#[test]
fn of_long_recordings_the_first_difference_is_found_by_their_seals() {
    let record = |other: Option<u64>| {
        let (setups, pair) = (setups(), quoting(1));
        let mut session = Session::new(&header(1, 0), &setups, None, MarketMaker::<false>::new(pair));
        feed(&mut session, &[], &[(2_000, Had::Start)]);
        for input in 1..3 * SEAL_INPUTS {
            let late = i64::from(other == Some(input));
            feed(&mut session, &[], &[(2_000 + 10 * input as i64 + late, Had::Timer)]);
        }
        session.journal().to_vec()
    };
    let journal = record(None);
    let seals = those(&journal, |record| matches!(record, Record::Seal(_)));
    assert_eq!(seals.len(), 3);
    assert_eq!(first_difference(&journal, &journal), Ok(None));
    for input in [1, SEAL_INPUTS - 1, SEAL_INPUTS, 2 * SEAL_INPUTS + 5] {
        let found = first_difference(&journal, &record(Some(input))).expect("sound").expect("a difference");
        assert_eq!((found.input, found.field.as_str()), (input + 1, "time"));
    }
    // A seal that is not true of what is before it does not hide what was altered there.
    let altered = resealed(&journal, 100, 3);
    let found = first_difference(&journal, &altered).expect("sound").expect("a difference");
    assert_eq!((found.record, found.field.as_str()), (101, "time"));
    // A recording that ends earlier.
    let shorter = &journal[..places(&journal)[50]];
    let found = first_difference(&journal, shorter).expect("sound").expect("a difference");
    assert_eq!((found.record, found.expected.as_str(), found.got.as_str()), (51, "timer", "nothing"));
}

#[test]
fn what_decides_beside_the_inputs_is_compared_first() {
    let (_, journal) = recorded(3);
    let mut other = crate::events::journal::Header { seed: 6, ..header(1, 200) }.encode();
    other.extend(&journal[HEADER_BYTES..]);
    let found = first_difference(&journal, &other).expect("sound").expect("a difference");
    assert_eq!(
        (found.record, found.field.as_str(), found.expected.as_str(), found.got.as_str()),
        (0, "seed", "5", "6")
    );
    let mut named = crate::events::journal::Header { session: [1; 16], ..header(1, 200) }.encode();
    named.extend(&journal[HEADER_BYTES..]);
    assert_eq!(first_difference(&journal, &named), Ok(None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// A crash at any byte: what is recovered is what an uninterrupted session is that had as much, it goes on as that
    /// does, to the last byte of its journal, and no order has the name of another.
    #[test]
    fn cut_off_anywhere_a_session_goes_on(seed in any::<u64>(), cut in any::<prop::sample::Index>()) {
        let (uninterrupted, journal) = recorded(seed);
        let cut = HEADER_BYTES + cut.index(journal.len() - HEADER_BYTES + 1);
        let Replayed { mut session, whole, torn, difference } = replayed(&journal[..cut], seed).expect("sound");
        prop_assert_eq!((difference, torn), (None, whole < cut));
        let (had, tapes) = (inputs(seed), tape(seed));
        let (before, after) = had.split_at(session.inputs() as usize);
        let mut fresh = begin(seed);
        feed(&mut fresh, &tapes, before);
        prop_assert_eq!(state(&session), state(&fresh));
        // Only what is not in the recording is to be sent, and is so for the first time.
        let pending: Vec<u64> = session.take_requests().iter().map(|(_, request)| request.id()).collect();
        if !pending.is_empty() {
            prop_assert!(!session.journal().is_empty());
        }
        feed(&mut session, &tapes, after);
        let whole_journal = [&journal[..whole], session.journal()].concat();
        prop_assert!(whole_journal == journal);
        prop_assert_eq!(state(&session), state(&uninterrupted));
        let sent = rows(session.desk().log()).into_iter().filter(|row| row.event == Event::Submit);
        let names: Vec<u64> = sent.map(|row| row.order).collect();
        prop_assert!(names.is_sorted_by(|one, next| one < next));
    }

    /// Bits that rot are found by their record.
    #[test]
    fn a_bit_that_turns_over_is_found(seed in 0u64..8, place in any::<prop::sample::Index>(), bit in 0u32..8) {
        let (_, mut journal) = recorded(seed);
        let place = place.index(journal.len());
        let record = places(&journal).partition_point(|&start| start <= place) as u64;
        journal[place] ^= 1 << bit;
        let damage = Journal::read(&journal).expect_err("altered");
        let expected = match place {
            0..8 => Damage::NoJournal,
            8..12 => Damage::Version(u32::from_le_bytes(journal[8..12].try_into().expect("four bytes"))),
            _ => Damage::Altered(record),
        };
        prop_assert_eq!(damage, expected);
    }

    /// Whatever is altered on purpose, checksum and all: a replay finds it, and a comparison names its record.
    #[test]
    fn what_was_altered_and_sealed_again_is_found(
        seed in 0u64..8, record in any::<prop::sample::Index>(), bit in any::<prop::sample::Index>()
    ) {
        let (_, journal) = recorded(seed);
        let places = places(&journal);
        let count = places.len() - 1;
        // A start and a timer say when alone; that is changed as well.
        let record = record.index(count);
        let payload = places[record + 1] - places[record] - 21;
        let altered = resealed(&journal, record, bit.index(8 * payload));
        match replayed(&altered, seed) {
            Ok(Replayed { difference: Some(difference), .. }) => prop_assert!(difference.record >= record as u64),
            Ok(_) => prop_assert!(false, "record {} was altered, and nothing differs", record + 1),
            Err(damage) => prop_assert_eq!(damage, Damage::Altered(record as u64 + 1)),
        }
        match first_difference(&journal, &altered) {
            Ok(Some(difference)) => prop_assert_eq!(difference.record, record as u64 + 1),
            other => prop_assert_eq!(other, Err(Damage::Altered(record as u64 + 1))),
        }
    }

    /// A fill is found even where no strategy looks at it: by the row of the log it became.
    #[test]
    fn an_altered_fill_or_order_is_found_at_once(
        seed in 0u64..8, which in any::<prop::sample::Index>(), bit in 0usize..64, order in any::<bool>()
    ) {
        let (_, journal) = recorded(seed);
        let records = if order { those(&journal, orders) } else { those(&journal, is_fill) };
        let record = *which.get(&records);
        // The price: after times, instrument, event, reason, name and side; of an order after their number as well.
        let place = 8 + 4 + 8 + 2 + 8 + 1 + if order { 4 } else { 0 };
        let altered = resealed(&journal, record, 8 * place + bit);
        let difference = replayed(&altered, seed).expect("sound").difference.expect("altered");
        let expected = if order { record as u64 + 1..=record as u64 + 1 } else { record as u64 + 1..=record as u64 + 2 };
        prop_assert!(expected.contains(&difference.record), "{}", difference);
        if order {
            prop_assert_eq!(difference.field, "row 0 price");
        }
    }
}

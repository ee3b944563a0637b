//! The session machine: what it decides is what a run on tapes decides that hears the same.

use super::heard::{Had, chatting, feed, header, hear};
use super::*;
use crate::events::{Command, Input, Refusal, Session};

/// Runs on tapes and as a session, and compares logs and accounts.
fn check<S: Strategy>(tapes: &[Tape], setups: &[Setup], period: i64, strategy: impl Fn() -> S) {
    let had = hear(tapes, setups, period, strategy());
    let mut engine = Engine::new(tapes.iter().map(Tape::feed).collect(), setups, None, strategy());
    if period > 0 {
        engine = engine.with_periods(period);
    }
    engine.run().expect("amounts fit");
    let mut session = Session::new(&header(tapes.len(), period), setups, None, strategy());
    feed(&mut session, tapes, &had);
    assert_eq!(rows(session.desk().log()), rows(engine.desk().log()));
    let asked = |log: &Log| rows(log).iter().filter(|row| (row.event as u8) < 3).count();
    assert_eq!(session.take_requests().len(), asked(engine.desk().log()));
    let mut account = session.account().expect("amounts fit");
    let (expected, ..) = engine.into_records();
    // The run's account has a last row, at its last message, which no input of a session need be at.
    account.time.truncate(expected.time.len() - usize::from(period > 0));
    assert_eq!(account.time, expected.time[..account.time.len()]);
}

#[test]
fn targets_are_traded_at_the_ends_of_periods() {
    let tapes = [Tape::random(8, 600, |message| message)];
    let setups = [Setup { cash: 100_000 * ONE, ..setup(3, 4, Model::RiskAverse) }];
    let trader =
        || SignalTrader::new((0..40).map(|period| (period % 3 - 1) * ONE as i64).collect(), 1, ONE as i64, true);
    check(&tapes, &setups, 250, trader);
    let had = hear(&tapes, &setups, 250, trader());
    assert!(had.iter().filter(|(_, had)| *had == Had::Period).count() > 20);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn a_session_decides_as_a_run_that_hears_the_same(
        seed in any::<u64>(), interval in 4i64..90, latencies in prop::collection::vec((1i64..60, 0i64..60), 1..4),
        model in models(), period in prop_oneof![Just(0i64), 50i64..400]
    ) {
        let count = latencies.len() as u64;
        let tape = |one| Tape::random(seed ^ one, 100, move |message| count * message + one);
        let tapes: Vec<Tape> = (0..count).map(tape).collect();
        let setups: Vec<Setup> = latencies.iter().map(|&(entry, response)| setup(entry, response, model)).collect();
        let monkey = || Monkey { random: Pcg64::new(seed), interval };
        check(&tapes, &setups, period, monkey);
        check(&tapes, &setups, period, || Answering(monkey()));
        check(&tapes, &setups, period, || chatting(seed));
        check(&tapes, &setups, period, || MarketMaker::<true>::new(quoting(interval)));
        check(&tapes, &setups, period, || MarketMaker::<false>::new(quoting(interval)));
    }

    #[test]
    fn a_pair_is_traded_as_on_tapes(seed in any::<u64>(), entry in 1i64..60, response in 0i64..60) {
        let tapes = [
            Tape::random(seed, 150, |message| 2 * message),
            Tape::random(seed ^ 1, 150, |message| 2 * message + message % 2),
        ];
        let setups = [setup(entry, response, Model::RiskAverse), setup(response + 1, entry, Model::RiskAverse)];
        let (ratio, quantity) = ([1, 1], [3, 4]);
        let (window, entry, exit, first, interval) = (8, 100, 50, 1_000, 25);
        let pair = Pair { instruments: [0, 1], ratio, quantity, window, entry, exit, first, interval };
        check(&tapes, &setups, 0, || PairsTrader::new(pair));
    }
}

/// 100 / 102 at 1,000, on each of some instruments.
fn quoted(session: &mut Session<impl Strategy>, instruments: usize) {
    let mut tape = Tape::default();
    tape.row(1, (1_000, 1_000), Row::Level, Side::Bid, 100, 9);
    tape.row(1, (1_000, 1_000), Row::Level, Side::Ask, 102, 9);
    let tapes = vec![tape; instruments];
    let messages = (0..instruments).map(|instrument| (1_000, Had::Message(instrument, 0..2)));
    feed(session, &tapes, &messages.collect::<Vec<_>>());
}

fn report(id: u64, event: Event, half: Half, quantity: i64, left: i64) -> Report {
    let price = if half == Half::Bid { 100 } else { 102 };
    Report { exchange_time: 1_100, event, reason: Reason::None, id, half, price, quantity, left, taker: false }
}

/// Quotes both sides of one instrument from 1,050 on.
fn making() -> Session<MarketMaker<false>> {
    let setups = [setup(0, 0, Model::RiskAverse)];
    let mut session = Session::new(&header(1, 0), &setups, None, MarketMaker::new(quoting(1_000)));
    feed(&mut session, &[], &[(1_000, Had::Start)]);
    quoted(&mut session, 1);
    feed(&mut session, &[], &[(1_050, Had::Timer)]);
    session
}

/// What is to be sent: of each request, its order, and the side and lots of a new one.
fn sent(session: &mut Session<impl Strategy>) -> Vec<(u64, Option<(Half, i64)>)> {
    let said = |request: Request| match request {
        Request::Submit(order) => (order.id, Some((order.half, order.quantity))),
        other => (other.id(), None),
    };
    session.take_requests().into_iter().map(|(_, request)| said(request)).collect()
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let mut fresh =
        Session::new(&header(1, 0), &[setup(0, 0, Model::RiskAverse)], None, MarketMaker::<false>::new(quoting(9)));
    assert_eq!(fresh.feed(1, &Input::Timer), Err(Refusal::NotStarted));
    let mut session = making();
    let recorded = session.journal().to_vec();
    let fill = report(1, Event::Fill, Half::Bid, 3, 0);
    let tell = |instrument, report| Input::Report { instrument, report };
    let row = |kind: &'static [u8], sequence: &'static [u64], numbers: &'static [i64]| Input::Message {
        instrument: 0,
        rows: Columns {
            sequence,
            exchange_time: numbers,
            local_time: numbers,
            kind,
            side: kind,
            price: numbers,
            quantity: numbers,
            order: &[],
        },
    };
    let refused = [
        (session.feed(-1, &Input::Timer), Refusal::Time(-1)),
        (session.feed(1 << 62, &Input::Timer), Refusal::Time(1 << 62)),
        (session.feed(1_060, &Input::Start), Refusal::Started),
        (session.feed(1_060, &Input::Timer), Refusal::Timer(Some(2_050))),
        (session.feed(1_060, &Input::Period), Refusal::Period(None)),
        (session.feed(1_060, &tell(1, fill)), Refusal::Instrument(1, 1)),
        (session.feed(1_060, &tell(0, Report { quantity: 0, ..fill })), Refusal::Report("quantity")),
        (session.feed(1_060, &tell(0, Report { left: -1, ..fill })), Refusal::Report("rest")),
        (session.feed(1_060, &tell(0, Report { price: 1 << 60, ..fill })), Refusal::Report("price")),
        (session.feed(1_060, &tell(0, Report { event: Event::Submit, ..fill })), Refusal::Report("event")),
        (session.feed(1_060, &tell(0, Report { exchange_time: -1, ..fill })), Refusal::Report("exchange time")),
        (session.feed(1_060, &row(&[], &[], &[])), Refusal::Rows(0)),
        (session.feed(1_060, &row(&[2, 2], &[1, 2], &[5, 5])), Refusal::Messages),
        (session.feed(1_060, &row(&[2, 2], &[1, 1], &[5, 6])), Refusal::Messages),
        (session.feed(1_060, &row(&[2], &[1], &[1 << 60])), Refusal::Row(Unfit::Price(0))),
    ];
    for (got, expected) in refused {
        assert_eq!(got, Err(expected));
    }
    assert_eq!((session.journal(), session.inputs()), (&recorded[..], 3));
}

#[test]
fn a_clock_that_jumps_back_stands_still() {
    let mut session = making();
    let opened = report(1, Event::Open, Half::Bid, 3, 3);
    feed(&mut session, &[], &[(900, Had::Report(0, opened)), (1_060, Had::Report(0, opened))]);
    let times: Vec<i64> = rows(session.desk().log()).iter().map(|row| row.local_time).collect();
    assert_eq!((times, session.jumps()), (vec![1_050, 1_050, 1_050, 1_060], 1));
}

#[test]
fn reports_that_are_late_or_missing_leave_no_order_behind() {
    let told = |events: &[Event]| {
        let mut session = making();
        for &event in events {
            let left = [Event::Open, Event::Trade]
                .iter()
                .position(|&other| other == event)
                .map_or(0, |traded| 3 - traded as i64);
            let quantity = if event == Event::Trade { 1 } else { 2 };
            feed(&mut session, &[], &[(1_060, Had::Report(0, report(1, event, Half::Bid, quantity, left)))]);
        }
        let bid = session.desk().tickets(0).iter().find(|ticket| ticket.order.id == 1).copied();
        (bid.map(|ticket| (ticket.state, ticket.left)), session.desk().holding(0).position)
    };
    // The acknowledgement comes after a trade, or never.
    assert_eq!(told(&[Event::Trade, Event::Open]), (Some((State::Open, 2)), 1));
    assert_eq!(told(&[Event::Trade, Event::Fill]), (None, 3));
    assert_eq!(told(&[Event::Fill, Event::Open]), (None, 2));
    assert_eq!(told(&[Event::Cancel]), (None, 0));
    assert_eq!(told(&[Event::Open, Event::Refuse]), (None, 0));
}

#[test]
fn requests_go_out_in_the_order_they_were_decided() {
    struct Crosswise;
    impl Strategy for Crosswise {
        const DEPTH: bool = false;
        const TRADES: bool = false;
        fn start(&mut self, desk: &mut Desk) {
            for instrument in [2, 0, 1, 0, 2] {
                desk.submit(instrument, NewOrder::new(0, Half::Bid, Kind::Market, 1)).expect("no limits");
            }
        }
    }
    let setups = [0; 3].map(|_| setup(9, 9, Model::RiskAverse));
    let mut session = Session::new(&header(3, 0), &setups, None, Crosswise);
    feed(&mut session, &[], &[(1_000, Had::Start)]);
    let went: Vec<_> =
        session.take_requests().iter().map(|(instrument, request)| (*instrument, request.id())).collect();
    assert_eq!(went, [(2, 1), (0, 2), (1, 3), (0, 4), (2, 5)]);
    assert!(session.take_requests().is_empty());
}

#[test]
fn halted_it_takes_orders_back_and_refuses_more() {
    let mut session = making();
    assert_eq!(sent(&mut session), [(1, Some((Half::Bid, 3))), (2, Some((Half::Ask, 3)))]);
    feed(&mut session, &[], &[(1_060, Had::Command(Command::Halt))]);
    assert_eq!(sent(&mut session), [(1, None), (2, None)]);
    let gone = |id, half| Had::Report(0, report(id, Event::Cancel, half, 3, 0));
    feed(&mut session, &[], &[(1_070, gone(1, Half::Bid)), (1_070, gone(2, Half::Ask)), (2_050, Had::Timer)]);
    assert_eq!(sent(&mut session), []);
    assert!(session.is_flat() && !session.is_over());
}

#[test]
fn flattened_it_waits_for_its_orders_and_closes_what_is_held() {
    let mut session = making();
    let tell = |id, event, half, quantity, left| (1_060, Had::Report(0, report(id, event, half, quantity, left)));
    feed(&mut session, &[], &[tell(1, Event::Open, Half::Bid, 3, 3), tell(1, Event::Trade, Half::Bid, 2, 1)]);
    session.take_requests();
    feed(&mut session, &[], &[(1_061, Had::Command(Command::Flatten))]);
    assert_eq!(sent(&mut session), [(1, None), (2, None)]);
    // The last lot of the bid trades before it can be taken back; the strategy no longer has a say.
    feed(&mut session, &[], &[tell(1, Event::Fill, Half::Bid, 1, 0)]);
    assert_eq!(sent(&mut session), []);
    assert_eq!(session.feed(9_000, &Input::Timer), Err(Refusal::Timer(None)));
    feed(&mut session, &[], &[tell(2, Event::Cancel, Half::Ask, 3, 0)]);
    assert_eq!(sent(&mut session), [(3, Some((Half::Ask, 3)))]);
    // Half of it finds someone, and the rest expires: so again.
    feed(&mut session, &[], &[tell(3, Event::Trade, Half::Ask, 2, 1), tell(3, Event::Expire, Half::Ask, 3, 0)]);
    assert_eq!(sent(&mut session), [(4, Some((Half::Ask, 1)))]);
    feed(&mut session, &[], &[tell(4, Event::Fill, Half::Ask, 1, 0), (1_090, Had::Command(Command::Stop))]);
    assert!(session.is_flat() && session.is_over() && !session.gave_up());
    assert_eq!(session.feed(9_000, &Input::Timer), Err(Refusal::Over));
}

#[test]
fn getting_flat_is_not_tried_for_ever() {
    let mut session = making();
    let tell = |id, event, half, quantity, left| (1_060, Had::Report(0, report(id, event, half, quantity, left)));
    feed(&mut session, &[], &[tell(1, Event::Fill, Half::Bid, 3, 0), tell(2, Event::Cancel, Half::Ask, 3, 0)]);
    session.take_requests();
    feed(&mut session, &[], &[(1_061, Had::Command(Command::Flatten))]);
    let mut tries = 0;
    while let Some(&(id, _)) = sent(&mut session).first() {
        tries += 1;
        assert!(!session.gave_up() && tries <= 8);
        feed(&mut session, &[], &[tell(id, Event::Refuse, Half::Ask, 3, 3)]);
    }
    assert!(tries == 8 && session.gave_up() && !session.is_flat());
    // Asked again, it tries again.
    feed(&mut session, &[], &[(1_070, Had::Command(Command::Flatten))]);
    assert_eq!(sent(&mut session).len(), 1);
}

#[test]
fn an_amount_past_all_bounds_ends_the_session() {
    let mut session = making();
    let vast = Report { price: (1 << 60) - 1, ..report(1, Event::Fill, Half::Bid, 1 << 59, 0) };
    let input = Input::Report { instrument: 0, report: vast };
    assert_eq!(session.feed(1_060, &input), Err(Refusal::Overflow(crate::fixed::Overflow)));
    assert!(session.is_over() && session.feed(1_061, &input) == Err(Refusal::Over));
}

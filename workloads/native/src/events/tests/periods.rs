//! The account over time, the books of fills, and strategies that decided on bars beforehand.

use super::*;
use crate::engine::Fill;

/// 100 / 102 from the start; trades at 101 and 103 in the first period of 100, none in the second, one in the third.
fn short_tape() -> Tape {
    let mut tape = Tape::default();
    tape.row(1, (1_010, 1_010), Row::Level, Side::Bid, 100, 50);
    tape.row(1, (1_010, 1_010), Row::Level, Side::Ask, 102, 50);
    tape.row(2, (1_020, 1_020), Row::Trade, Side::Bid, 101, 2);
    tape.row(3, (1_100, 1_100), Row::Trade, Side::Bid, 103, 4); // at the very end of the first
    tape.row(4, (1_250, 1_250), Row::Trade, Side::Ask, 99, 1);
    tape.row(5, (1_260, 1_260), Row::Level, Side::Bid, 100, 0);
    tape.row(5, (1_260, 1_260), Row::Level, Side::Bid, 98, 5);
    tape.row(6, (1_330, 1_330), Row::Trade, Side::Ask, 98, 1);
    tape
}

fn with_periods<S: Strategy>(tape: &Tape, setup: &Setup, strategy: S) -> (Account, S, Log) {
    let mut engine = Engine::new(vec![tape.feed()], std::slice::from_ref(setup), None, strategy).with_periods(100);
    engine.run().expect("amounts fit");
    engine.into_records()
}

#[test]
fn bars_are_of_the_trades_heard_in_each_period() {
    let (_, recorder, _) = with_periods(&short_tape(), &setup(1, 1, Model::RiskAverse), Recorder::default());
    assert_eq!(recorder.time, [1_100, 1_200, 1_300]);
    let bar = |open, high, low, close, volume| Some(Bar { open, high, low, close, volume });
    assert_eq!(recorder.bars, [bar(101, 103, 101, 103, 6), None, bar(99, 99, 99, 99, 1)]);
}

#[test]
fn targets_are_traded_at_the_ends_of_periods_and_booked() {
    // Half of 1,000 at the middle of 101 is 4 lots, bought at 102 for 408 and a fee of 0.1 %; then all is sold at 98.
    let setup = Setup { cash: 1_000 * ONE, ..setup(3, 4, Model::RiskAverse) };
    let trader = SignalTrader::new(vec![ONE as i64, ONE as i64, 0], 1, ONE as i64 / 2, false);
    let (account, _, log) = with_periods(&short_tape(), &setup, trader);
    let told: Vec<_> =
        rows(&log).iter().map(|row| (row.local_time, row.event, row.half, row.price, row.quantity)).collect();
    let expected = [
        (1_100, Event::Submit, Half::Bid, 0, 4),
        (1_107, Event::Open, Half::Bid, 0, 4),
        (1_107, Event::Fill, Half::Bid, 102, 4),
        (1_300, Event::Submit, Half::Ask, 0, 4),
        (1_307, Event::Open, Half::Ask, 0, 4),
        (1_307, Event::Fill, Half::Ask, 98, 4),
    ];
    assert_eq!(told, expected);
    // 1,000 - 408 - 0.408 = 591.592 in cash; 4 lots are worth 404 at 101, and 400 at 100; 391.608 come back.
    let milli = |amounts: &[i128]| amounts.iter().map(|amount| amount / 1_000_000).collect::<Vec<_>>();
    assert_eq!(account.time, [1_010, 1_100, 1_200, 1_300, 1_330]);
    assert_eq!(milli(&account.cash), [1_000_000, 1_000_000, 591_592, 591_592, 983_200]);
    assert_eq!(milli(&account.net), [0, 0, 404_000, 400_000, 0]);
    assert_eq!(milli(&account.equity), [1_000_000, 1_000_000, 995_592, 991_592, 983_200]);
    assert_eq!((account.held, &account.gross), (2, &account.net));
    let booked = fills(&log, &[setup.instrument], &account.time).expect("amounts fit");
    let [(2, 1_100, bought), (5, 1_300, sold)] = &booked[..] else {
        panic!("two fills, of rows 2 and 5: {booked:?}");
    };
    assert_eq!((bought.decision, bought.bar, bought.quantity, bought.realized), (1, 2, 4, 0));
    // 392 - 408, less 0.392 and 0.408.
    assert_eq!((sold.decision, sold.bar, sold.position, sold.realized / 1_000_000), (3, 4, 0, -16_800));
}

#[test]
fn short_targets_count_as_none_where_they_are_not_allowed() {
    let setup = Setup { cash: 1_000 * ONE, ..setup(3, 4, Model::RiskAverse) };
    let targets = vec![-(ONE as i64); 3];
    let sold = |allow| with_periods(&short_tape(), &setup, SignalTrader::new(targets.clone(), 1, ONE as i64, allow)).2;
    assert!(sold(false).is_empty());
    assert_eq!(sold(true).row(0).half, Half::Ask);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn periods_change_nothing_and_the_books_agree_with_the_account(
        seed in any::<u64>(), model in models(), inverse in any::<bool>(), length in 1i64..2_000,
    ) {
        let tape = Tape::random(seed, 300, |message| message);
        let settlement = if inverse { Settlement::Inverse } else { Settlement::Linear };
        let instrument = Instrument { settlement, numerator: 1_000 * ONE, denominator: 1 };
        let setup = Setup { instrument, fees: Fees::default(), cash: 5_000_000 * ONE, ..setup(7, 9, model) };
        let monkey = || Monkey { random: Pcg64::new(seed), interval: 23 };
        let plain = run(vec![tape.feed()], std::slice::from_ref(&setup), monkey());
        let mut engine =
            Engine::new(vec![tape.feed()], std::slice::from_ref(&setup), None, monkey()).with_periods(length);
        engine.run().expect("amounts fit");
        let last_worth = engine.desk().worth(0).expect("fits");
        let held = engine.desk().holding(0).position;
        let (account, _, log) = engine.into_records();
        prop_assert_eq!(plain.digest(), log.digest());
        for row in 0..account.time.len() {
            prop_assert_eq!(account.equity[row], account.cash[row] + account.net[row]);
        }
        prop_assert!(account.time.windows(2).all(|pair| pair[0] < pair[1]));
        let booked = fills(&log, &[instrument], &account.time).expect("amounts fit");
        let realized: i128 = booked.iter().map(|(_, _, fill)| fill.realized).sum();
        let (position, entry) =
            booked.last().map_or((0, 0), |(_, _, Fill { position, entry_value, .. })| (*position, *entry_value));
        prop_assert_eq!(position, held);
        // What was paid for what is still held; of an inverse future, what was got for it.
        let paid = i128::from(position.signum()) * if inverse { -entry } else { entry };
        prop_assert_eq!(account.equity.last().copied(), Some(setup.cash + realized + last_worth - paid));
    }
}

#[test]
fn cash_and_the_day_s_loss_are_the_account_s() {
    // One instrument loses 30 of the account's 60; the limit of 25 is on the other.
    let mut first = Tape::default();
    first.row(1, (1_000, 1_000), Row::Level, Side::Bid, 100, 90);
    first.row(1, (1_000, 1_000), Row::Level, Side::Ask, 101, 90);
    first.row(3, (1_081, 1_081), Row::Level, Side::Bid, 100, 0);
    first.row(3, (1_081, 1_081), Row::Level, Side::Bid, 90, 5);
    first.row(5, (1_300, 1_300), Row::Trade, Side::None, 95, 1);
    let mut second = Tape::default();
    second.row(2, (1_000, 1_000), Row::Level, Side::Bid, 10, 90);
    second.row(2, (1_000, 1_000), Row::Level, Side::Ask, 11, 90);
    second.row(4, (1_290, 1_290), Row::Level, Side::Ask, 11, 91);
    struct Buys;
    impl Strategy for Buys {
        const DEPTH: bool = false;
        const TRADES: bool = false;
        fn start(&mut self, desk: &mut Desk) {
            desk.wake(1_010);
        }
        fn on_timer(&mut self, desk: &mut Desk) {
            let instrument = usize::from(desk.now() > 1_010);
            let _ = desk.submit(instrument, NewOrder::new(0, Half::Bid, Kind::Limit { price: 101 }, 3));
            desk.wake(desk.now() + 100);
        }
    }
    let spot = Instrument { settlement: Settlement::Spot, numerator: ONE, denominator: 1 };
    let limits = Limits { daily_loss: Some(25 * ONE), ..Limits::default() };
    let paying = Setup { instrument: spot, fees: Fees::default(), ..setup(1, 2, Model::RiskAverse) };
    // 303 are needed, and neither instrument alone has brought them.
    let setups = [Setup { cash: 200 * ONE, ..paying.clone() }, Setup { cash: 110 * ONE, limits, ..paying }];
    let log = run(vec![first.feed(), second.feed()], &setups, Buys);
    let told: Vec<_> = rows(&log).iter().map(|row| (row.local_time, row.instrument, row.event, row.reason)).collect();
    let expected = [
        (1_010, 0, Event::Submit, Reason::None),
        (1_013, 0, Event::Open, Reason::None),
        (1_013, 0, Event::Fill, Reason::None),
        (1_110, 0, Event::Halt, Reason::DailyLoss),
        (1_110, 1, Event::Halt, Reason::DailyLoss),
        (1_110, 1, Event::Refuse, Reason::DailyLoss),
        (1_210, 1, Event::Refuse, Reason::Halted),
    ];
    assert_eq!(told, expected);
}

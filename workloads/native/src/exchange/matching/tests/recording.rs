//! Arbitrary interleavings of market and requests: recorded, replayed, cut and altered.

use super::*;
use crate::exchange::matching::record::{Damage, HEADER_BYTES, Step, Steps, append, header};
use crate::exchange::matching::replay::Stop;
use proptest::prelude::*;

const MARKET: [u8; 32] = [7; 32];

/// What may happen next.
#[derive(Debug, Clone)]
enum Happening {
    Row(Row, Side, i64, i64),
    Begin,
    Submit(u32, Order),
    Cancel(u32, u64),
    Replace(u32, u64, i64, i64),
}

fn half() -> impl Strategy<Value = Half> {
    prop_oneof![Just(Half::Bid), Just(Half::Ask)]
}

fn an_order() -> impl Strategy<Value = Order> {
    let price = 90i64..110;
    let kind = prop_oneof![
        2 => Just(Kind::Market),
        6 => price.clone().prop_map(|price| Kind::Limit { price }),
        1 => price.clone().prop_map(|trigger| Kind::Stop { trigger }),
        1 => price.clone().prop_map(|trigger| Kind::TakeProfit { trigger }),
        1 => (price.clone(), price).prop_map(|(trigger, price)| Kind::StopLimit { trigger, price }),
        1 => (1i64..5).prop_map(|distance| Kind::TrailingStop { distance }),
    ];
    let terms = prop_oneof![
        6 => Just(TimeInForce::GoodTillCancelled),
        1 => Just(TimeInForce::ImmediateOrCancel),
        1 => Just(TimeInForce::FillOrKill),
        2 => Just(TimeInForce::PostOnly),
    ];
    // Orders are numbered from 1 as they are sent: half of those that are sent name an order before them.
    let linked = prop_oneof![2 => Just(0u64), 1 => 1u64..12];
    (half(), kind, terms, 0i64..8, prop::bool::weighted(0.1), 0u8..12, linked.clone(), linked).prop_map(
        |(half, kind, time_in_force, quantity, reduce_only, name, peer, parent)| {
            let client = name.to_string().into();
            Order { half, kind, time_in_force, quantity, display: quantity / 2, reduce_only, peer, parent, client }
        },
    )
}

fn happening() -> impl Strategy<Value = Happening> {
    let side = prop_oneof![Just(Side::Bid), Just(Side::Ask)];
    let level = (side.clone(), 90i64..110, 0i64..9).prop_map(|(side, price, lots)| {
        // Bids below 100 and asks from there on: a book as markets have it.
        let price = if side == Side::Bid { 189 - price.max(90) } else { price + 10 };
        Happening::Row(Row::Level, side, (price + 100) / 2 + i64::from(side == Side::Ask), lots)
    });
    prop_oneof![
        8 => level,
        4 => (side, 90i64..110, 1i64..5).prop_map(|(side, price, lots)| Happening::Row(Row::Trade, side, price, lots)),
        1 => Just(Happening::Row(Row::Clear, Side::None, 0, 0)),
        1 => Just(Happening::Begin),
        8 => (0u32..2, an_order()).prop_map(|(account, order)| Happening::Submit(account, order)),
        2 => (0u32..2, 1u64..40).prop_map(|(account, id)| Happening::Cancel(account, id)),
        2 => (0u32..2, 1u64..40, 90i64..110, 0i64..9)
            .prop_map(|(account, id, price, lots)| Happening::Replace(account, id, price, lots)),
    ]
}

fn settlement() -> impl Strategy<Value = Settlement> {
    prop_oneof![Just(Settlement::Spot), Just(Settlement::Linear), Just(Settlement::Inverse)]
}

/// A run, with its record.
struct Run {
    scene: Scene,
    settlement: Settlement,
    bytes: Vec<u8>,
    outcomes: Vec<Outcome>,
}

fn run(settlement: Settlement, happenings: &[Happening]) -> Run {
    let mut scene = Scene::new(settlement, &[]);
    scene.exchange = Exchange::new(vec![listing(settlement)], 2, 10);
    scene.time = 0;
    let mut done = Run { scene, settlement, bytes: header(&MARKET), outcomes: vec![] };
    for _ in 0..2 {
        done.apply(&Input::Account { name: "a".into(), opening: vec![20 * ONE, 2000 * ONE] });
    }
    done.apply(&Input::Market { instrument: 0, first: 0, end: 4 });
    for happening in happenings {
        let (instrument, input) = (0, happening.clone());
        let input = match input {
            Happening::Row(kind, side, price, quantity) => {
                done.scene.rows.push(kind, side, price, quantity);
                let end = done.scene.rows.times.len() as u64;
                Input::Market { instrument, first: end - 1, end }
            }
            Happening::Begin => Input::BeginAgain { instrument },
            Happening::Submit(account, order) => Input::Submit { account, instrument, order },
            Happening::Cancel(account, id) => Input::Cancel { account, instrument, id },
            Happening::Replace(account, id, price, quantity) => {
                Input::Replace { account, instrument, id, price, quantity }
            }
        };
        done.apply(&input);
    }
    done
}

impl Run {
    fn apply(&mut self, input: &Input) {
        let outcomes = self.scene.apply(input);
        let exchange = &self.scene.exchange;
        append(&mut self.bytes, exchange.inputs(), exchange.time(), input, &outcomes);
        self.outcomes.extend(outcomes);
    }

    fn steps(&self) -> Vec<Step> {
        Steps::new(&self.bytes, &MARKET).expect("a record").collect::<Result<_, _>>().expect("whole")
    }

    fn replay(&self, steps: &[Step]) -> Result<Exchange, Stop> {
        let mut exchange = Exchange::new(vec![listing(self.settlement)], 2, 10);
        let tape = [self.scene.rows.columns()];
        steps.iter().try_for_each(|step| exchange.again(step, &tape))?;
        Ok(exchange)
    }
}

fn books(exchange: &Exchange) -> Vec<(Option<Balance>, Option<Balance>, Option<Holding>)> {
    let of = |account| (exchange.balance(account, 0), exchange.balance(account, 1), exchange.holding(account, 0));
    (0..2).map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_record_replays_to_the_same_outcomes_and_the_same_accounts(
        settlement in settlement(), happenings in prop::collection::vec(happening(), 0..80),
    ) {
        let run = run(settlement, &happenings);
        let steps = run.steps();
        let recorded: Vec<Outcome> = steps.iter().flat_map(|step| step.outcomes.clone()).collect();
        prop_assert_eq!(&recorded, &run.outcomes);
        let again = run.replay(&steps).expect("the same");
        prop_assert_eq!(books(&again), books(&run.scene.exchange));
        prop_assert_eq!(again.inputs(), run.scene.exchange.inputs());
    }

    #[test]
    fn money_is_neither_made_nor_lost(
        settlement in settlement(), happenings in prop::collection::vec(happening(), 0..80),
    ) {
        let run = run(settlement, &happenings);
        let instrument = listing(settlement).instrument;
        for (account, (base, quote, holding)) in books(&run.scene.exchange).into_iter().enumerate() {
            let (base, quote, holding) = (base.expect("base"), quote.expect("quote"), holding.expect("position"));
            let mine = run.outcomes.iter().filter(|outcome| outcome.account as usize == account && outcome.trade > 0);
            let (mut lots, mut worth, mut fees, mut gained) = (0, 0, 0, 0);
            for outcome in mine {
                let traded = outcome.report.half.sign() * outcome.report.quantity;
                lots += traded;
                worth += instrument.worth(traded, outcome.report.price).expect("fits");
                fees += outcome.fee;
                gained += outcome.realized;
            }
            prop_assert_eq!(holding.lots, lots);
            let (cash, coins) = (quote.free + quote.locked, base.free + base.locked);
            if settlement == Settlement::Spot {
                prop_assert_eq!(cash, 2000 * ONE - worth - fees);
                prop_assert_eq!(coins, 20 * ONE + i128::from(lots) * ONE);
                prop_assert!(base.free >= 0 && quote.free >= 0, "{base:?} {quote:?}");
            } else {
                prop_assert_eq!(cash, 2000 * ONE + gained - fees);
                prop_assert_eq!(gained - holding.entry, -worth);
                prop_assert_eq!((quote.locked, coins), (0, 20 * ONE));
            }
            prop_assert!(base.locked >= 0 && quote.locked >= 0);
        }
    }

    #[test]
    fn a_record_cut_anywhere_is_whole_up_to_there(
        settlement in settlement(), happenings in prop::collection::vec(happening(), 1..20), cut in any::<prop::sample::Index>(),
    ) {
        let run = run(settlement, &happenings);
        let length = HEADER_BYTES + cut.index(run.bytes.len() - HEADER_BYTES);
        let mut steps = Steps::new(&run.bytes[..length], &MARKET).expect("a record");
        let read = steps.by_ref().collect::<Result<Vec<_>, _>>().expect("torn, not altered");
        prop_assert!(steps.whole() <= length);
        prop_assert_eq!(&read[..], &run.steps()[..read.len()]);
        prop_assert!(run.replay(&read).is_ok());
    }

    #[test]
    fn a_flipped_bit_is_found(
        happenings in prop::collection::vec(happening(), 1..20), place in any::<prop::sample::Index>(), bit in 0u8..8,
    ) {
        let mut run = run(Settlement::Linear, &happenings);
        let place = place.index(run.bytes.len());
        run.bytes[place] ^= 1 << bit;
        let read = Steps::new(&run.bytes, &MARKET).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        prop_assert!(read.is_err());
    }

    #[test]
    fn an_outcome_altered_under_a_new_checksum_is_named(
        settlement in settlement(), happenings in prop::collection::vec(happening(), 20..60), which in any::<prop::sample::Index>(),
    ) {
        let run = run(settlement, &happenings);
        let mut steps = run.steps();
        let traded: Vec<usize> = (0..steps.len()).filter(|&step| !steps[step].outcomes.is_empty()).collect();
        prop_assume!(!traded.is_empty());
        let step = traded[which.index(traded.len())];
        steps[step].outcomes[0].report.quantity ^= 1;
        let Err(Stop::Divergence(found)) = run.replay(&steps).map(drop) else {
            panic!("the altered outcome went unseen");
        };
        prop_assert_eq!((found.input, found.place, found.field), (steps[step].number, 0, Some("quantity")));
    }
}

#[test]
fn what_is_no_record_of_this_market_is_refused() {
    let bytes = header(&MARKET);
    let damage = |bytes: &[u8], market| Steps::new(bytes, market).err();
    assert_eq!(damage(&bytes, &MARKET), None);
    assert_eq!(damage(&bytes, &[8; 32]), Some(Damage::OtherMarket));
    assert_eq!(damage(&bytes[..40], &MARKET), Some(Damage::Short));
    let with = |place: usize, byte| {
        let mut bytes = bytes.clone();
        bytes[place] = byte;
        damage(&bytes, &MARKET)
    };
    assert_eq!(with(0, b'X'), Some(Damage::NoRecord));
    assert_eq!(with(8, 9), Some(Damage::Version(9)));
    assert_eq!(with(20, 1), Some(Damage::Altered(0)));
}

#[test]
fn an_input_that_was_left_out_is_missed() {
    let run = run(Settlement::Linear, &[]);
    let mut steps = run.steps();
    steps.remove(1);
    let mut bytes = header(&MARKET);
    for step in &steps {
        append(&mut bytes, step.number, step.time, &step.input, &step.outcomes);
    }
    let read = Steps::new(&bytes, &MARKET).expect("a record").collect::<Result<Vec<_>, _>>();
    assert_eq!(read, Err(Damage::Altered(2)));
}

#[test]
fn an_input_of_another_market_is_named() {
    let run = run(Settlement::Linear, &[]);
    let mut steps = run.steps();
    steps[2].input = Input::Market { instrument: 0, first: 2, end: 99 };
    assert_eq!(run.replay(&steps).map(drop), Err(Stop::Fault(3, Fault::Rows(2, 99))));
}

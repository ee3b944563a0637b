//! Where an order stands in the queue at its price.
//!
//! A tape of price levels does not tell which orders left a level, those ahead of ours or those behind; a model says.
//! Quantities ahead are billionths of a lot in 128 bits. Where a probability is estimated, the power or logarithm is
//! the `libm` crate's and the probability is rounded half to even to a billionth: from there on all is integers.

use crate::fixed::{ONE, divide};
use crate::pcg64::Pcg64;

/// The function f of a probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Function {
    /// f(x) = x^n.
    Power(f64),
    /// f(x) = ln(1 + x).
    Logarithm,
}

impl Function {
    fn of(self, lots: f64) -> f64 {
        match self {
            Self::Power(exponent) => libm::pow(lots, exponent),
            Self::Logarithm => libm::log1p(lots),
        }
    }
}

/// How a probability follows from the quantities in front of an order and behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// f(back) / (f(back) + f(front)).
    Parts,
    /// f(back) / f(back + front).
    Whole,
    /// 1 - f(front / (front + back)).
    Rest,
}

/// The probability that what leaves a level leaves from behind an order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probability {
    /// The function.
    pub function: Function,
    /// What of it.
    pub form: Form,
}

impl Probability {
    /// The probability in billionths, from lots in front and behind, both in billionths and 0 or more. Where the
    /// fraction has no value (nothing in front or behind) it is 1.
    #[must_use]
    pub fn billionths(self, front: i128, back: i128) -> i128 {
        let lots = |billionths: i128| billionths as f64 / 1e9;
        let (front, back) = (lots(front), lots(back));
        let f = |lots| self.function.of(lots);
        let probability = match self.form {
            Form::Parts => f(back) / (f(back) + f(front)),
            Form::Whole => f(back) / f(back + front),
            Form::Rest => 1.0 - f(front / (front + back)),
        };
        if !probability.is_finite() {
            return ONE;
        }
        ((probability * 1e9).round_ties_even() as i128).clamp(0, ONE)
    }
}

/// Which model of the queue is used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Model {
    /// Only trades move the order forward; cancellations are all behind it, as far as the level still holds them.
    RiskAverse,
    /// What leaves without a trade is divided between behind and in front by a probability.
    Probable(Probability),
    /// What leaves without a trade leaves as a whole from behind or from in front, drawn with a probability.
    Drawn {
        /// Of leaving from behind.
        probability: Probability,
        /// Of the draws, recorded with the run.
        seed: u64,
    },
    /// As the orders of the tape show; needs a tape with orders.
    Exact,
}

/// An order's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Billionths of lots ahead; below zero where trades have passed the order.
    ahead: i128,
    /// Lots traded at the level since its quantity was last told.
    traded: i64,
    /// Number of the next market order to join when this one did.
    joined: u64,
}

/// A model with what it needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Queue {
    model: Model,
    random: Pcg64,
}

impl Queue {
    /// A queue after a model.
    #[must_use]
    pub fn new(model: Model) -> Self {
        let seed = if let Model::Drawn { seed, .. } = model { seed } else { 0 };
        Self { model, random: Pcg64::new(seed) }
    }

    /// Whether it needs a tape with orders.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.model == Model::Exact
    }

    /// The place of an order that joins a level holding `quantity` lots, before market order number `next` does.
    #[must_use]
    pub fn join(&self, quantity: i64, next: u64) -> Position {
        Position { ahead: i128::from(quantity) * ONE, traded: 0, joined: next }
    }

    /// `quantity` lots traded at the level.
    pub fn trade(&self, position: &mut Position, quantity: i64) {
        position.ahead -= i128::from(quantity) * ONE;
        position.traded = position.traded.saturating_add(quantity);
    }

    /// The level's quantity went from `before` to `after`, trades told before included.
    pub fn level(&mut self, position: &mut Position, before: i64, after: i64) {
        let most = i128::from(after) * ONE;
        let left = (i128::from(before) - i128::from(after) - i128::from(std::mem::take(&mut position.traded))) * ONE;
        if left > 0 && position.ahead > 0 {
            position.ahead -= self.ahead_of(position.ahead, i128::from(before) * ONE, left);
        }
        position.ahead = position.ahead.min(most);
    }

    /// How much of what left a level of `before` left from ahead of an order.
    fn ahead_of(&mut self, front: i128, before: i128, left: i128) -> i128 {
        let back = (before - front).max(0);
        match self.model {
            Model::RiskAverse | Model::Exact => 0,
            Model::Probable(probability) => {
                let behind = divide(probability.billionths(front, back) * left, ONE).min(back);
                left - behind
            }
            Model::Drawn { probability, .. } => {
                let drawn = i128::from(self.random.below(ONE as u64));
                if drawn < probability.billionths(front, back) { (left - back).max(0) } else { left.min(front) }
            }
        }
    }

    /// `left` lots of a market order that joined as number `joined` left the level, by a trade or not; gives how many
    /// lots of ours that trade would have taken first.
    pub fn order_left(&self, position: &mut Position, left: i64, joined: u64, traded: bool) -> i64 {
        if joined < position.joined {
            position.ahead -= i128::from(left) * ONE;
            0
        } else if traded {
            left
        } else {
            0
        }
    }

    /// How many lots at an order's price trades have reached by now.
    #[must_use]
    pub fn reached(&self, position: &Position) -> i64 {
        i64::try_from((-position.ahead).max(0) / ONE).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lots(position: &Position) -> f64 {
        position.ahead as f64 / 1e9
    }

    const SQUARE: Probability = Probability { function: Function::Power(2.0), form: Form::Parts };

    #[test]
    fn the_averse_move_forward_by_trades_alone() {
        let mut queue = Queue::new(Model::RiskAverse);
        let mut position = queue.join(10, 0);
        queue.level(&mut position, 10, 7); // 3 cancelled: 7 are there, so no more than 7 are ahead
        assert_eq!(lots(&position), 7.0);
        queue.level(&mut position, 7, 20); // joined behind
        queue.trade(&mut position, 6);
        assert_eq!((lots(&position), queue.reached(&position)), (1.0, 0));
        queue.trade(&mut position, 4); // 1 ahead, so 3 of ours
        assert_eq!(queue.reached(&position), 3);
    }

    #[test]
    fn what_traded_is_not_taken_off_twice() {
        for model in [Model::RiskAverse, Model::Probable(SQUARE), Model::Drawn { probability: SQUARE, seed: 1 }] {
            let mut queue = Queue::new(model);
            let mut position = queue.join(10, 0);
            queue.level(&mut position, 10, 30);
            queue.trade(&mut position, 4);
            queue.level(&mut position, 30, 26);
            assert_eq!(lots(&position), 6.0, "{model:?}");
        }
    }

    #[test]
    fn what_leaves_is_divided_by_the_probability() {
        let mut queue = Queue::new(Model::Probable(SQUARE));
        let mut position = queue.join(10, 0);
        queue.level(&mut position, 10, 30);
        // 10 in front, 20 behind: 400 / (400 + 100) = 0.8 of the 5 leave from behind, 1 from in front.
        queue.level(&mut position, 30, 25);
        assert_eq!(lots(&position), 9.0);
    }

    #[test]
    fn no_more_leaves_from_behind_than_is_there() {
        let mut queue = Queue::new(Model::Probable(SQUARE));
        let mut position = queue.join(10, 0);
        queue.level(&mut position, 10, 30);
        // 0.8 of 28 would be 22.4 from behind, where there are 20: 8 leave from in front.
        queue.level(&mut position, 30, 2);
        assert_eq!(lots(&position), 2.0);
    }

    #[test]
    fn the_forms_of_a_probability() {
        let power = |form| Probability { function: Function::Power(1.0), form };
        let (front, back) = (3 * ONE, ONE);
        assert_eq!(power(Form::Parts).billionths(front, back), ONE / 4);
        assert_eq!(power(Form::Whole).billionths(front, back), ONE / 4);
        assert_eq!(power(Form::Rest).billionths(front, back), ONE / 4);
        let logarithm = |form| Probability { function: Function::Logarithm, form };
        // ln 2 / (ln 2 + ln 4) = 1/3; ln 2 / ln 5 = 0.430676558...; 1 - ln 1.75 = 0.440384212...
        assert_eq!(logarithm(Form::Parts).billionths(front, back), 333_333_333);
        assert_eq!(logarithm(Form::Whole).billionths(front, back), 430_676_558);
        assert_eq!(logarithm(Form::Rest).billionths(front, back), 440_384_212);
    }

    #[test]
    fn nothing_in_front_and_behind_has_a_probability_all_the_same() {
        for form in [Form::Parts, Form::Whole, Form::Rest] {
            assert_eq!(Probability { function: Function::Power(2.0), form }.billionths(0, 0), ONE);
        }
    }

    #[test]
    fn a_draw_moves_all_or_nothing_and_repeats_with_its_seed() {
        let run = |seed| {
            let mut queue = Queue::new(Model::Drawn { probability: SQUARE, seed });
            let moves: Vec<f64> = (0..64)
                .map(|_| {
                    let mut position = queue.join(10, 0);
                    queue.level(&mut position, 10, 20);
                    queue.level(&mut position, 20, 15);
                    lots(&position)
                })
                .collect();
            assert!(moves.iter().all(|&ahead| ahead == 10.0 || ahead == 5.0));
            moves
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn an_exact_queue_knows_who_was_first() {
        let queue = Queue::new(Model::Exact);
        let mut position = queue.join(10, 5);
        assert_eq!(queue.order_left(&mut position, 4, 3, false), 0);
        assert_eq!(lots(&position), 6.0);
        assert_eq!(queue.order_left(&mut position, 2, 8, false), 0); // cancelled behind
        assert_eq!(lots(&position), 6.0);
        assert_eq!(queue.order_left(&mut position, 2, 9, true), 2); // traded behind: ours would have
    }
}

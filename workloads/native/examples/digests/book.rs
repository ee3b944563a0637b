//! The case of a book's search for the next level: one side of it, whose best levels go as often as others come.

use _native::book::{Ladder, NOTHING, WINDOW};
use _native::pcg64::Pcg64;

use super::{Computed, digest};

const ACTS: usize = 200_000;
/// Acts after which all levels are written down.
const EVERY: usize = 5_000;

/// A key and its quantity; `None` where the best level goes.
pub struct Acts(Vec<Option<(i64, i64)>>);

impl Acts {
    /// Levels around a middle that walks, one in four of them up to thousands of ticks behind it.
    pub fn new() -> Self {
        let (mut random, mut middle) = (Pcg64::new(4), 0);
        let act = |_| {
            middle += random.below(5) as i64 - 2;
            let reach = if random.below(4) == 0 { 9_000 } else { 60 };
            let key = middle - random.below(reach) as i64;
            (random.below(2) == 0).then(|| (key, 1 + random.below(50) as i64))
        };
        Self((0..ACTS).map(act).collect())
    }

    /// The best level after each act, and from time to time every level.
    pub fn done(&self) -> Computed {
        let mut side = Ladder::new(WINDOW);
        let (mut best, mut levels) = (Vec::with_capacity(ACTS), Vec::new());
        for (number, act) in self.0.iter().enumerate() {
            match *act {
                Some((key, quantity)) => drop(side.set(key, quantity)),
                None if side.best() != NOTHING => drop(side.set(side.best(), 0)),
                None => {}
            }
            best.push(side.best());
            if number % EVERY == 0 {
                levels.extend(side.levels().flat_map(|(key, quantity)| [key, quantity]));
            }
        }
        Box::new(move |name| {
            let lines = [("best", &best), ("levels", &levels)];
            let text = |numbers: &Vec<i64>| digest(numbers.iter().flat_map(|number| number.to_le_bytes()));
            lines.into_iter().map(|(part, numbers)| (format!("{name}.{part}"), text(numbers))).collect()
        })
    }
}

//! How far a run's Sharpe ratio may lie elsewhere by chance: ratios of its returns drawn anew.
//!
//! The stationary bootstrap of D. N. Politis and J. P. Romano (Journal of the American Statistical Association 89,
//! 1994): a sample is blocks of consecutive returns, from places drawn uniformly, of lengths drawn geometrically, the
//! first return following the last; so what follows what within a block stays as it was. docs/results.md states which
//! draw is which. Each sample has a generator of its own, so samples are summed side by side, one a lane, and each sum
//! runs in the order of its draws on every path.

use fearless_simd::{Simd, SimdBase};

use crate::pcg64::Pcg64;
use crate::simd::{self, Kernel, Path, store};
use crate::statistics::{Year, known_returns};

/// A sum of squares around the mean of a sample below this share of that around nothing is what rounding left of none.
const ROUNDING: f64 = 1.0 / (1_u64 << 40) as f64;

/// What is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Resampling {
    /// Number of samples.
    pub samples: usize,
    /// Mean number of returns of a block, above zero.
    pub block: u64,
    /// Seed of the draws.
    pub seed: u64,
}

/// The Sharpe ratios of samples, ascending; `None` where the run's own is not defined. Samples that have no variance
/// have none and are left out.
///
/// # Panics
/// Where blocks have no length.
#[must_use]
pub fn sharpe_ratios(equity: &[i128], year: Year, resampling: Resampling) -> Option<Vec<f64>> {
    ratios_on(simd::active(), equity, year, resampling)
}

fn ratios_on(path: Path, equity: &[i128], year: Year, resampling: Resampling) -> Option<Vec<f64>> {
    assert!(resampling.block > 0, "a block must have a length");
    let returns = known_returns(path, equity)?;
    let count = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / count;
    let around: Vec<f64> = returns.iter().map(|value| value - mean).collect();
    if around.iter().all(|&value| value == 0.0) {
        return None;
    }
    let (sums, squares) = sums(path, &around, resampling);
    let (rate, scale) = (year.risk_free_rate / year.periods, year.periods.sqrt());
    let ratio = |(sum, square): (f64, f64)| {
        let moved = sum / count;
        let spread = square - sum * moved;
        (spread > square * ROUNDING).then(|| (mean + moved - rate) / (spread / (count - 1.0)).sqrt() * scale)
    };
    let mut ratios: Vec<f64> = sums.into_iter().zip(squares).filter_map(ratio).collect();
    ratios.sort_by(f64::total_cmp);
    Some(ratios)
}

/// Of each sample of a series, the sum and the sum of squares.
fn sums(path: Path, series: &[f64], resampling: Resampling) -> (Vec<f64>, Vec<f64>) {
    let mut seeds = Pcg64::new(resampling.seed);
    let mut draws: Vec<Draw> =
        (0..resampling.samples).map(|_| Draw::new(seeds.next_u64(), series.len() as u64, resampling.block)).collect();
    let (mut sums, mut squares) = (vec![0.0; draws.len()], vec![0.0; draws.len()]);
    path.run(Sums { series, draws: &mut draws, sums: &mut sums, squares: &mut squares });
    (sums, squares)
}

/// Draws the places of one sample.
struct Draw {
    generator: Pcg64,
    length: u64,
    block: u64,
    next: u64,
}

impl Draw {
    fn new(seed: u64, length: u64, block: u64) -> Self {
        let mut generator = Pcg64::new(seed);
        let next = generator.below(length);
        Self { generator, length, block, next }
    }

    fn place(&mut self) -> usize {
        let here = self.next;
        self.next = if self.generator.below(self.block) == 0 {
            self.generator.below(self.length)
        } else if here + 1 == self.length {
            0
        } else {
            here + 1
        };
        here as usize
    }
}

/// Sums samples, one a lane.
struct Sums<'a> {
    series: &'a [f64],
    draws: &'a mut [Draw],
    sums: &'a mut [f64],
    squares: &'a mut [f64],
}

impl Kernel for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for (group, draws) in self.draws.chunks_mut(S::f64s::LEN).enumerate() {
            let mut sum = S::f64s::splat(simd, 0.0);
            let mut square = sum;
            for _ in 0..self.series.len() {
                let drawn = S::f64s::from_fn(simd, |lane| match draws.get_mut(lane) {
                    Some(draw) => self.series[draw.place()],
                    None => 0.0,
                });
                sum += drawn;
                square += drawn * drawn;
            }
            store::<S>(sum, self.sums, group * S::f64s::LEN);
            store::<S>(square, self.squares, group * S::f64s::LEN);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::simd::arbitrary::bits;

    const YEAR: Year = Year { periods: 4.0, risk_free_rate: 0.02 };

    /// The sums as their definition says them, one sample and one draw after the other.
    fn by_definition(series: &[f64], resampling: Resampling) -> (Vec<f64>, Vec<f64>) {
        let mut seeds = Pcg64::new(resampling.seed);
        let sample = |_| {
            let mut generator = Pcg64::new(seeds.next_u64());
            let length = series.len() as u64;
            let mut at = generator.below(length);
            let (mut sum, mut square) = (0.0, 0.0);
            for _ in series {
                sum += series[at as usize];
                square += series[at as usize] * series[at as usize];
                at = if generator.below(resampling.block) == 0 { generator.below(length) } else { (at + 1) % length };
            }
            (sum, square)
        };
        (0..resampling.samples).map(sample).unzip()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn samples_are_summed_as_the_definition_says_on_every_path(
            series in prop::collection::vec(-1e3_f64..1e3, 1..=40),
            samples in 0_usize..=35, block in 1_u64..=12, seed in any::<u64>(),
        ) {
            let resampling = Resampling { samples, block, seed };
            let expected = by_definition(&series, resampling);
            for path in Path::available() {
                let found = sums(path, &series, resampling);
                prop_assert_eq!(bits(&found.0), bits(&expected.0), "{}", path.name());
                prop_assert_eq!(bits(&found.1), bits(&expected.1), "{}", path.name());
            }
        }

        #[test]
        fn ratios_are_ascending_and_those_of_the_scalar_path(
            equity in prop::collection::vec(1_i128..=1 << 80, 1..=60), block in 1_u64..=12, seed in any::<u64>(),
        ) {
            let resampling = Resampling { samples: 21, block, seed };
            let expected = ratios_on(Path::scalar(), &equity, YEAR, resampling);
            prop_assert!(expected.iter().flatten().all(|ratio| ratio.is_finite()));
            prop_assert!(expected.iter().all(|ratios| ratios.is_sorted()));
            for path in Path::available() {
                let found = ratios_on(path, &equity, YEAR, resampling);
                prop_assert_eq!(found.as_deref().map(bits), expected.as_deref().map(bits), "{}", path.name());
            }
        }
    }

    #[test]
    fn a_sample_that_is_one_turned_series_has_the_ratio_of_the_run() {
        // A block so long that it never ends: each sample is the whole, from another place on.
        let equity = [100, 120, 90, 150, 200];
        let records = crate::engine::Records { equity: equity.to_vec(), ..crate::engine::Records::default() };
        let own = crate::statistics::figures(&records, 100, YEAR).sharpe.expect("it has variance");
        let resampling = Resampling { samples: 9, block: u64::MAX, seed: 7 };
        let ratios = sharpe_ratios(&equity, YEAR, resampling).expect("it has variance");
        assert_eq!(ratios.len(), 9);
        assert!(ratios.iter().all(|ratio| (ratio - own).abs() < 1e-12), "{ratios:?} beside {own}");
    }

    #[test]
    fn what_has_no_ratio_has_none_drawn() {
        let resampling = Resampling { samples: 5, block: 2, seed: 1 };
        for equity in [&[100_i128][..], &[100, 110], &[100, 100, 100], &[100, -5, 20]] {
            assert_eq!(sharpe_ratios(equity, YEAR, resampling), None, "{equity:?}");
        }
        // Two returns of which a sample may draw one twice: it has no variance, and no ratio.
        let few = sharpe_ratios(&[100, 110, 100], YEAR, Resampling { samples: 64, block: 1, seed: 1 });
        assert!((1..64).contains(&few.expect("it has variance").len()));
    }

    #[test]
    fn another_seed_draws_other_samples() {
        let equity: Vec<i128> = (0..50).map(|bar| 1_000 + bar * bar % 17).collect();
        let drawn = |seed| sharpe_ratios(&equity, YEAR, Resampling { samples: 8, block: 4, seed });
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
    }
}

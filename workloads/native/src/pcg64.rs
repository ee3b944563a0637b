//! Random numbers that are ours from seed to transform.
//!
//! The generator is PCG64 (XSL-RR 128/64) of M. E. O'Neill, "PCG: A Family of Simple Fast Space-Efficient
//! Statistically Good Algorithms for Random Number Generation" (HMC-CS-2014-0905, 2014). NumPy has the same raw
//! stream, but its seeding and its normals are its own; here the seed is spread by SplitMix64 (Steele, Lea and Flood,
//! OOPSLA 2014), and normals come from Marsaglia's polar method (SIAM Review 6, 1964) with the logarithm of the
//! `libm` crate, so that every draw is the same bits on every processor.

const MULTIPLIER: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;

/// A PCG64 generator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pcg64 {
    state: u128,
    increment: u128,
}

/// One step of SplitMix64.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = *state;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Pcg64 {
    /// A generator for a seed: four words of SplitMix64 make state (high, low) and stream (high, low).
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut mix = seed;
        let mut word = || u128::from(split_mix(&mut mix));
        let state = word() << 64 | word();
        let stream = word() << 64 | word();
        Self::from_state(state, stream)
    }

    /// A generator as `pcg_setseq_128_srandom` of the reference implementation makes one.
    #[must_use]
    pub fn from_state(state: u128, stream: u128) -> Self {
        let mut generator = Self { state: 0, increment: stream << 1 | 1 };
        generator.step();
        generator.state = generator.state.wrapping_add(state);
        generator.step();
        generator
    }

    /// State and increment: all there is to know of what it draws next.
    #[must_use]
    pub fn words(&self) -> (u128, u128) {
        (self.state, self.increment)
    }

    fn step(&mut self) {
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(self.increment);
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.step();
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    /// Uniform in [0, 1): the upper 53 bits over 2^53, exactly.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Uniform in 0..bound without bias (Lemire, ACM TOMACS 29, 2019); `bound` is positive.
    pub fn below(&mut self, bound: u64) -> u64 {
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// Standard normal: the first of each pair of the polar method; the second is dropped, so that no state hides.
    pub fn normal(&mut self) -> f64 {
        loop {
            let first = 2.0 * self.uniform() - 1.0;
            let second = 2.0 * self.uniform() - 1.0;
            let square = first * first + second * second;
            if square < 1.0 && square > 0.0 {
                return first * (-2.0 * libm::log(square) / square).sqrt();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of `pcg64_srandom(42, 54)` in the reference implementation (pcg-c, test-high).
    #[test]
    fn the_reference_stream() {
        let mut generator = Pcg64::from_state(42, 54);
        let expected = [
            0x86b1_da1d_7206_2b68,
            0x1304_aa46_c985_3d39,
            0xa367_0e9e_0dd5_0358,
            0xf909_0e52_9a7d_ae00,
            0xc85b_9fd8_3799_6f2c,
            0x6061_21f8_e391_9196,
        ];
        for word in expected {
            assert_eq!(generator.next_u64(), word);
        }
    }

    /// As `docs/determinism.md` has them; worked out by an implementation of its own, from that page.
    #[test]
    fn the_transforms_of_seed_42() {
        let words: Vec<u64> = draws(4, Pcg64::next_u64);
        assert_eq!(words, [0xc985_0d51_600b_031f, 0xfce3_af5a_f9d9_1153, 0x068e_579a_b557_e511, 0xa270_7e5f_fbdf_1a3f]);
        let uniforms: Vec<u64> = draws(4, |generator| generator.uniform().to_bits());
        assert_eq!(
            uniforms,
            [0x3fe9_30a1_aa2c_0160, 0x3fef_9c75_eb5f_3b22, 0x3f9a_395e_6ad5_5f80, 0x3fe4_4e0f_cbff_7be3]
        );
        assert_eq!(draws(12, |generator| generator.below(10)), [7, 9, 0, 6, 0, 6, 8, 4, 8, 4, 4, 7]);
        // Nearly half of the words are drawn again for this bound.
        let wide: Vec<u64> = draws(4, |generator| generator.below((1 << 63) + 1));
        assert_eq!(wide, [0x0347_2bcd_5aab_f288, 0x50fe_efd8_f92f_a61f, 0x7089_37dc_6894_b893, 0x3cb4_a1ac_d1b1_1b71]);
        let normals: Vec<u64> = draws(4, |generator| generator.normal().to_bits());
        assert_eq!(
            normals,
            [0xbfcd_0a2b_475c_95fa, 0xbfdf_cba8_292e_8367, 0x3fef_93cd_e24a_6cba, 0x3ff5_8968_6412_7bf1]
        );
    }

    fn draws(count: usize, draw: impl Fn(&mut Pcg64) -> u64) -> Vec<u64> {
        let mut generator = Pcg64::new(42);
        (0..count).map(|_| draw(&mut generator)).collect()
    }

    #[test]
    fn draws_stay_in_their_range() {
        let mut generator = Pcg64::new(1);
        for _ in 0..10_000 {
            assert!((0.0..1.0).contains(&generator.uniform()));
            assert!(generator.below(7) < 7);
            assert!(generator.normal().is_finite());
        }
    }

    #[test]
    fn seeds_give_different_streams() {
        assert_ne!(Pcg64::new(1).next_u64(), Pcg64::new(2).next_u64());
    }

    #[test]
    fn normals_have_mean_zero_and_variance_one() {
        let mut generator = Pcg64::new(3);
        let draws: Vec<f64> = (0..100_000).map(|_| generator.normal()).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|draw| draw * draw).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }
}

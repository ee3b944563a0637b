//! The paths a processor has, and which of them is taken.

use std::fmt;
use std::sync::OnceLock;

use fearless_simd::{Fallback, Level, Simd};

#[cfg(target_arch = "aarch64")]
use fearless_simd::aarch64::Neon;
#[cfg(target_arch = "x86_64")]
use fearless_simd::x86::{Avx2, Avx512};

/// The environment variable that forces a path.
pub const VARIABLE: &str = "TRADEPLANE_SIMD";

/// The word for the widest path there is.
const AUTO: &str = "auto";

/// Every word that names a path somewhere.
const NAMES: [&str; 4] = ["scalar", "avx2", "avx512", "neon"];

/// Instructions that kernels are compiled for. A value is a proof that this processor has them.
#[derive(Debug, Clone, Copy)]
pub enum Path {
    /// What every processor of the architecture has.
    Scalar(Fallback),
    /// Vectors of 256 bits on x86-64.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// Vectors of 512 bits on x86-64, from Ice Lake and Zen 4 on.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    /// Vectors of 128 bits on arm64.
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
}

impl Path {
    /// The path every processor has.
    #[must_use]
    pub fn scalar() -> Self {
        Self::Scalar(Fallback::new())
    }

    /// The paths this processor has, the widest last.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let level = Level::new();
        #[cfg(target_arch = "x86_64")]
        let wider = [level.as_avx2().map(Self::Avx2), level.as_avx512().map(Self::Avx512)];
        #[cfg(target_arch = "aarch64")]
        let wider = [level.as_neon().map(Self::Neon)];
        std::iter::once(Self::scalar()).chain(wider.into_iter().flatten()).collect()
    }

    /// The path of a word, or the widest for `auto`.
    ///
    /// # Errors
    /// [`Refusal`] where the word names no path, or one that this processor lacks.
    pub fn named(word: &str) -> Result<Self, Refusal> {
        let available = Self::available();
        let found = match word {
            AUTO => available.last(),
            word => available.iter().find(|path| path.name() == word),
        };
        found.copied().ok_or_else(|| Refusal {
            word: word.to_owned(),
            known: NAMES.contains(&word),
            available: available.iter().map(|path| path.name()).collect(),
        })
    }

    /// The word for this path.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar(_) => "scalar",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => "neon",
        }
    }

    /// Runs a kernel with this path's instructions.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            Self::Scalar(token) => run_with(token, kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(token) => run_with(token, kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(token) => run_with(token, kernel),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(token) => run_with(token, kernel),
        }
    }
}

/// A computation written once for every path. Its `run` has to be `#[inline(always)]`, to be compiled for each.
pub(crate) trait Kernel {
    /// What it gives.
    type Output;

    /// Computes with the vectors of a path.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Runs a kernel within a function that the compiler may use the token's instructions in.
#[inline(always)]
fn run_with<S: Simd, K: Kernel>(token: S, kernel: K) -> K::Output {
    token.vectorize(
        #[inline(always)]
        || kernel.run(token),
    )
}

/// Why [`VARIABLE`] chooses no path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    word: String,
    known: bool,
    available: Vec<&'static str>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrong = if self.known { "this processor does not have that path" } else { "no path has that name" };
        let there = self.available.join(", ");
        write!(formatter, "{VARIABLE} is {:?}: {wrong}; unset it, or set it to one of {AUTO}, {there}", self.word)
    }
}

impl std::error::Error for Refusal {}

/// The path that [`VARIABLE`] chooses, the widest where it is not set or empty; the variable is read once.
///
/// # Errors
/// [`Refusal`] where it names no path, or one that this processor lacks.
pub fn chosen() -> Result<Path, &'static Refusal> {
    static CHOSEN: OnceLock<Result<Path, Refusal>> = OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| {
        let word = std::env::var_os(VARIABLE).unwrap_or_default();
        if word.is_empty() { Path::named(AUTO) } else { Path::named(&word.to_string_lossy()) }
    });
    chosen.as_ref().copied()
}

/// The path kernels take where none is given: the chosen one. Where the choice was refused it is the scalar one, which
/// nobody sees: who loads the core asks [`chosen`] first, and ends there.
#[must_use]
pub fn active() -> Path {
    chosen().unwrap_or(Path::scalar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalar_is_first_and_auto_is_the_last() {
        let available = Path::available();
        assert_eq!(available[0].name(), "scalar");
        assert_eq!(Path::named(AUTO).map(Path::name), Ok(available[available.len() - 1].name()));
    }

    #[test]
    fn every_path_has_a_name_that_finds_it() {
        for path in Path::available() {
            assert!(NAMES.contains(&path.name()));
            assert_eq!(Path::named(path.name()).map(Path::name), Ok(path.name()));
        }
    }

    #[test]
    fn a_path_of_another_processor_is_refused_with_those_there_are() {
        let foreign = if cfg!(target_arch = "x86_64") { "neon" } else { "avx2" };
        let refusal = Path::named(foreign).map(Path::name).expect_err("no processor has both");
        let text = refusal.to_string();
        assert!(text.starts_with(&format!("TRADEPLANE_SIMD is {foreign:?}: this processor does not have")), "{text}");
        assert!(text.contains("auto, scalar"), "{text}");
    }

    #[test]
    fn a_word_that_is_no_path_is_refused() {
        for word in ["fast", "AVX2", " scalar", "", "sse2"] {
            let refusal = Path::named(word).map(Path::name).expect_err("not a path");
            assert!(refusal.to_string().contains("no path has that name"), "{refusal}");
        }
    }
}

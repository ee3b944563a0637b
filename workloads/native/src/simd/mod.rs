//! Which instructions the numeric kernels use, and the one rule they keep: every path gives the same bits.
//!
//! A kernel is written once, generic over the width of a vector, and compiled for each [`Path`]. It may only do to each
//! lane what the scalar path does to each number: `+ - * /`, square root, comparison and selection, which IEEE 754
//! defines to the last bit. Nothing is summed across lanes, so no width has an order of its own; no multiplication is
//! fused with an addition; `min` and `max` are written as comparisons, for processors disagree about NaN; and a NaN is
//! made the canonical one before it leaves. docs/simd.md says what runs on vectors, what does not, and why.

#[cfg(test)]
pub(crate) mod arbitrary;
mod lanes;
mod path;

pub(crate) use lanes::{Source, canonical, store};
pub(crate) use path::Kernel;
pub use path::{Path, Refusal, VARIABLE, active, chosen};

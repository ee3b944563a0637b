//! Latency between what recorded orders took.

use crate::fixed::divide;
use std::fmt;

/// One order's way: when it was sent, when the exchange had it, when the answer was back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// Sent, by the local clock.
    pub request: i64,
    /// At the exchange, by its clock.
    pub exchange: i64,
    /// Answered, by the local clock.
    pub response: i64,
}

/// Observations that are none: the first of them that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unordered(pub usize);

impl fmt::Display for Unordered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "order latency {}: an order must be sent, reach the exchange and be answered in this order, and after the \
             one before it; there must be at least one",
            self.0
        )
    }
}

impl std::error::Error for Unordered {}

/// Latency of recorded orders, interpolated on a straight line between one and the next, rounded half to even; before
/// the first and after the last it is theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    observations: Vec<Observation>,
    least_entry: i64,
    least_response: i64,
    entry_from: usize,
    response_from: usize,
}

impl Recorded {
    /// Latency between observations.
    ///
    /// # Errors
    /// [`Unordered`] where there are none, or an observation is not in the order of time.
    pub fn new(observations: Vec<Observation>) -> Result<Self, Unordered> {
        let ordered = |one: &Observation| one.request <= one.exchange && one.exchange <= one.response;
        if let Some(wrong) = observations.iter().position(|one| !ordered(one)) {
            return Err(Unordered(wrong));
        }
        let follows = |pair: &[Observation]| pair[0].request < pair[1].request && pair[0].exchange < pair[1].exchange;
        if let Some(wrong) = observations.windows(2).position(|pair| !follows(pair)) {
            return Err(Unordered(wrong + 1));
        }
        let least_entry = observations.iter().map(|one| one.exchange - one.request).min().ok_or(Unordered(0))?;
        let least_response = observations.iter().map(|one| one.response - one.exchange).min().ok_or(Unordered(0))?;
        Ok(Self { observations, least_entry, least_response, entry_from: 0, response_from: 0 })
    }

    /// The shortest time a request can take.
    #[must_use]
    pub fn least_entry(&self) -> i64 {
        self.least_entry
    }

    /// The shortest time a report can take.
    #[must_use]
    pub fn least_response(&self) -> i64 {
        self.least_response
    }

    /// How long a request sent at `now` takes. Times asked for ascend.
    pub fn entry(&mut self, now: i64) -> i64 {
        let point = |one: &Observation| (one.request, one.exchange - one.request);
        interpolate(&self.observations, &mut self.entry_from, now, point)
    }

    /// How long a report made at `now` takes. Times asked for ascend.
    pub fn response(&mut self, now: i64) -> i64 {
        let point = |one: &Observation| (one.exchange, one.response - one.exchange);
        interpolate(&self.observations, &mut self.response_from, now, point)
    }
}

/// The value at `now` between the observation found by moving `from` on and the next.
fn interpolate(
    observations: &[Observation],
    from: &mut usize,
    now: i64,
    point: impl Fn(&Observation) -> (i64, i64),
) -> i64 {
    while observations.get(*from + 1).is_some_and(|next| point(next).0 <= now) {
        *from += 1;
    }
    let (start, first) = point(&observations[*from]);
    match observations.get(*from + 1) {
        Some(next) if now > start => {
            let (end, second) = point(next);
            let (before, after) = (i128::from(now - start), i128::from(end - now));
            let weighted = i128::from(first) * after + i128::from(second) * before;
            // Between two values that are i64.
            divide(weighted, before + after) as i64
        }
        _ => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observation(request: i64, exchange: i64, response: i64) -> Observation {
        Observation { request, exchange, response }
    }

    #[test]
    fn latency_lies_on_the_line_between_two_orders() {
        let orders = vec![observation(0, 10, 15), observation(100, 130, 145)];
        let mut latency = Recorded::new(orders).expect("in order");
        // Entries take 10 at 0 and 30 at 100; responses 5 at 10 and 15 at 130.
        assert_eq!([-5, 0, 50, 75, 100, 500].map(|now| latency.entry(now)), [10, 10, 20, 25, 30, 30]);
        assert_eq!([0, 10, 70, 130, 999].map(|now| latency.response(now)), [5, 5, 10, 15, 15]);
        assert_eq!((latency.least_entry(), latency.least_response()), (10, 5));
    }

    #[test]
    fn halves_go_to_the_even_nanosecond() {
        let mut latency = Recorded::new(vec![observation(0, 0, 0), observation(2, 3, 3)]).expect("in order");
        assert_eq!(latency.entry(1), 0); // 0.5
        let mut latency = Recorded::new(vec![observation(0, 1, 1), observation(2, 4, 4)]).expect("in order");
        assert_eq!(latency.entry(1), 2); // 1.5
    }

    #[test]
    fn observations_out_of_order_are_refused() {
        assert_eq!(Recorded::new(vec![]), Err(Unordered(0)));
        assert_eq!(Recorded::new(vec![observation(5, 4, 6)]), Err(Unordered(0)));
        assert_eq!(Recorded::new(vec![observation(0, 1, 2), observation(0, 2, 3)]), Err(Unordered(1)));
        assert_eq!(Recorded::new(vec![observation(0, 9, 9), observation(1, 9, 10)]), Err(Unordered(1)));
    }
}

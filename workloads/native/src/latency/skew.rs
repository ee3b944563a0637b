//! Clocks that disagree.

/// What must be added to the local times of a tape so that no row arrives before it was sent, and the fastest one takes
/// at least `base` nanoseconds; 0 where that is so already.
///
/// Where a recorder's clock is behind the exchange's, the difference of the two times is not how long a row took. Only
/// its changes are real: the smallest difference is taken to be `base`.
#[must_use]
pub fn skew(exchange_time: &[i64], local_time: &[i64], base: i64) -> i64 {
    let least = exchange_time.iter().zip(local_time).map(|(exchange, local)| local - exchange).min();
    match least {
        Some(least) if least < 0 => base - least,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_row_takes_the_base() {
        // The rows arrive 30 before, 10 after and 25 before they were sent: with 35 added they take 5, 45 and 10.
        assert_eq!(skew(&[100, 200, 300], &[70, 210, 275], 5), 35);
    }

    #[test]
    fn clocks_that_agree_are_left_alone() {
        assert_eq!(skew(&[100, 200], &[100, 201], 5), 0);
        assert_eq!(skew(&[], &[], 5), 0);
    }
}

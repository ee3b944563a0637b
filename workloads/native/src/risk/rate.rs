//! How many orders may be sent within a time.

use std::collections::VecDeque;

/// At most `most` orders within any `window` nanoseconds of the local clock, the ends included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    most: usize,
    window: i64,
    sent: VecDeque<i64>,
}

impl Rate {
    /// A rate; `most` up to a million.
    #[must_use]
    pub fn new(most: u32, window: i64) -> Self {
        let most = most.min(1_000_000) as usize;
        Self { most, window, sent: VecDeque::with_capacity(most) }
    }

    /// Counts an order sent at `now`, unless it would be one too many. Times ascend.
    pub fn admit(&mut self, now: i64) -> bool {
        while self.sent.front().is_some_and(|&sent| now - sent > self.window) {
            self.sent.pop_front();
        }
        let admitted = self.sent.len() < self.most;
        if admitted {
            self.sent.push_back(now);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides() {
        let mut rate = Rate::new(2, 10);
        let admitted: Vec<bool> = [0, 5, 10, 11, 15, 16, 21].into_iter().map(|now| rate.admit(now)).collect();
        // 10 has 0 and 5 within its window; 11 only 5; 15 has 5 and 11; 16 only 11; 21 has 11 and 16.
        assert_eq!(admitted, [true, true, false, true, false, true, false]);
    }

    #[test]
    fn a_rate_of_none_admits_none() {
        assert!(!Rate::new(0, 10).admit(5));
    }
}

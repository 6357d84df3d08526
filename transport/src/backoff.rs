//! How long to wait before dialling again.

use std::time::Duration;

/// Upper end of the first wait. Short, since most cuts are a relay that restarts or a changed network.
const FIRST: Duration = Duration::from_millis(250);

/// Upper end of every later wait: a relay that was away for a day is noticed within a minute.
const LONGEST: Duration = Duration::from_mins(1);

/// Waits between attempts: full jitter (every wait is drawn from zero up to an end that doubles from 250 ms to 60 s), so
/// that the devices of a relay that comes back do not all dial at once.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The next wait. `random` is 64 uniformly random bits.
    pub fn next(&mut self, random: u64) -> Duration {
        let end = FIRST.saturating_mul(2_u32.saturating_pow(self.attempts)).min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        // The upper half of a 64×64 bit product is uniform in 0..=end.
        let nanos = (u128::from(random) * (end.as_nanos() + 1)) >> 64;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Starts over: the line held long enough to count as one.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest possible waits, one after the other.
    fn ends(backoff: &mut Backoff, count: usize) -> Vec<u128> {
        (0..count).map(|_| backoff.next(u64::MAX).as_millis()).collect()
    }

    #[test]
    fn the_longest_possible_wait_doubles_from_a_quarter_second_to_a_minute() {
        let mut backoff = Backoff::default();
        assert_eq!(
            ends(&mut backoff, 10),
            [250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]
        );
    }

    #[test]
    fn a_wait_may_be_anything_from_nothing_to_its_end() {
        let wait = |random| Backoff::default().next(random).as_millis();
        assert_eq!([wait(0), wait(1 << 62), wait(1 << 63), wait(u64::MAX)], [0, 62, 125, 250]);
    }

    #[test]
    fn after_a_reset_waits_are_short_again() {
        let mut backoff = Backoff::default();
        ends(&mut backoff, 9);
        backoff.reset();
        assert_eq!(ends(&mut backoff, 2), [250, 500]);
    }

    #[test]
    fn a_relay_that_stays_away_for_years_changes_nothing() {
        let mut backoff = Backoff { attempts: u32::MAX - 1 };
        assert_eq!(ends(&mut backoff, 3), [60_000; 3]);
    }
}

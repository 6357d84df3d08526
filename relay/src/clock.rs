//! The machine's clock, for the shell around the relay and for its database. The relay's core is told the time.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bowline_wire::ids::Millis;

/// What this machine's clock says.
pub fn wall() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The wall clock as deadlines need it: it never goes back and never stands still. When somebody sets the machine's clock
/// back, it goes on from the latest time it gave.
pub(crate) struct Clock {
    /// The wall clock when it was last ahead of this one, and when that was.
    set: (Millis, Instant),
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { set: (wall(), Instant::now()) }
    }

    pub(crate) fn now(&mut self) -> Millis {
        self.at(wall(), Instant::now())
    }

    fn at(&mut self, wall: Millis, now: Instant) -> Millis {
        let (set_to, then) = self.set;
        let elapsed = now.saturating_duration_since(then).as_millis();
        let expected = set_to.plus(u64::try_from(elapsed).unwrap_or(u64::MAX));
        if wall > expected {
            self.set = (wall, now);
        }
        wall.max(expected)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_that_is_set_back_goes_on_and_one_set_forward_counts() {
        let mut clock = Clock::start();
        let (start, then) = clock.set;
        let mut at = |wall: u64, seconds| clock.at(Millis(wall), then + Duration::from_secs(seconds));
        assert_eq!(at(0, 1), start.plus(1_000));
        let forward = start.plus(1_000_000_000);
        assert_eq!(at(forward.0, 2), forward);
    }

    #[test]
    fn a_clock_that_was_ahead_for_a_moment_does_not_stand_still_until_the_others_catch_up() {
        let mut clock = Clock::start();
        let (start, then) = clock.set;
        let forward = start.plus(1_000_000_000);
        assert_eq!(clock.at(forward, then), forward);
        for millis in 1..=10_000 {
            let now = clock.at(start.plus(millis), then + Duration::from_millis(millis));
            assert_eq!(now, forward.plus(millis), "asking often does not slow it down");
        }
    }
}

//! What one peer may cost without bringing anything: how much that carries nothing it may send, and how long a message may
//! take.

use std::time::Duration;

use tokio::time::Instant;

use super::framing::Framing;
use crate::LinkError;

/// Pings, pongs and empty fragments that may come at once. A peer that pings every half minute while nobody reads gets here
/// after eight hours; reading and answering them takes some milliseconds.
const BURST: u32 = 1000;

/// Time that pays for one ping, pong or empty fragment: a hundred times as often as anybody has a reason to ping, and less
/// than a thousandth of a processor.
const EACH: Duration = Duration::from_millis(100);

/// How long a message may take from its first byte to its last: twice what the largest takes on the slowest line that is of use.
/// Not less than the keepalive's silence, which is how often this is looked at.
const MESSAGE: Duration = Duration::from_mins(1);

/// Watches one peer.
#[derive(Debug)]
pub(super) struct Watch {
    /// What of the idle pieces was paid for.
    idle: u64,
    /// When everything that came is paid for.
    paid_at: Instant,
    /// The message that is under way, and since when.
    message: Option<(u64, Instant)>,
}

impl Watch {
    pub(super) fn new(now: Instant) -> Self {
        Self { idle: 0, paid_at: now, message: None }
    }

    /// Looks at what has come so far; an error if it is too much for nothing.
    pub(super) fn look(&mut self, framing: &Framing, now: impl Fn() -> Instant) -> Result<(), LinkError> {
        let under_way = framing.under_way();
        if self.message.map(|(number, _)| number) != under_way {
            self.message = under_way.map(|number| (number, now()));
        }
        let new = framing.idle() - self.idle;
        if new == 0 {
            return Ok(());
        }
        self.idle = framing.idle();
        let (now, pieces) = (now(), u32::try_from(new).unwrap_or(u32::MAX));
        self.paid_at = self.paid_at.max(now) + EACH * pieces.min(2 * BURST);
        if self.paid_at.duration_since(now) > EACH * BURST { Err(LinkError::Flood) } else { Ok(()) }
    }

    /// Nobody was reading until now: what a message has taken so far was not the peer's doing.
    pub(super) fn read_anew(&mut self, now: Instant) {
        if let Some((_, since)) = &mut self.message {
            *since = now;
        }
    }

    /// When the message that is under way has taken too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.message.map(|(_, since)| since + MESSAGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: [u8; 2] = [0x89, 0];

    fn pings(framing: &mut Framing, count: u32) {
        (0..count).for_each(|_| framing.take(&PING));
    }

    #[test]
    fn a_thousand_pings_at_once_are_answered_and_one_more_is_a_flood() {
        let start = Instant::now();
        let (mut watch, mut framing) = (Watch::new(start), Framing::open());
        pings(&mut framing, BURST);
        assert!(watch.look(&framing, || start).is_ok());
        pings(&mut framing, 1);
        assert!(matches!(watch.look(&framing, || start), Err(LinkError::Flood)));
    }

    #[test]
    fn ten_pings_a_second_may_come_for_ever() {
        let start = Instant::now();
        let (mut watch, mut framing) = (Watch::new(start), Framing::open());
        for second in 0..10_000 {
            pings(&mut framing, 10);
            assert!(watch.look(&framing, || start + Duration::from_secs(second)).is_ok());
        }
        for _ in 0..100 {
            pings(&mut framing, 10);
            let _ = watch.look(&framing, || start + Duration::from_secs(10_000));
        }
        assert!(watch.look(&framing, || start + Duration::from_secs(10_000)).is_ok(), "nothing new");
        pings(&mut framing, 1);
        assert!(watch.look(&framing, || start + Duration::from_secs(10_000)).is_err());
    }

    #[test]
    fn the_time_of_a_message_counts_from_its_own_beginning_and_not_while_nobody_reads() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let (mut watch, mut framing) = (Watch::new(start), Framing::open());
        framing.take(&[0x82, 2, 7]);
        watch.look(&framing, || at(5)).unwrap();
        assert_eq!(watch.deadline(), Some(at(65)));
        framing.take(&[7, 0x82, 2, 7]);
        watch.look(&framing, || at(30)).unwrap();
        assert_eq!(watch.deadline(), Some(at(90)), "the next one");
        watch.read_anew(at(500));
        assert_eq!(watch.deadline(), Some(at(560)));
        framing.take(&[7]);
        watch.look(&framing, || at(501)).unwrap();
        assert_eq!(watch.deadline(), None);
    }
}

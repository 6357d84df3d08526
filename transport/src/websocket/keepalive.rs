//! When a silent peer is asked whether it is there, and when it is given up.

use std::time::Duration;

use tokio::time::Instant;

/// Silence after which a peer is pinged, and again as long after every ping. Below the minute after which some home
/// routers and proxies forget a connection.
pub(super) const SILENCE: Duration = Duration::from_secs(30);

/// Pings without an answer after which a peer is given up: one packet may be lost, and a laptop may just have woken up.
const UNANSWERED: u32 = 2;

/// What has to be done about a peer's silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The peer was heard lately.
    Nothing,
    /// Ask the peer whether it is there.
    Ping,
    /// Give the peer up: it did not answer.
    GiveUp,
}

/// Watches one peer.
pub(super) struct Keepalive {
    /// Bytes that had come by the last look.
    received: u64,
    /// When something last came, or when we last began to listen.
    heard: Instant,
    unanswered: u32,
}

impl Keepalive {
    pub(super) fn new(now: Instant) -> Self {
        Self { received: 0, heard: now, unanswered: 0 }
    }

    /// Notes that `received` bytes have come in all. Any byte shows that the peer is there, not only whole messages: a large
    /// frame on a slow line takes minutes.
    pub(super) fn hear(&mut self, received: u64, now: impl FnOnce() -> Instant) {
        if received != self.received {
            self.received = received;
            self.listen_anew(now());
        }
    }

    /// Begins to listen: nobody was listening until now, so the silence before means nothing.
    pub(super) fn listen_anew(&mut self, now: Instant) {
        self.heard = now;
        self.unanswered = 0;
    }

    /// When [`Keepalive::due`] has to be asked next.
    pub(super) fn deadline(&self) -> Instant {
        self.heard + SILENCE * (self.unanswered + 1)
    }

    /// What has to be done at `now`. While nobody is `listening` to its answers the peer is not given up, and yet it is
    /// pinged, so that it hears from us.
    pub(super) fn due(&mut self, now: Instant, listening: bool) -> Due {
        if now < self.deadline() {
            return Due::Nothing;
        }
        if !listening {
            self.listen_anew(now);
            return Due::Ping;
        }
        if self.unanswered == UNANSWERED {
            return Due::GiveUp;
        }
        self.unanswered += 1;
        Due::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer that was last heard now, and what is due some seconds later.
    fn quiet() -> (Keepalive, impl Fn(u64) -> Instant) {
        let start = Instant::now();
        (Keepalive::new(start), move |seconds| start + Duration::from_secs(seconds))
    }

    #[test]
    fn a_silent_peer_is_pinged_twice_and_then_given_up() {
        let (mut keepalive, at) = quiet();
        let due = [29, 30, 59, 60, 89, 90].map(|seconds| keepalive.due(at(seconds), true));
        assert_eq!(due, [Due::Nothing, Due::Ping, Due::Nothing, Due::Ping, Due::Nothing, Due::GiveUp]);
    }

    #[test]
    fn one_byte_is_an_answer() {
        let (mut keepalive, at) = quiet();
        for seconds in [30, 60] {
            keepalive.due(at(seconds), true);
        }
        keepalive.hear(1, || at(80));
        assert_eq!(keepalive.due(at(90), true), Due::Nothing);
        assert_eq!(keepalive.due(at(110), true), Due::Ping);
    }

    #[test]
    fn no_new_byte_is_no_answer() {
        let (mut keepalive, at) = quiet();
        keepalive.hear(7, || at(10));
        keepalive.hear(7, || at(20));
        assert_eq!(keepalive.deadline(), at(40));
    }

    #[test]
    fn while_nobody_listens_a_peer_is_pinged_and_not_given_up() {
        let (mut keepalive, at) = quiet();
        let due = [30, 60, 90, 120].map(|seconds| keepalive.due(at(seconds), false));
        assert_eq!(due, [Due::Ping; 4]);
        assert_eq!(keepalive.due(at(149), true), Due::Nothing);
    }
}

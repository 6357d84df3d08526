//! How fast each device may append control entries, one token bucket per author, and each session say what brings nothing.

use std::collections::HashMap;

use bowline_wire::ids::{DeviceId, Millis, WorkspaceId};

use crate::config::{CONTROL_BURST, CONTROL_INTERVAL, IDLE_BURST, IDLE_INTERVAL};

/// Buckets kept before full ones, which are as good as none, are dropped for the first time.
const FIRST_PRUNE: usize = 1024;

/// The buckets of all authors who appended control entries lately.
#[derive(Debug)]
pub(crate) struct Rates {
    /// For each author the time at which its bucket will be full again.
    full_at: HashMap<(WorkspaceId, DeviceId), Millis>,
    prune_at: usize,
}

impl Rates {
    pub(crate) fn new() -> Self {
        Self { full_at: HashMap::new(), prune_at: FIRST_PRUNE }
    }

    /// Takes one control entry's worth from the author's bucket; `false` if it is empty.
    pub(crate) fn take(&mut self, workspace: WorkspaceId, author: DeviceId, now: Millis) -> bool {
        self.prune(now);
        let full_at = self.full_at.entry((workspace, author)).or_insert(now);
        let missing = full_at.since(now);
        if missing > (CONTROL_BURST - 1) * CONTROL_INTERVAL {
            return false;
        }
        *full_at = now.plus(missing).plus(CONTROL_INTERVAL);
        true
    }

    /// Forgets buckets that are full again, once there are many. Doubling the threshold keeps the cost per entry constant.
    fn prune(&mut self, now: Millis) {
        if self.full_at.len() >= self.prune_at {
            self.full_at.retain(|_, full_at| *full_at > now);
            self.prune_at = FIRST_PRUNE.max(2 * self.full_at.len());
        }
    }
}

/// The frames that bring nothing which one session has sent: paid for by time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Idle {
    /// When all of them are paid for.
    paid_at: Millis,
}

impl Idle {
    /// Takes so many frames' worth; `false` if there were too many.
    pub(crate) fn take(&mut self, frames: u64, now: Millis) -> bool {
        self.paid_at = self.paid_at.max(now).plus(frames * IDLE_INTERVAL);
        self.paid_at.since(now) <= IDLE_BURST * IDLE_INTERVAL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: WorkspaceId = WorkspaceId::ZERO;

    fn author(number: u32) -> DeviceId {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&number.to_be_bytes());
        DeviceId::from_bytes(id)
    }

    #[test]
    fn a_burst_passes_then_one_per_interval() {
        let mut rates = Rates::new();
        let start = Millis(50_000);
        assert_eq!(
            (0..1000).filter(|_| rates.take(WORKSPACE, author(1), start)).count() as u64,
            CONTROL_BURST
        );
        assert!(!rates.take(WORKSPACE, author(1), start.plus(CONTROL_INTERVAL - 1)));
        assert!(rates.take(WORKSPACE, author(1), start.plus(CONTROL_INTERVAL)));
        assert!(!rates.take(WORKSPACE, author(1), start.plus(CONTROL_INTERVAL)));
    }

    #[test]
    fn authors_do_not_share_a_bucket() {
        let mut rates = Rates::new();
        while rates.take(WORKSPACE, author(1), Millis(0)) {}
        assert!(rates.take(WORKSPACE, author(2), Millis(0)));
        assert!(rates.take(WorkspaceId::from_bytes([1; 32]), author(1), Millis(0)));
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let mut rates = Rates::new();
        for number in 0..10_000 {
            rates.take(WORKSPACE, author(number), Millis(u64::from(number) * 10 * CONTROL_INTERVAL));
        }
        assert!(rates.full_at.len() <= FIRST_PRUNE, "{}", rates.full_at.len());
    }
}

//! Somebody on the line between a relay and its devices, or a relay that is up to something: what was said under a signature on
//! one line is said again on a later one.

use std::collections::{BTreeMap, VecDeque};

use bowline_relay::ConnId;
use bowline_wire::codec::decode;
use bowline_wire::frame::Frame;
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

use super::faults::Fault;

/// Frames of each kind that are kept to be said again.
const KEPT: usize = 6;

/// The longest frame that is kept: what is longer holds bodies, and comes again anyway when a line breaks.
const LONGEST: usize = 4096;

/// One frame of so many is preceded by an older one while frames are replayed; of welcomes, which are few, every other one.
const ONE_OF: u32 = 4;

/// What a signature is under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    Challenge,
    Welcome,
    Head,
    Appended,
    Entries,
}

/// Whoever keeps what was said.
#[derive(Default)]
pub(super) struct Eavesdropper {
    is_replaying: bool,
    kept: BTreeMap<Said, VecDeque<(ConnId, Vec<u8>)>>,
}

impl Eavesdropper {
    /// From now on what was said is said again, or is not any more.
    pub(super) fn replay(&mut self, replays: bool) {
        self.is_replaying = replays;
    }

    /// Hears a frame on its way to a device, and says what the device is to be told before it.
    pub(super) fn hears(
        &mut self,
        conn: ConnId,
        bytes: &[u8],
        random: &mut ChaCha8Rng,
    ) -> Option<(Fault, Vec<u8>)> {
        if bytes.len() > LONGEST {
            return None;
        }
        let said = match decode::<Frame>(bytes) {
            Ok(Frame::Challenge(_)) => Said::Challenge,
            Ok(Frame::Welcome(_)) => Said::Welcome,
            Ok(Frame::Head(_)) => Said::Head,
            Ok(Frame::Appended { .. }) => Said::Appended,
            Ok(Frame::Entries { .. }) => Said::Entries,
            _ => return None,
        };
        let one_of = if said == Said::Welcome { 2 } else { ONE_OF };
        let kept = self.kept.entry(said).or_default();
        let older: Vec<&Vec<u8>> =
            kept.iter().filter(|(on, _)| *on != conn).map(|(_, bytes)| bytes).collect();
        let replays = self.is_replaying && !older.is_empty() && random.next_u32().is_multiple_of(one_of);
        let replayed = replays.then(|| older[random.next_u32() as usize % older.len()].clone());
        kept.push_back((conn, bytes.to_vec()));
        if kept.len() > KEPT {
            kept.pop_front();
        }
        let fault = if said == Said::Welcome { Fault::ReplayedWelcome } else { Fault::Replayed };
        Some((fault, replayed?))
    }
}

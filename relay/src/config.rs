//! What an operator may set, and every limit of the relay that the protocol does not fix, with unit and reason.

use bowline_wire::hash::sha256;
use bowline_wire::ids::LineKey;
use bowline_wire::limits::{MAX_BODY, MAX_FRAME, MAX_HEADER, MAX_RECIPIENTS};

/// Milliseconds for which it holds whether the storage stores: trying writes to the disk, and anybody may ask.
pub const STORAGE_CHECK_INTERVAL: u64 = 1_000;

/// Milliseconds from connecting to a valid proof. A person's slow line needs two round trips; whoever takes longer only
/// holds memory.
pub const HANDSHAKE_TIMEOUT: u64 = 10_000;

/// Milliseconds in which a peer may still read its last frames after a goodbye.
pub const CLOSE_TIMEOUT: u64 = 10_000;

/// Bytes waiting for one session beyond which no more entries are queued for it: what it lacks is read from storage when
/// it has read these. One frame may come on top.
pub const FEED_BYTES: usize = MAX_FRAME;

/// Frames waiting for one session beyond which no more entries are queued for it. Many small entries then reach a slow
/// reader in few large frames instead.
pub const FEED_FRAMES: usize = 256;

/// Bytes waiting for one session, answers included. Only a peer that asks without reading gets here; it is cut off.
pub const QUEUE_BYTES: usize = 3 * MAX_FRAME;

/// Frames waiting for one session, answers included. One Append may be refused entry by entry, so this is above
/// [`bowline_wire::limits::MAX_ENTRIES_PER_FRAME`].
pub const QUEUE_FRAMES: usize = 4096;

/// Bytes of a frame kept for its envelope and head when entries are packed into it.
pub const FRAME_ENVELOPE: usize = 512;

/// Bytes staged before a commit is made without waiting for the driver's. Bounds memory and what a crash makes devices
/// send again.
pub const STAGED_BYTES: usize = 8 * MAX_FRAME;

/// Entries staged before a commit is made without waiting for the driver's. Bounds memory and what a crash makes devices
/// send again.
pub const STAGED_ENTRIES: usize = 8192;

/// Frames that bring nothing (pings, and what was sent before) a session may send at once: a device that takes up everything
/// again after a cut needs some ten.
pub const IDLE_BURST: u64 = 256;

/// Milliseconds after which a session may send one more frame that brings nothing: a device that is well pings three times a
/// minute, and the thread that answers is everybody's.
pub const IDLE_INTERVAL: u64 = 250;

/// Pings that a Subscribe counts as: it is answered from storage.
pub const SUBSCRIBE_COST: u64 = 8;

/// Pings that a Fetch counts as, and a Supply that nobody needs: a frame's worth of bodies is read, and each compared with its
/// header. A device asks once a second at most.
pub const FETCH_COST: u64 = 4;

/// Milliseconds without a piece of a state after which another device is asked for it: a piece takes a slow line a few seconds, and who has
/// none of it says nothing.
pub const STATE_PATIENCE: u64 = 30_000;

/// Milliseconds between two steps of letting entries go while frames keep coming: each is as long as a commit. With nothing else to do they
/// follow one another.
pub const LETTING_GO_INTERVAL: u64 = 250;

/// Milliseconds before a device that has not answered is asked again for bodies that are lost. Most have none of them, and say
/// nothing.
pub const WANTED_INTERVAL: u64 = 60_000;

/// Control entries one device may append at once: more than a person's afternoon of invites, removals and closes.
pub const CONTROL_BURST: u64 = 128;

/// Milliseconds after which a device may append one more control entry.
pub const CONTROL_INTERVAL: u64 = 1_000;

/// Milliseconds of log time, from the first entry behind a restore, in which a member may bring a Join whose code has expired since: a
/// device that holds what was lost comes within a month, and no code that nobody used is good for longer.
pub const BROUGHT_BACK_WITHIN: u64 = 30 * 24 * 60 * 60 * 1_000;

/// Bytes of content entries in one workspace by default: some ten million messages.
pub const CONTENT_QUOTA: u64 = 4 * 1024 * 1024 * 1024;

/// Bytes of control entries in one workspace. Apart from the content quota, so that a full workspace can still be
/// managed.
pub const CONTROL_RESERVE: u64 = 64 * 1024 * 1024;

/// Bytes on top of [`CONTROL_RESERVE`] that only the Owner's removals, and rekeys that are due, may use: every member of
/// a full workspace removed one by one, each time with the largest rekey.
pub const OWNER_RESERVE: u64 = MAX_RECIPIENTS as u64 * (MAX_BODY + MAX_HEADER) as u64;

/// Who may make workspaces here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Anybody may make one.
    Open,
    /// Whoever knows the token.
    Token(TokenDigest),
    /// Nobody may make one; those that are there go on.
    Closed,
}

impl Registration {
    /// Whoever knows `token`.
    pub fn with_token(token: &str) -> Self {
        Self::Token(TokenDigest::of(token))
    }
}

/// SHA-256 of a registration token: enough to check one, and worth nothing to whoever reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest of `token`.
    pub fn of(token: &str) -> Self {
        Self(sha256(&[b"bowline/registration/1", token.as_bytes()]))
    }

    /// Whether `token` is the one. Takes as long for every token of the same length: what is compared are digests, all
    /// bytes of them.
    pub fn matches(&self, token: &str) -> bool {
        let other = Self::of(token);
        self.0.iter().zip(other.0).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
    }
}

/// What an operator may set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Who may make workspaces here.
    pub registration: Registration,
    /// The key of the relay's own certificate, which its address may name; `None` if it has none.
    pub line: Option<LineKey>,
    /// Bytes of content entries one workspace may store.
    pub content_quota: u64,
    /// Bytes of control entries one workspace may store.
    pub control_reserve: u64,
    /// Bytes on top of the control reserve for the Owner's removals and for due rekeys.
    pub owner_reserve: u64,
}

impl Config {
    /// The default limits.
    pub fn new(registration: Registration) -> Self {
        Self {
            registration,
            line: None,
            content_quota: CONTENT_QUOTA,
            control_reserve: CONTROL_RESERVE,
            owner_reserve: OWNER_RESERVE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_registration_token_matches_its_digest() {
        let digest = TokenDigest::of("open sesame");
        assert!(digest.matches("open sesame"));
        for wrong in ["", "open sesam", "open sesame ", "Open sesame"] {
            assert!(!digest.matches(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_token_does_not_print() {
        assert!(!format!("{:?}", Config::new(Registration::with_token("open sesame"))).contains("sesame"));
    }
}

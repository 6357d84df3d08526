//! SHA-256 over domain-separated parts: entry ids, log hash, roster hash, and the id of a user.

use sha2::{Digest, Sha256};

use crate::ids::{BodyHash, DeviceId, EntryId, LogHash, LogId, LogTime, RosterHash, UserId, WorkspaceId};

/// SHA-256 of the concatenation of `parts`. Callers put a domain prefix first and only fixed-size parts before the
/// last, so that no two meanings share an input.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// `SHA-256(workspace ‖ header)`. The workspace is not sent in a header, since whoever speaks of one knows it.
pub fn entry_id(workspace: WorkspaceId, header: &[u8]) -> EntryId {
    EntryId::from_bytes(sha256(&[workspace.as_bytes(), header]))
}

/// `SHA-256(body)`.
pub fn body_hash(body: &[u8]) -> BodyHash {
    BodyHash::from_bytes(sha256(&[body]))
}

/// The workspace that a Genesis body makes.
pub fn workspace_id(genesis_body: &[u8]) -> WorkspaceId {
    WorkspaceId::from_bytes(sha256(&[genesis_body]))
}

/// `log_hash(0)`: commits to workspace and log. A log that continues another one has the hashes of the workspace's first.
pub fn log_seed(workspace: WorkspaceId, log: LogId) -> LogHash {
    LogHash::from_bytes(sha256(&[b"bowline/log/1/new", workspace.as_bytes(), log.as_bytes()]))
}

/// `log_hash(p) = SHA-256("bowline/log/1" ‖ log_hash(p−1) ‖ entry_id(p) ‖ time(p))`, the time as 8 bytes, big-endian.
pub fn log_hash(previous: LogHash, entry: EntryId, time: LogTime) -> LogHash {
    let time = time.millis().0.to_be_bytes();
    LogHash::from_bytes(sha256(&[b"bowline/log/1", previous.as_bytes(), entry.as_bytes(), &time]))
}

/// `SHA-256("bowline/roster/1" ‖ previous ‖ entry_id)`.
pub fn roster_hash(previous: RosterHash, entry: EntryId) -> RosterHash {
    RosterHash::from_bytes(sha256(&[b"bowline/roster/1", previous.as_bytes(), entry.as_bytes()]))
}

impl UserId {
    /// The user that begins with `device`: `SHA-256("bowline/user/1" ‖ device)[..16]`.
    pub fn of_first_device(device: DeviceId) -> Self {
        let digest = sha256(&[b"bowline/user/1", device.as_bytes()]);
        let mut id = [0; Self::LEN];
        for (to, from) in id.iter_mut().zip(digest) {
            *to = from;
        }
        Self::from_bytes(id)
    }
}

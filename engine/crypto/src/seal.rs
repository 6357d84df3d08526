//! Bodies: a payload sealed under its header, and opened again.

use bowline_wire::before::is_of_before;
use bowline_wire::entry::Entry;
use bowline_wire::hash;
use bowline_wire::header::Header;
use bowline_wire::ids::{EpochId, Lane};
use bowline_wire::limits::FREE_EXPANSION;
use thiserror::Error;

use crate::aead::TAG_LEN;
use crate::keyring::KeySnapshot;
use crate::payload::{self, PayloadError, SealError};
use crate::planted::seals_nothing;

/// Why a body was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// Nobody's fault: the key of this epoch has not come yet. Try again when the keyring has grown.
    #[error("there is no key yet for epoch {0}")]
    NoKey(EpochId),
    /// Nobody's fault: the body was erased, or has not been delivered.
    #[error("the entry's body is not here")]
    NoBody,
    /// Misuse: the entry is of another workspace than the keys.
    #[error("the keys are of another workspace")]
    WrongWorkspace,
    /// Misuse: only the content lane is sealed.
    #[error("entries in the control lane are not sealed")]
    ControlLane,
    /// Bad bytes by the entry's author: the signature holds, but body and header were not sealed together, or not under
    /// the epoch's key.
    #[error("the entry's author sealed it wrongly")]
    NotAuthentic,
    /// Bad bytes by the entry's author: sealed properly, but not a payload.
    #[error("the entry's author sealed something unreadable: {0}")]
    Payload(#[from] PayloadError),
}

/// Seals `payload` under everything `header` says, and fills in the three fields that follow from it: salt, length and
/// hash of the body. What they held before does not matter; nothing else is changed.
///
/// `random` is best fresh, but the salt differs wherever header or payload do (see the design's salt rule), so repeating
/// it does no harm.
///
/// # Errors
/// [`SealError::TooLarge`] for a whole payload that does not fit one body: seal it in parts of
/// [`PART_LEN`](bowline_wire::limits::PART_LEN), which always do.
pub fn seal(
    keys: &KeySnapshot,
    header: Header,
    payload: &[u8],
    random: [u8; 32],
) -> Result<(Header, Vec<u8>), SealError> {
    seal_with(keys, header, payload, random, |_| {})
}

/// What a member seals who has the keys and keeps no rule: the plaintext that holds `payload` as `tamper` leaves it. For tests alone.
#[cfg(feature = "planted-bugs")]
pub fn seal_tampered(
    keys: &KeySnapshot,
    header: Header,
    payload: &[u8],
    random: [u8; 32],
    tamper: impl FnOnce(&mut Vec<u8>),
) -> Result<(Header, Vec<u8>), SealError> {
    seal_with(keys, header, payload, random, tamper)
}

/// Seals what `tamper` makes of the plaintext that holds `payload`.
fn seal_with(
    keys: &KeySnapshot,
    mut header: Header,
    payload: &[u8],
    random: [u8; 32],
    tamper: impl FnOnce(&mut Vec<u8>),
) -> Result<(Header, Vec<u8>), SealError> {
    if header.lane != Lane::Content {
        return Err(SealError::ControlLane);
    }
    if header.workspace != keys.workspace() {
        return Err(SealError::WrongWorkspace);
    }
    if header.epoch != keys.newest_epoch() {
        return Err(SealError::NotNewestEpoch { asked: header.epoch, newest: keys.newest_epoch() });
    }
    let mut body = payload::encode(payload, payload::limit(header.part))?;
    tamper(&mut body);
    let additional = header.additional_data();
    let epoch = keys.newest_key();
    header.salt = epoch.salt(header.workspace, &random, &additional, &body);
    let key = epoch.body_key(header.workspace, header.doc, header.salt);
    if seals_nothing() {
        body.extend([0; TAG_LEN]);
    } else {
        key.seal(&additional, &mut body);
    }
    header.body_hash = hash::body_hash(&body);
    header.body_len = u32::try_from(body.len()).unwrap_or(u32::MAX);
    Ok((header, body))
}

/// The payload of an entry, or its part of one. Stateless: depends on nothing but its arguments, so it may run on any thread, in any order.
pub fn open(entry: &Entry, keys: &KeySnapshot) -> Result<Vec<u8>, OpenError> {
    let header = entry.header();
    if header.lane != Lane::Content {
        return Err(OpenError::ControlLane);
    }
    if header.workspace != keys.workspace() {
        return Err(OpenError::WrongWorkspace);
    }
    let epoch = keys.key(header.epoch).ok_or(OpenError::NoKey(header.epoch))?;
    let mut body = entry.body().ok_or(OpenError::NoBody)?.to_vec();
    let key = epoch.body_key(header.workspace, header.doc, header.salt);
    if seals_nothing() {
        body.truncate(body.len().saturating_sub(TAG_LEN));
    } else {
        key.open(&entry.additional_data(), &mut body).map_err(|_| OpenError::NotAuthentic)?;
    }
    let free = if is_of_before(entry.signed_header().bytes()) { usize::MAX } else { FREE_EXPANSION };
    Ok(payload::decode(&body, payload::limit(header.part), free)?)
}

#[cfg(test)]
mod tests;

//! A keyring in this device's own database: all keys, sealed to the device, so that the database alone tells none.

use std::sync::Arc;

use bowline_wire::codec::{Canonical, DecodeError, Reader, Writer, decode, encode};
use bowline_wire::hash::sha256;
use bowline_wire::ids::{Commitment, HpkePublicKey, WorkspaceId};
use bowline_wire::limits::{MAX_SEALED_HISTORY, MAX_WRAP};
use bowline_wire::roster::Epoch;
use hpke::kem::X25519HkdfSha256;
use zeroize::Zeroizing;

use super::{Keyring, KeyringError};
use crate::epoch::{EPOCH_KEY_LEN, EpochKey};
use crate::keys::DeviceKeys;
use crate::rekey::{keys_in, open_history};
use crate::wrap;

/// All keys of a keyring, sealed at rest under a name that has the workspace and [`Stored::keys`] in it.
struct Stored {
    /// Which keys they are, and which are missing: where chance repeats itself, other keys are sealed under another key all the same.
    keys: [u8; 32],
    sealed: Vec<u8>,
}

impl Stored {
    fn name(&self, workspace: WorkspaceId) -> String {
        format!("keyring/{workspace}/{}", Commitment::from_bytes(self.keys))
    }
}

impl Canonical for Stored {
    fn write(&self, to: &mut Writer) {
        to.array(2).bytes(&self.keys).bytes(&self.sealed);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self { keys: from.fixed()?, sealed: from.bytes("keyring", MAX_SEALED_HISTORY)?.to_vec() })
    }
}

/// What keyrings were stored as before: the newest key wrapped to the device's X25519 key, the earlier ones sealed under it. It is
/// read for ever, and not written any more.
struct StoredBefore {
    commitment: Commitment,
    history: Vec<u8>,
    recipient: [u8; 32],
    encapsulated: Vec<u8>,
    ciphertext: Vec<u8>,
}

impl Canonical for StoredBefore {
    fn write(&self, to: &mut Writer) {
        to.array(3).value(&self.commitment).bytes(&self.history).array(1).array(4);
        to.bytes(&self.recipient).u64(1).bytes(&self.encapsulated).bytes(&self.ciphertext);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        let commitment = from.value()?;
        let history = from.bytes("sealed history", MAX_SEALED_HISTORY)?.to_vec();
        from.array(1)?;
        from.array(4)?;
        let recipient = from.fixed()?;
        if from.u64()? != 1 {
            return Err(DecodeError::Rule("stored keyrings of before are of suite 1"));
        }
        let encapsulated = from.bytes("encapsulated key", MAX_WRAP)?.to_vec();
        let ciphertext = from.bytes("wrapped key", MAX_WRAP)?.to_vec();
        Ok(Self { commitment, history, recipient, encapsulated, ciphertext })
    }
}

impl Keyring {
    /// The keyring for the device's database.
    pub fn to_stored(&self, device: &DeviceKeys, random: [u8; 32]) -> Vec<u8> {
        // Reserved at once: growing would leave copies of keys behind.
        let mut keys = Zeroizing::new(Vec::with_capacity(self.keys().count() * EPOCH_KEY_LEN));
        let mut which = Vec::new();
        for key in self.keys() {
            keys.extend_from_slice(key.map_or(&[0; EPOCH_KEY_LEN], |key| key.as_bytes()));
            which.push(key.map_or([0; 32], |key| *key.commitment().as_bytes()));
        }
        let which: Vec<&[u8]> = which.iter().map(<[u8; 32]>::as_slice).collect();
        let mut stored = Stored { keys: sha256(&which), sealed: Vec::new() };
        stored.sealed = device.seal_at_rest(&stored.name(self.workspace()), &keys, random);
        encode(&stored)
    }

    /// Reads what [`Keyring::to_stored`] made, now or in an earlier version. The roster may have gone on since, and know more epochs
    /// than the stored keyring.
    pub fn from_stored(
        workspace: WorkspaceId,
        stored: &[u8],
        device: &DeviceKeys,
        epochs: &[Epoch],
    ) -> Result<Self, KeyringError> {
        let mut keys = match decode::<Stored>(stored) {
            Ok(stored) => open(workspace, &stored, device)?,
            Err(why) => {
                let before = decode::<StoredBefore>(stored).map_err(|_| KeyringError::Stored(why))?;
                open_before(workspace, &before, device)?
            }
        };
        let newest = keys.pop().flatten().ok_or(KeyringError::NotThisDevice)?;
        let known = epochs.get(..=keys.len()).ok_or(KeyringError::EpochUnknown)?;
        Self::from_keys(workspace, keys, newest, known)
    }
}

/// All keys, oldest first.
fn open(
    workspace: WorkspaceId,
    stored: &Stored,
    device: &DeviceKeys,
) -> Result<Vec<Option<Arc<EpochKey>>>, KeyringError> {
    let opened = device.open_at_rest(&stored.name(workspace), &stored.sealed);
    let opened = opened.ok_or(KeyringError::NotThisDevice)?;
    keys_in(&opened).ok_or(KeyringError::NotThisDevice)
}

fn open_before(
    workspace: WorkspaceId,
    stored: &StoredBefore,
    device: &DeviceKeys,
) -> Result<Vec<Option<Arc<EpochKey>>>, KeyringError> {
    let StoredBefore { commitment, history, recipient, encapsulated, ciphertext } = stored;
    let info = wrap::info(workspace, &HpkePublicKey::x25519(*recipient), *commitment);
    let private = device.hpke().x25519_key();
    let newest = wrap::open_by::<X25519HkdfSha256>(&private, &info, encapsulated, ciphertext, *commitment)
        .map_err(|_| KeyringError::NotThisDevice)?;
    let mut keys = open_history(workspace, &newest, history)?;
    keys.push(Some(Arc::new(newest)));
    Ok(keys)
}

#[cfg(test)]
mod tests;

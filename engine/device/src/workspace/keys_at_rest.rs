//! Keys of workspaces at rest: sealed to this device, and read again as this version and those before it wrote them.

use bowline_core::sync::{Recipient, keys_in_records};
use bowline_crypto::{DeviceKeys, Keyring};
use bowline_store::{Reader, Tx};
use bowline_wire::codec::{Canonical, DecodeError, Reader as CborReader, Writer, decode, encode};
use bowline_wire::ids::{Commitment, EpochId, WorkspaceId};
use bowline_wire::limits::{MAX_EPOCHS, MAX_SEALED_HISTORY, MAX_WRAP};
use bowline_wire::roster::Epoch;
use rand_core::CryptoRng;

use crate::rows::roster_records;
use crate::workspace::sealed_values::AtRest;
use crate::{Damage, Error};

/// Name of the value with the keyring in use.
pub(super) const KEYRING: &str = "keyring";

/// Name of the value with keyrings of epochs that the log has lost.
pub(super) const KEYS_APART: &str = "keys-apart";

pub(super) fn restore_keys(
    read: Reader<'_>,
    keys: &DeviceKeys,
    workspace: WorkspaceId,
) -> Result<Option<Keyring>, Error> {
    let Some(bytes) = read.state(workspace, KEYRING)? else {
        return Ok(None);
    };
    let mut keyring = open_keys(&bytes, keys, workspace)?;
    for apart in keys_apart(read, workspace)? {
        keyring.read_also(&open_keys(&apart, keys, workspace)?);
    }
    Ok(Some(keyring))
}

fn open_keys(bytes: &[u8], keys: &DeviceKeys, workspace: WorkspaceId) -> Result<Keyring, Error> {
    let stored = StoredKeys::from_bytes(bytes).map_err(|_| Error::Damaged(Damage::Keyring))?;
    let keyring = Keyring::from_stored(workspace, &stored.sealed, keys, &stored.epochs);
    keyring.map_err(|_| Error::Damaged(Damage::Keyring))
}

/// Keyrings with the keys of epochs that the log has lost, as they are stored.
pub(super) fn keys_apart(read: Reader<'_>, workspace: WorkspaceId) -> Result<Vec<Vec<u8>>, Error> {
    let stored = read.state(workspace, KEYS_APART)?;
    let apart = stored.map(|bytes| decode::<StoredKeysApart>(&bytes)).transpose();
    Ok(apart.map_err(|_| Error::Damaged(Damage::Keyring))?.map_or_else(Vec::new, |apart| apart.0))
}

/// The keys that the stored records hand out to this device or to the ticket it came by, and the same as they are stored.
/// `None` if they hand out none.
pub(crate) fn find_keys(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    recipient: &Recipient<'_>,
    rest: &mut AtRest<'_>,
) -> Result<Option<(Vec<u8>, Keyring)>, Error> {
    let found = keys_in_records(workspace, &roster_records(**tx, workspace)?, recipient);
    Ok(found.map(|keyring| (seal_keys(&keyring, rest.keys, &mut *rest.random), keyring)))
}

/// All keys of a workspace for the database, sealed to this device, with what they are checked against.
pub(crate) fn seal_keys(keyring: &Keyring, keys: &DeviceKeys, random: &mut dyn CryptoRng) -> Vec<u8> {
    let mut drawn = [0; 32];
    random.fill_bytes(&mut drawn);
    let sealed = keyring.to_stored(keys, drawn);
    encode(&StoredKeys { epochs: keyring.epochs().collect(), sealed })
}

/// Keyrings beside the one in use, each as it was stored.
pub(super) struct StoredKeysApart(pub(super) Vec<Vec<u8>>);

impl Canonical for StoredKeysApart {
    fn write(&self, to: &mut Writer) {
        to.array(self.0.len());
        for stored in &self.0 {
            to.bytes(stored);
        }
    }
    fn read(from: &mut CborReader<'_>) -> Result<Self, DecodeError> {
        let len = from.array_up_to("keyrings", usize::MAX)?;
        (0..len).map(|_| Ok(from.bytes("keyring", usize::MAX)?.to_vec())).collect::<Result<_, _>>().map(Self)
    }
}

/// The keyring at rest. The commitments say what the sealed keys have to be; the roster is compared when it is used.
pub(super) struct StoredKeys {
    pub(super) epochs: Vec<Epoch>,
    sealed: Vec<u8>,
}

impl StoredKeys {
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes).or_else(|_| decode::<StoredKeysOfBefore>(bytes).map(|before| before.0))
    }

    fn sealed(from: &mut CborReader<'_>) -> Result<Vec<u8>, DecodeError> {
        Ok(from.bytes("keyring", MAX_SEALED_HISTORY + MAX_WRAP)?.to_vec())
    }
}

impl Canonical for StoredKeys {
    fn write(&self, to: &mut Writer) {
        let ids: Vec<EpochId> = self.epochs.iter().map(|epoch| epoch.id).collect();
        let commitments: Vec<Commitment> = self.epochs.iter().map(|epoch| epoch.commitment).collect();
        to.array(3).list(&ids).list(&commitments).bytes(&self.sealed);
    }
    fn read(from: &mut CborReader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        let ids: Vec<EpochId> = from.list("ids of epochs", MAX_EPOCHS)?;
        let commitments: Vec<Commitment> = from.list("epochs", MAX_EPOCHS)?;
        if ids.len() != commitments.len() {
            return Err(DecodeError::Rule("each epoch has an id and a commitment"));
        }
        let epochs = ids.into_iter().zip(commitments);
        let epochs = epochs.map(|(id, commitment)| Epoch { id, commitment }).collect();
        Ok(Self { epochs, sealed: Self::sealed(from)? })
    }
}

/// The keyring of a workspace whose log is of a draft before 3, as it was stored: its entries name epochs by their commitments.
struct StoredKeysOfBefore(StoredKeys);

impl Canonical for StoredKeysOfBefore {
    fn write(&self, to: &mut Writer) {
        let commitments: Vec<Commitment> = self.0.epochs.iter().map(|epoch| epoch.commitment).collect();
        to.array(2).list(&commitments).bytes(&self.0.sealed);
    }
    fn read(from: &mut CborReader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        let commitments: Vec<Commitment> = from.list("epochs", MAX_EPOCHS)?;
        let named = |commitment| Epoch { id: EpochId::of_before(commitment), commitment };
        let epochs = commitments.into_iter().map(named).collect();
        Ok(Self(StoredKeys { epochs, sealed: StoredKeys::sealed(from)? }))
    }
}

//! One epoch's content key, and everything derived from it.

use bowline_wire::codec::Writer;
use bowline_wire::hash;
use bowline_wire::ids::{
    Commitment, DeviceId, DocId, HpkePublicKey, RosterHash, Salt, SnapshotDigest, WireDoc, WorkspaceId,
};
use bowline_wire::roster::Epoch;
use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::aead::OneTimeKey;
use crate::derive::{Label, hkdf, hmac16, hmac32};

/// Bytes of an epoch key.
pub(crate) const EPOCH_KEY_LEN: usize = 32;

/// An epoch that is about to begin: whom its key is for, and where the record that begins it stands. All of it goes into what the key is
/// derived from.
#[derive(Clone, Copy, Debug)]
pub struct NewEpoch<'r> {
    /// Exactly those who get the key.
    pub recipients: &'r [HpkePublicKey],
    /// All of the roster's epochs so far, in order.
    pub epochs: &'r [Epoch],
    /// The roster that the record builds on.
    pub roster: RosterHash,
    /// The device that writes the record.
    pub author: DeviceId,
}

/// The secret that all active devices of a workspace share from one rekey to the next. It seals nothing itself.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct EpochKey([u8; EPOCH_KEY_LEN]);

opaque_debug!(EpochKey);

impl EpochKey {
    /// A workspace's first key. Later ones come from [`crate::Keyring::rekey`].
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut key = Self([0; EPOCH_KEY_LEN]);
        rng.fill_bytes(&mut key.0);
        key
    }

    pub(crate) const fn from_bytes(bytes: [u8; EPOCH_KEY_LEN]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; EPOCH_KEY_LEN] {
        &self.0
    }

    /// Whether these are the zeros that stand in a history for a key that is missing. Nobody draws them; who hands them out as a key gives
    /// one that no history can hold.
    pub(crate) fn is_hole(&self) -> bool {
        self.0 == [0; EPOCH_KEY_LEN]
    }

    /// What the roster says about this key: enough to recognise it, nothing to derive it from.
    pub fn commitment(&self) -> Commitment {
        Commitment::from_bytes(*hkdf(&self.0, &[], &[Label::COMMITMENT.as_bytes()]))
    }

    /// The key of the next epoch, for exactly these recipients.
    ///
    /// Fresh randomness alone would do, were it certain to be fresh. A virtual machine that is resumed twice from one
    /// image repeats it; with the recipients mixed in, it still does not hand a removed device the key of those who
    /// stay, and with author and roster no two rekeys have one key. Knowing this key and the recipients tells nothing about the
    /// next key without `random`.
    ///
    /// `earlier` is what its history will hold, so that no key ever seals two: one with a hole and one with the key that fills it.
    pub(crate) fn next(
        &self,
        workspace: WorkspaceId,
        at: &NewEpoch<'_>,
        earlier: &[Option<&Self>],
        random: &[u8; 32],
    ) -> Self {
        let mut ikm = Zeroizing::new([0; 64]);
        for (to, from) in ikm.iter_mut().zip(random.iter().chain(&self.0)) {
            *to = *from;
        }
        // With the length of each: keys of two suites in a row could else be taken for others.
        let mut listed = Writer::new();
        listed.list(at.recipients);
        let held: Vec<[u8; 32]> =
            earlier.iter().map(|key| key.map_or([0; 32], |key| *key.commitment().as_bytes())).collect();
        let info = [
            Label::NEXT_EPOCH.as_bytes(),
            workspace.as_bytes(),
            &hash::sha256(&[&listed.into_bytes()]),
            &hash::sha256(&held.iter().map(<[u8; 32]>::as_slice).collect::<Vec<_>>()),
            at.roster.as_bytes(),
            at.author.as_bytes(),
        ];
        Self(*hkdf(ikm.as_ref(), &[], &info))
    }

    /// Only the first epoch's key names documents, so that names outlive rekeys.
    pub(crate) fn document_key(&self, workspace: WorkspaceId) -> DocumentKey {
        DocumentKey(*hkdf(&self.0, &[], &[Label::DOCUMENT.as_bytes(), workspace.as_bytes()]))
    }

    /// A body's salt: different whenever randomness, header or plaintext are, so that key and nonce of a body repeat
    /// only if the whole body does, even where randomness is repeated.
    ///
    /// Randomness and plaintext hash have fixed lengths, so the three inputs cannot run into each other.
    pub(crate) fn salt(
        &self,
        workspace: WorkspaceId,
        random: &[u8; 32],
        additional: &[u8],
        plaintext: &[u8],
    ) -> Salt {
        let key = hkdf(&self.0, &[], &[Label::SALT.as_bytes(), workspace.as_bytes()]);
        Salt::from_bytes(hmac16(&key, &[random, additional, &hash::sha256(&[plaintext])]))
    }

    /// Key and nonce of one body.
    pub(crate) fn body_key(&self, workspace: WorkspaceId, doc: WireDoc, salt: Salt) -> OneTimeKey {
        OneTimeKey::derive(&self.0, salt.as_bytes(), Label::BODY, &[workspace.as_bytes(), doc.as_bytes()])
    }

    /// Key and nonce of the history under this key. There is one, which goes into what this key is derived from.
    pub(crate) fn history_key(&self, workspace: WorkspaceId) -> OneTimeKey {
        OneTimeKey::derive(&self.0, &[], Label::HISTORY, &[workspace.as_bytes()])
    }

    /// The salt of earlier keys that are handed on under this key.
    pub(crate) fn fill_salt(&self, workspace: WorkspaceId, keys: &[u8]) -> [u8; SALT_LEN] {
        *hkdf(&self.0, keys, &[Label::FILL_SALT.as_bytes(), workspace.as_bytes()])
    }

    /// Key and nonce of earlier keys that are handed on under this key, with the salt that follows from them.
    pub(crate) fn fill_key(&self, workspace: WorkspaceId, salt: &[u8]) -> OneTimeKey {
        OneTimeKey::derive(&self.0, salt, Label::FILL, &[workspace.as_bytes()])
    }
}

/// Bytes before the sealed keys of a fill. They follow from these, so that no key seals two of them: a device whose database was set back may
/// make another one, and draw the same random bytes for it.
pub(crate) const SALT_LEN: usize = 16;

/// Turns document ids into what the relay sees of them.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct DocumentKey([u8; 32]);

impl DocumentKey {
    /// Unguessable without the key, and another one in each workspace.
    pub(crate) fn wire_doc(&self, doc: DocId) -> WireDoc {
        WireDoc::from_bytes(hmac16(&self.0, &[doc.as_bytes()]))
    }

    /// What a snapshot says of a set of changes of a document, whose hashes are given in order.
    pub(crate) fn digest<'h>(
        &self,
        doc: DocId,
        sorted: impl Iterator<Item = &'h [u8; 32]>,
    ) -> SnapshotDigest {
        SnapshotDigest::from_bytes(hmac32(
            &self.0,
            [&doc.as_bytes()[..]].into_iter().chain(sorted.map(|it| &it[..])),
        ))
    }
}

#[cfg(test)]
mod tests;

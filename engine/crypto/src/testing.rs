//! What this crate's tests share: vectors, seeded randomness, and a workspace to seal in.

use std::convert::Infallible;
use std::path::PathBuf;

use bowline_wire::head::Seen;
use bowline_wire::header::{Digests, EntryType, Header, Part};
use bowline_wire::ids::{
    BodyHash, Commitment, EntryId, EpochId, HpkePublicKey, Incarnation, Lane, LogHash, Position, RosterHash,
    Salt, Signature, SnapshotDigest, WireDoc, WorkspaceId,
};
use bowline_wire::roster::Epoch;
use bowline_wire::roster::record::Wrap;
use bowline_wire::weight::Weight;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeS, Serializable as _};
use rand_chacha::ChaCha20Rng;
use rand_core::{SeedableRng, TryCryptoRng, TryRng};
use serde::{Deserialize, Deserializer};

use crate::epoch::{EpochKey, NewEpoch};
use crate::keyring::Keyring;
use crate::keys::DeviceKeys;

/// Bytes that stand in a vector as hexadecimal digits.
pub(crate) struct Hex(Vec<u8>);

impl std::ops::Deref for Hex {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(from)?;
        hex::decode(digits).map(Self).map_err(serde::de::Error::custom)
    }
}

/// Where a file of vectors is.
pub(crate) fn vector_path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file)
}

/// The cases in a file of vectors.
pub(crate) fn vectors<T: for<'de> Deserialize<'de>>(file: &str) -> Vec<T> {
    #[derive(Deserialize)]
    struct Vectors<T> {
        cases: Vec<T>,
    }
    let text = std::fs::read_to_string(vector_path(file)).unwrap();
    serde_json::from_str::<Vectors<T>>(&text).unwrap().cases
}

/// Randomness that is the same in every run.
pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// "Randomness" that is given, over and over: what a resumed virtual machine may see, and what vectors need.
pub(crate) struct Repeating<'b>(pub(crate) &'b [u8]);

impl TryRng for Repeating<'_> {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("keys are drawn as bytes")
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("keys are drawn as bytes")
    }
    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        for (to, from) in to.iter_mut().zip(self.0.iter().cycle()) {
            *to = *from;
        }
        Ok(())
    }
}

impl TryCryptoRng for Repeating<'_> {}

/// An epoch key by number.
pub(crate) fn epoch_key(number: u8) -> EpochKey {
    EpochKey::from_bytes([number; 32])
}

/// The device that all sample headers are by.
pub(crate) fn device() -> DeviceKeys {
    DeviceKeys::generate(&mut rng(1))
}

/// The workspace that all sample headers are in.
pub(crate) const WORKSPACE: WorkspaceId = WorkspaceId::from_bytes([0xa1; 32]);

/// The epoch of that key.
pub(crate) fn epoch(number: u8) -> Epoch {
    Epoch { id: EpochId::from_bytes([number; 16]), commitment: epoch_key(number).commitment() }
}

/// A keyring of [`WORKSPACE`] with this many epochs.
pub(crate) fn keyring(epochs: u8) -> Keyring {
    let mut keyring = Keyring::genesis(WORKSPACE, epoch(1).id, epoch_key(1));
    for number in 2..=epochs {
        keyring.add(epoch_key(number), epoch(number)).unwrap();
    }
    keyring
}

/// An epoch for these recipients after these epochs, always begun by the same device at the same place.
pub(crate) fn new_epoch<'r>(recipients: &'r [HpkePublicKey], epochs: &'r [Epoch]) -> NewEpoch<'r> {
    NewEpoch { recipients, epochs, roster: RosterHash::from_bytes([7; 32]), author: device().id() }
}

/// A content header in the newest epoch of `keyring` in which no field is zeros, so that each can be changed.
pub(crate) fn header(keyring: &Keyring) -> Header {
    Header {
        workspace: keyring.workspace(),
        device: device().id(),
        incarnation: Incarnation::from_bytes([2; 8]),
        lane: Lane::Content,
        seq: 7,
        prev: EntryId::from_bytes([3; 32]),
        seen: Some(Seen {
            position: Position(90),
            hash: LogHash::from_bytes([5; 32]),
            signature: Signature::from_bytes([6; 64]),
        }),
        held: Position(80),
        roster: RosterHash::from_bytes([7; 32]),
        epoch: keyring.newest_epoch(),
        entry_type: EntryType::Snapshot,
        doc: WireDoc::from_bytes([8; 16]),
        covers: Position(70),
        digests: Some(Digests {
            all: SnapshotDigest::from_bytes([9; 32]),
            own: SnapshotDigest::from_bytes([10; 32]),
        }),
        weight: Weight::of(1000),
        part: Part { index: 1, count: 2 },
        salt: Salt::ZERO,
        body_len: 0,
        body_hash: BodyHash::ZERO,
    }
}

/// A wrap made by someone who follows the format and not the rules: these bytes, said to be the key behind a commitment.
pub(crate) fn wrap_of<K: Kem>(recipient: HpkePublicKey, plaintext: &[u8], commitment: Commitment) -> Wrap {
    let public = K::PublicKey::from_bytes(recipient.as_bytes()).unwrap();
    let info =
        [b"bowline/wrap/1", &WORKSPACE.as_bytes()[..], recipient.as_bytes(), commitment.as_bytes()].concat();
    let (encapsulated, ciphertext) = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, K>(
        &OpModeS::Base,
        &public,
        &info,
        plaintext,
        &[],
        &mut rng(43),
    )
    .unwrap();
    Wrap { encapsulated: encapsulated.to_bytes().to_vec(), ciphertext }
}

//! Key derivation: HKDF and HMAC with SHA-256, and every label that keeps derived keys apart.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A label that opens an HKDF or HPKE `info`. What follows it has a fixed length for each label and suite, and no label
/// begins another, so that no two uses share an `info`.
#[derive(Clone, Copy)]
pub(crate) struct Label(&'static str);

impl Label {
    /// Tells which epoch key is meant without telling the key.
    pub(crate) const COMMITMENT: Self = Self("bowline/epoch/commitment/1");
    /// The key of the epoch after this one.
    pub(crate) const NEXT_EPOCH: Self = Self("bowline/epoch/next/1");
    /// Names documents on the wire; from the first epoch key only.
    pub(crate) const DOCUMENT: Self = Self("bowline/document/1");
    /// Makes the salts of bodies.
    pub(crate) const SALT: Self = Self("bowline/salt/1");
    /// Key and nonce of one body.
    pub(crate) const BODY: Self = Self("bowline/body/1");
    /// Key and nonce of the one history that an epoch key seals.
    pub(crate) const HISTORY: Self = Self("bowline/history/1");
    /// What sets apart the earlier keys that a device hands on under an epoch key from others.
    pub(crate) const FILL_SALT: Self = Self("bowline/fill/salt/1");
    /// Key and nonce of the earlier keys that a device hands on under an epoch key.
    pub(crate) const FILL: Self = Self("bowline/fill/1");
    /// A ticket's Ed25519 key.
    pub(crate) const TICKET_SIGNING: Self = Self("bowline/ticket/signing/1");
    /// A ticket's X25519 key.
    pub(crate) const TICKET_HPKE: Self = Self("bowline/ticket/hpke/1");
    /// A ticket's X-Wing key.
    pub(crate) const TICKET_XWING: Self = Self("bowline/ticket/xwing/1");
    /// A device's X-Wing key.
    pub(crate) const DEVICE_XWING: Self = Self("bowline/device/xwing/1");
    /// The Ed25519 key of a recovery device, from its phrase.
    pub(crate) const PHRASE_SIGNING: Self = Self("bowline/phrase/signing/1");
    /// The X25519 key of a recovery device, from its phrase.
    pub(crate) const PHRASE_HPKE: Self = Self("bowline/phrase/hpke/1");
    /// The secret of the link by which a recovery device comes in, from its phrase.
    pub(crate) const PHRASE_TICKET: Self = Self("bowline/phrase/ticket/1");
    /// HPKE: an epoch key for one recipient.
    pub(crate) const WRAP: Self = Self("bowline/wrap/1");
    /// The randomness of one wrap.
    pub(crate) const WRAP_SEED: Self = Self("bowline/wrap/seed/1");
    /// Key and nonce of one small secret in this device's database.
    pub(crate) const REST: Self = Self("bowline/rest/1");

    #[cfg(test)]
    const ALL: [Self; 18] = [
        Self::COMMITMENT,
        Self::NEXT_EPOCH,
        Self::DOCUMENT,
        Self::SALT,
        Self::BODY,
        Self::HISTORY,
        Self::FILL_SALT,
        Self::FILL,
        Self::TICKET_SIGNING,
        Self::TICKET_HPKE,
        Self::TICKET_XWING,
        Self::DEVICE_XWING,
        Self::PHRASE_SIGNING,
        Self::PHRASE_HPKE,
        Self::PHRASE_TICKET,
        Self::WRAP,
        Self::WRAP_SEED,
        Self::REST,
    ];

    pub(crate) const fn as_bytes(self) -> &'static [u8] {
        self.0.as_bytes()
    }
}

/// HKDF-SHA256 (RFC 5869), extract and expand; `info` is the concatenation of its parts. An empty `salt` is the RFC's
/// "not provided".
pub(crate) fn hkdf<const N: usize>(ikm: &[u8], salt: &[u8], info: &[&[u8]]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 32, "HKDF-SHA256 gives at most 255 blocks") };
    let mut okm = Zeroizing::new([0; N]);
    if Hkdf::<Sha256>::new(Some(salt), ikm).expand_multi_info(info, okm.as_mut()).is_err() {
        unreachable!("the only error is a length that the assertion above rules out");
    }
    okm
}

/// HMAC-SHA256 (RFC 2104) over the concatenation of `parts`, first 16 bytes.
pub(crate) fn hmac16(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 16] {
    let mut short = [0; 16];
    short.iter_mut().zip(hmac32(key, parts.iter().copied())).for_each(|(to, from)| *to = from);
    short
}

/// HMAC-SHA256 (RFC 2104) over the concatenation of `parts`.
pub(crate) fn hmac32<'p>(key: &[u8; 32], parts: impl Iterator<Item = &'p [u8]>) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of any length");
    };
    parts.for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Hex, vectors};

    #[derive(serde::Deserialize)]
    struct HkdfCase {
        name: String,
        ikm: Hex,
        salt: Hex,
        info: Hex,
        okm: Hex,
    }

    #[test]
    fn rfc_5869_test_cases_1_to_3() {
        let cases: Vec<HkdfCase> = vectors("rfc5869.json");
        assert_eq!(cases.len(), 3);
        for case in cases {
            // Split the info to see that the parts are concatenated.
            let (left, right) = case.info.split_at(case.info.len() / 2);
            let long = hkdf::<82>(&case.ikm, &case.salt, &[left, right]);
            let short = hkdf::<42>(&case.ikm, &case.salt, &[&case.info]);
            assert_eq!(long[..case.okm.len()], case.okm[..], "{}", case.name);
            assert_eq!(short[..], case.okm[..42], "{}", case.name);
        }
    }

    #[test]
    fn rfc_4231_test_case_1_shortened_and_in_parts() {
        // The RFC's key has 20 bytes; ours have 32, and HMAC fills keys up with zeros to a block: the same key.
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        assert_eq!(hex::encode(hmac16(&key, &[b"Hi ", b"There"])), "b0344c61d8db38535ca8afceaf0bf12b");
    }

    #[test]
    fn no_label_begins_another() {
        for (at, a) in Label::ALL.iter().enumerate() {
            for (other, b) in Label::ALL.iter().enumerate() {
                assert!(at == other || !a.0.starts_with(b.0), "{} begins {}", b.0, a.0);
            }
        }
    }
}

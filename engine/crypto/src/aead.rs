//! AES-256-GCM (NIST SP 800-38D) under keys that are used once.

use aes_gcm::{AeadCore, AeadInOut, Aes256Gcm, Key, KeyInit, Nonce};
use zeroize::ZeroizeOnDrop;

use crate::derive::{Label, hkdf};

/// Bytes that sealing adds.
pub(crate) const TAG_LEN: usize = 16;

/// The ciphertext or its additional data are not what was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAuthentic;

/// A key and the one nonce it is used with, both derived. Sealing and opening consume it: a second message under the
/// same key needs a second derivation.
#[derive(ZeroizeOnDrop)]
pub(crate) struct OneTimeKey {
    key: [u8; 32],
    nonce: [u8; 12],
}

impl OneTimeKey {
    /// 44 bytes from HKDF: the key, then the nonce.
    pub(crate) fn derive(ikm: &[u8], salt: &[u8], label: Label, context: &[&[u8]]) -> Self {
        let mut info = vec![label.as_bytes()];
        info.extend_from_slice(context);
        let okm = hkdf::<44>(ikm, salt, &info);
        let mut derived = Self { key: [0; 32], nonce: [0; 12] };
        for (to, from) in derived.key.iter_mut().chain(&mut derived.nonce).zip(okm.iter()) {
            *to = *from;
        }
        derived
    }

    fn cipher(&self) -> (Aes256Gcm, Nonce<<Aes256Gcm as AeadCore>::NonceSize>) {
        (Aes256Gcm::new(<&Key<Aes256Gcm>>::from(&self.key)), Nonce::from(self.nonce))
    }

    /// Encrypts `buffer` where it is and appends the tag.
    pub(crate) fn seal(self, additional: &[u8], buffer: &mut Vec<u8>) {
        let (cipher, nonce) = self.cipher();
        if cipher.encrypt_in_place(&nonce, additional, buffer).is_err() {
            unreachable!("the only error is a message beyond 64 GiB");
        }
    }

    /// Decrypts `buffer` where it is and takes the tag off. On failure the buffer holds nothing of use.
    pub(crate) fn open(self, additional: &[u8], buffer: &mut Vec<u8>) -> Result<(), NotAuthentic> {
        let (cipher, nonce) = self.cipher();
        cipher.decrypt_in_place(&nonce, additional, buffer).map_err(|_| NotAuthentic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Hex, vectors};

    #[derive(serde::Deserialize)]
    struct GcmCase {
        name: String,
        key: Hex,
        nonce: Hex,
        plaintext: Hex,
        additional: Hex,
        ciphertext: Hex,
        tag: Hex,
    }

    fn one_time_key(case: &GcmCase) -> OneTimeKey {
        OneTimeKey { key: case.key[..].try_into().unwrap(), nonce: case.nonce[..].try_into().unwrap() }
    }

    #[test]
    fn gcm_specification_test_cases_13_to_16() {
        let cases: Vec<GcmCase> = vectors("aes256gcm.json");
        assert_eq!(cases.len(), 4);
        for case in cases {
            let sealed = [&case.ciphertext[..], &case.tag[..]].concat();
            let mut buffer = case.plaintext.to_vec();
            one_time_key(&case).seal(&case.additional, &mut buffer);
            assert_eq!(buffer, sealed, "{}", case.name);
            one_time_key(&case).open(&case.additional, &mut buffer).unwrap();
            assert_eq!(buffer, case.plaintext[..], "{}", case.name);

            let mut altered = sealed.clone();
            *altered.last_mut().unwrap() ^= 1;
            assert_eq!(one_time_key(&case).open(&case.additional, &mut altered), Err(NotAuthentic));
            let mut sealed = sealed;
            assert_eq!(one_time_key(&case).open(b"other", &mut sealed), Err(NotAuthentic));
        }
    }

    #[test]
    fn less_than_a_tag_is_not_authentic() {
        for len in 0..TAG_LEN {
            let key = OneTimeKey::derive(&[1; 32], &[], Label::BODY, &[]);
            assert_eq!(key.open(&[], &mut vec![0; len]), Err(NotAuthentic));
        }
    }
}

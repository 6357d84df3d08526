//! Small secrets in this device's own database: sealed to the device, so that a copy of the database tells none.

use bowline_wire::hash::sha256;
use zeroize::Zeroizing;

use crate::aead::OneTimeKey;
use crate::derive::Label;
use crate::keys::DeviceKeys;

/// Random bytes in front of each sealed secret, from which its key is derived.
const RANDOM_LEN: usize = 32;

impl DeviceKeys {
    /// Seals a secret under its name in the database. Another name, or another device, does not open it.
    pub fn seal_at_rest(&self, name: &str, secret: &[u8], random: [u8; RANDOM_LEN]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(secret.len() + crate::aead::TAG_LEN);
        sealed.extend_from_slice(secret);
        self.rest_key(name, &random).seal(&[], &mut sealed);
        [random.as_slice(), &sealed].concat()
    }

    /// Opens what [`DeviceKeys::seal_at_rest`] made; `None` if it is not that.
    pub fn open_at_rest(&self, name: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (random, sealed) = sealed.split_first_chunk::<RANDOM_LEN>()?;
        let mut secret = Zeroizing::new(sealed.to_vec());
        self.rest_key(name, random).open(&[], &mut secret).ok()?;
        Some(secret)
    }

    fn rest_key(&self, name: &str, random: &[u8; RANDOM_LEN]) -> OneTimeKey {
        OneTimeKey::derive(self.hpke().x25519(), random, Label::REST, &[&sha256(&[name.as_bytes()])])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(seed: u8) -> DeviceKeys {
        DeviceKeys::from_bytes(&[seed; 64])
    }

    #[test]
    fn a_secret_comes_back_under_its_own_name_on_its_own_device_only() {
        let sealed = device(1).seal_at_rest("ticket", b"open sesame", [7; 32]);
        assert_eq!(device(1).open_at_rest("ticket", &sealed).unwrap().as_slice(), b"open sesame");
        assert!(device(1).open_at_rest("token", &sealed).is_none());
        assert!(device(2).open_at_rest("ticket", &sealed).is_none());
    }

    #[test]
    fn no_byte_of_it_can_be_changed_and_none_of_the_secret_shows() {
        let sealed = device(1).seal_at_rest("ticket", b"open sesame", [7; 32]);
        assert!(!sealed.windows(11).any(|window| window == b"open sesame"));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(device(1).open_at_rest("ticket", &changed).is_none(), "byte {at}");
        }
        assert!(device(1).open_at_rest("ticket", &sealed[..20]).is_none());
    }
}

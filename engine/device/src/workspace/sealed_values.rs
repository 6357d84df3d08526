//! Small secrets in the database: sealed to this device, so that a copy of the file alone tells none.

use bowline_crypto::DeviceKeys;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{Damage, Error};

/// What sealing for the database takes.
pub(crate) struct AtRest<'a> {
    pub(crate) keys: &'a DeviceKeys,
    pub(crate) random: &'a mut dyn CryptoRng,
}

impl AtRest<'_> {
    pub(crate) fn seal(&mut self, name: &str, secret: &[u8]) -> Vec<u8> {
        let mut random = [0; 32];
        self.random.fill_bytes(&mut random);
        self.keys.seal_at_rest(name, secret, random)
    }
}

/// Opens what [`AtRest::seal`] made.
pub(crate) fn open(keys: &DeviceKeys, name: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    keys.open_at_rest(name, sealed).ok_or(Error::Damaged(Damage::Secret))
}

//! The certificate a relay makes for itself from the key that its address pins.

use std::sync::Arc;

use rcgen::{CertificateParams, DnType, PKCS_ED25519, PublicKeyData, SignatureAlgorithm};
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_eddsa_type;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::sign::{CertifiedKey, SigningKey};
use zeroize::Zeroizing;

use super::pin::relay_key;
use crate::RelayKey;

/// What stands before the seed in the PKCS#8 form of an Ed25519 key (RFC 8410, section 7).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A certificate for the key that `seed` stands for, signed by that key, and the key to prove it with.
///
/// The certificate names no host and is always in date: whoever knows the key needs neither, and nobody else trusts it.
pub(super) fn self_signed(seed: &[u8; 32]) -> Result<CertifiedKey, rustls::Error> {
    let mut pkcs8 = Zeroizing::new([0; PKCS8_PREFIX.len() + 32]);
    let (prefix, rest) = pkcs8.split_at_mut(PKCS8_PREFIX.len());
    prefix.copy_from_slice(&PKCS8_PREFIX);
    rest.copy_from_slice(seed);
    let key = any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8.as_slice()))?;
    let spki = key.public_key().ok_or_else(|| unusable("a key without a public half"))?;
    let public = relay_key(&spki).ok_or_else(|| unusable("a public key of another kind"))?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Bowline relay");
    let certificate = params
        .self_signed(&Signer { key: Arc::clone(&key), public })
        .map_err(|error| unusable(&error.to_string()))?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
}

fn unusable(why: &str) -> rustls::Error {
    rustls::Error::General(format!("no certificate could be made: {why}"))
}

/// Lets rcgen sign with the key that rustls holds, so that there is no second copy of the secret.
struct Signer {
    key: Arc<dyn SigningKey>,
    public: RelayKey,
}

impl PublicKeyData for Signer {
    fn der_bytes(&self) -> &[u8] {
        self.public.as_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

impl rcgen::SigningKey for Signer {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signer =
            self.key.choose_scheme(&[SignatureScheme::ED25519]).ok_or(rcgen::Error::RemoteKeyError)?;
        signer.sign(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

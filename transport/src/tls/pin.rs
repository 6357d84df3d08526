//! Trusting one key and nothing else.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use thiserror::Error;

use crate::RelayKey;

/// What stands before the key in the `SubjectPublicKeyInfo` of an Ed25519 certificate (RFC 8410, section 4). Both have one
/// DER form, so that comparing bytes compares keys.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The Ed25519 key in a `SubjectPublicKeyInfo`; `None` if it holds another kind.
pub(super) fn relay_key(spki: &[u8]) -> Option<RelayKey> {
    let key = spki.strip_prefix(&SPKI_PREFIX)?;
    key.try_into().ok().map(RelayKey::from_bytes)
}

/// The certificate holds another key than the pinned one.
#[derive(Debug, Error)]
#[error("the certificate holds another key than the pinned one")]
pub(crate) struct OtherKey {
    /// The key it holds; `None` if that is not an Ed25519 key.
    pub(crate) found: Option<RelayKey>,
}

/// Accepts exactly the certificates that hold the pinned key, and makes the other side prove that it holds the secret.
#[derive(Debug)]
pub(super) struct PinVerifier {
    key: RelayKey,
    algorithms: WebPkiSupportedAlgorithms,
}

impl PinVerifier {
    pub(super) fn new(key: RelayKey, algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self { key, algorithms }
    }
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let found = relay_key(&certificate.subject_public_key_info());
        if found == Some(self.key) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::Other(OtherError(Arc::new(OtherKey { found }))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    // All of them, not only Ed25519: so another relay gets as far as showing its key, and the error can name it.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

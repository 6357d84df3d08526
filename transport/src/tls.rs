//! TLS on both sides: a relay whose certificate holds a key of its own, devices that know that key or ask the system whom it trusts.

mod certificate;
mod pin;

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, ServerConfig};
use rustls_platform_verifier::Verifier;
use zeroize::Zeroizing;

use crate::RelayKey;

pub(crate) use pin::OtherKey;

/// What a listener does about TLS.
pub enum ServerTls {
    /// No TLS: for this machine, or behind a proxy that does it.
    Off,
    /// A certificate signed by itself, made now from this Ed25519 seed (RFC 8032).
    SelfSigned(Zeroizing<[u8; 32]>),
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

impl ServerTls {
    /// The settings of a listener; `None` without TLS.
    pub(crate) fn config(&self) -> Result<Option<Arc<ServerConfig>>, rustls::Error> {
        let Self::SelfSigned(seed) = self else { return Ok(None) };
        let identity = certificate::self_signed(seed)?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
        // Nobody resumes: a session costs memory for as long as the relay runs, a handshake a millisecond.
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Some(Arc::new(config)))
    }
}

/// The settings for a relay whose key is known: only that key counts, not the certificate's name, dates or issuer.
pub(crate) fn pinned(key: RelayKey) -> Result<ClientConfig, rustls::Error> {
    let provider = provider();
    let verifier = Arc::new(pin::PinVerifier::new(key, provider.signature_verification_algorithms));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(without_resumption(config))
}

/// The settings for a relay that the operating system's trust store vouches for. Reads that store.
pub(crate) fn trusted() -> Result<ClientConfig, rustls::Error> {
    let provider = provider();
    let verifier = Arc::new(Verifier::new(Arc::clone(&provider))?);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(without_resumption(config))
}

fn without_resumption(mut config: ClientConfig) -> ClientConfig {
    config.resumption = Resumption::disabled();
    config
}

#[cfg(test)]
mod tests;

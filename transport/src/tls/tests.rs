//! Handshakes between a device and relays of several kinds, byte by byte in memory.

use std::io::{Read, Write};

use ed25519_dalek::SigningKey;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{CertificateError, ClientConnection, OtherError, ServerConnection, SupportedProtocolVersion};

use super::*;

const OURS: [u8; 32] = [7; 32];
const OTHERS: [u8; 32] = [8; 32];

/// The key of a seed, by another implementation of Ed25519 than the one TLS uses.
fn key(seed: [u8; 32]) -> RelayKey {
    RelayKey::from_bytes(SigningKey::from_bytes(&seed).verifying_key().to_bytes())
}

fn relay(seed: [u8; 32]) -> Arc<ServerConfig> {
    ServerTls::SelfSigned(Zeroizing::new(seed)).config().unwrap().unwrap()
}

fn only(
    version: &'static SupportedProtocolVersion,
    identity: rustls::sign::CertifiedKey,
) -> Arc<ServerConfig> {
    let config = ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[version]).unwrap();
    let resolver = Arc::new(SingleCertAndKey::from(identity));
    Arc::new(config.with_no_client_auth().with_cert_resolver(resolver))
}

/// Shakes hands and sends one byte to the device; the version they agreed on, or why the device refused.
fn meet(device: ClientConfig, relay: Arc<ServerConfig>) -> Result<rustls::ProtocolVersion, rustls::Error> {
    let name = ServerName::try_from("relay.example").unwrap();
    let mut device = ClientConnection::new(Arc::new(device), name).unwrap();
    let mut relay = ServerConnection::new(relay).unwrap();
    relay.writer().write_all(b"!").unwrap();
    loop {
        let mut flight = Vec::new();
        while device.wants_write() {
            device.write_tls(&mut flight).unwrap();
        }
        relay.read_tls(&mut flight.as_slice()).unwrap();
        relay.process_new_packets().unwrap();
        let mut flight = Vec::new();
        while relay.wants_write() {
            relay.write_tls(&mut flight).unwrap();
        }
        device.read_tls(&mut flight.as_slice()).unwrap();
        device.process_new_packets()?;
        if device.reader().read(&mut [0]).is_ok_and(|read| read == 1) {
            return Ok(device.protocol_version().unwrap());
        }
    }
}

/// Which key was found instead of the pinned one.
fn other_key(error: &rustls::Error) -> &OtherKey {
    let rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(source))) = error else {
        panic!("refused for another reason: {error}");
    };
    source.downcast_ref().expect("refused for its key")
}

#[test]
fn a_relay_with_the_pinned_key_is_trusted_whatever_its_name() {
    assert_eq!(meet(pinned(key(OURS)).unwrap(), relay(OURS)).unwrap(), rustls::ProtocolVersion::TLSv1_3);
}

#[test]
fn a_relay_of_tls_1_2_is_trusted_by_its_key() {
    let old = only(&TLS12, certificate::self_signed(&OURS).unwrap());
    assert_eq!(meet(pinned(key(OURS)).unwrap(), old).unwrap(), rustls::ProtocolVersion::TLSv1_2);
}

#[test]
fn a_relay_with_another_key_is_refused_and_its_key_named() {
    let error = meet(pinned(key(OURS)).unwrap(), relay(OTHERS)).unwrap_err();
    assert_eq!(other_key(&error).found, Some(key(OTHERS)));
}

#[test]
fn a_relay_with_a_key_of_another_kind_is_refused() {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&pair).unwrap();
    let secret = PrivateKeyDer::try_from(pair.serialize_der()).unwrap();
    let config =
        ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let chain = vec![certificate.der().clone()];
    let relay = config.with_no_client_auth().with_single_cert(chain, secret).unwrap();
    let error = meet(pinned(key(OURS)).unwrap(), Arc::new(relay)).unwrap_err();
    assert_eq!(other_key(&error).found, None);
}

#[test]
fn only_the_exact_form_of_an_ed25519_key_is_read_as_one() {
    let spki = certificate::self_signed(&OURS).unwrap().key.public_key().unwrap().to_vec();
    assert_eq!(pin::relay_key(&spki), Some(key(OURS)));
    for at in 0..12 {
        let mut other = spki.clone();
        other[at] ^= 1;
        assert_eq!(pin::relay_key(&other), None, "byte {at} before the key differs");
    }
    assert_eq!(pin::relay_key(&spki[..43]), None);
    assert_eq!(pin::relay_key(&[spki.as_slice(), &[0]].concat()), None);
}

#[test]
fn showing_the_right_certificate_without_its_secret_proves_nothing() {
    for version in [&TLS12, &TLS13] {
        let mut stolen = certificate::self_signed(&OURS).unwrap();
        stolen.key = certificate::self_signed(&OTHERS).unwrap().key;
        let error = meet(pinned(key(OURS)).unwrap(), only(version, stolen)).unwrap_err();
        let expected = rustls::Error::InvalidCertificate(CertificateError::BadSignature);
        assert_eq!(error, expected, "{version:?}");
    }
}

#[test]
fn a_key_that_stands_elsewhere_in_the_certificate_is_not_the_relays() {
    let ours = certificate::self_signed(&OURS).unwrap();
    let spki = ours.key.public_key().unwrap();
    let mut params = rcgen::CertificateParams::default();
    let extension = rcgen::CustomExtension::from_oid_content(&[1, 2, 3], spki.to_vec());
    params.custom_extensions.push(extension);
    let thief = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let certificate = params.self_signed(&thief).unwrap();
    let secret = PrivateKeyDer::try_from(thief.serialize_der()).unwrap();
    let chain = vec![certificate.der().clone()];
    let identity = rustls::sign::CertifiedKey::from_der(chain, secret, &provider()).unwrap();
    let error = meet(pinned(key(OURS)).unwrap(), only(&TLS13, identity)).unwrap_err();
    let found: [u8; 32] = thief.public_key_raw().try_into().unwrap();
    assert_eq!(other_key(&error).found, Some(RelayKey::from_bytes(found)));
}

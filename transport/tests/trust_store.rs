//! Without a pin the operating system's trust store decides. One file, since the store is chosen per process.

// Tests may fail by panicking, helpers outside of `#[test]` functions included.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::SEC_WEBSOCKET_PROTOCOL;
use bowline_cast::leash;
use bowline_transport::{
    Caps, Dial, DialError, Distrust, Link, ServerTls, WebSocketDialer, WebSocketLink, WebSocketListener,
};
use data_encoding::BASE64;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use zeroize::Zeroizing;

/// Says to a process that it is the one with the store, and where that is.
const STORE: &str = "SSL_CERT_FILE";

#[test]
fn without_a_pin_the_systems_trust_store_decides() {
    const OURS: &str = "BOWLINE_TEST_TRUST_STORE";
    if std::env::var_os(OURS).is_some() {
        let store = std::env::var_os(STORE).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(with_store(Path::new(&store)));
    }
    // Only a new process can have another store, because this one has other threads that read its environment.
    let folder = tempfile::tempdir().unwrap();
    let output = leash::command(std::env::current_exe().unwrap())
        .args(["--exact", "without_a_pin_the_systems_trust_store_decides", "--nocapture"])
        .env(OURS, "1")
        .env(STORE, folder.path().join("store.pem"))
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("1 passed"),
        "the test was renamed: nothing ran"
    );
}

/// An authority that signs for anyone, and its certificate in `store`.
async fn with_store(store: &Path) {
    std::fs::write(store, "").unwrap();
    let nobody = dial(serve(&authority().0, "localhost").await).await;
    assert!(matches!(nobody, Err(DialError::NoTrustStore(_))), "{nobody:?}");

    let (authority, certificate) = self::authority();
    std::fs::write(store, certificate).unwrap();
    let relay = dial(serve(&authority, "localhost").await).await.unwrap();
    assert_eq!(relay.peer().relay, None, "a name was proved, and no key");

    let other_name = dial(serve(&authority, "relay.example").await).await;
    assert!(
        matches!(other_name, Err(DialError::Untrusted { why: Distrust::OtherName, .. })),
        "{other_name:?}"
    );

    let other_authority = dial(serve(&self::authority().0, "localhost").await).await;
    assert!(
        matches!(other_authority, Err(DialError::Untrusted { why: Distrust::UnknownIssuer, .. })),
        "{other_authority:?}"
    );

    let tls = ServerTls::SelfSigned(Zeroizing::new([7; 32]));
    let caps = Caps { connections: 9, per_address: 9 };
    let any = "127.0.0.1:0".parse().unwrap();
    let listener = WebSocketListener::bind(any, tls, Router::new(), caps).await.unwrap();
    let self_signed = dial(listener.local_addr()).await.unwrap_err();
    assert!(matches!(self_signed, DialError::Untrusted { .. }), "{self_signed:?}");
    assert_eq!(self_signed.to_string(), "the certificate of localhost is not trusted by this system");
}

async fn dial(at: SocketAddr) -> Result<WebSocketLink, DialError> {
    WebSocketDialer.dial(&format!("wss://localhost:{}", at.port()).parse().unwrap()).await
}

fn key_pair() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

/// A new authority, and its certificate as PEM (RFC 7468).
fn authority() -> (Issuer<'static, KeyPair>, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = key_pair();
    let text = BASE64.encode(params.self_signed(&key).unwrap().der());
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
    (Issuer::new(params, key), pem)
}

/// A relay with a certificate for `name`, as one behind a proxy has, for one connection.
async fn serve(authority: &Issuer<'static, KeyPair>, name: &str) -> SocketAddr {
    let key = key_pair();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    let secret = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], secret)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        // A device that does not trust us hangs up here.
        let Ok(tls) = TlsAcceptor::from(Arc::new(config)).accept(tcp).await else { return };
        accept_hdr_async(tls, bowline).await.unwrap();
    });
    at
}

#[allow(clippy::result_large_err, clippy::unnecessary_wraps, reason = "the shape tungstenite asks for")]
fn bowline(
    _: &Request,
    mut response: Response,
) -> Result<Response, tokio_tungstenite::tungstenite::handshake::server::ErrorResponse> {
    response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("bowline.1"));
    Ok(response)
}

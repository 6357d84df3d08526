//! Opens a WebSocket to a relay: name, TCP, TLS, upgrade, each with its own way to fail.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use rustls::{CertificateError, OtherError};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::client::Response;

use super::http::FULL;
use super::{SUBPROTOCOL, SUBPROTOCOL_FAMILY, Socket, WebSocketLink, config};
use crate::tls::{self, OtherKey};
use crate::{Address, Dial, DialError, DialStep, Distrust, NotARelay, Peer};

/// How long connecting may take, from the name to the upgrade.
const CONNECTING: Duration = Duration::from_secs(10);

/// Dials relays over WebSocket; with TLS unless the address is on this machine and says `ws://`.
///
/// TLS trusts the key in the address and nothing else, or whom the operating system trusts where the address has none.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebSocketDialer;

impl Dial for WebSocketDialer {
    type Link = WebSocketLink;

    fn dial(&self, address: &Address) -> impl Future<Output = Result<WebSocketLink, DialError>> + Send {
        let address = address.clone();
        async move { connect(&address, Instant::now() + CONNECTING).await }
    }
}

async fn connect(address: &Address, late: Instant) -> Result<WebSocketLink, DialError> {
    let (tcp, from) = connect_tcp(address, late).await?;
    let (socket, relay) = if address.is_encrypted() {
        (Socket::new(in_time(late, DialStep::Tls, connect_tls(address, tcp)).await?), address.key())
    } else {
        (Socket::new(tcp), None)
    };
    let peer = Peer { relay, address: Some(from) };
    in_time(late, DialStep::WebSocket, upgrade(address, socket, peer)).await
}

/// Does one step, unless it is `late` before.
async fn in_time<T>(
    late: Instant,
    step: DialStep,
    doing: impl Future<Output = Result<T, DialError>>,
) -> Result<T, DialError> {
    timeout_at(late, doing).await.unwrap_or(Err(DialError::TimedOut { after: CONNECTING, step }))
}

/// Tries every number the name stands for, each with an equal share of the time left.
async fn connect_tcp(address: &Address, late: Instant) -> Result<(TcpStream, SocketAddr), DialError> {
    let (host, port) = address.lookup();
    let found = in_time(late, DialStep::Name, async {
        let found = lookup_host((host.as_str(), port)).await;
        found.map_err(|source| DialError::NameNotFound { host: host.clone(), source })
    });
    let numbers = permitted(address, found.await?.collect())?;
    let mut refused = io::Error::from(io::ErrorKind::NotFound);
    for (tried, number) in (0..).zip(&numbers) {
        let left = u32::try_from(numbers.len()).unwrap_or(u32::MAX).saturating_sub(tried).max(1);
        let share = late.saturating_duration_since(Instant::now()) / left;
        match timeout(share, TcpStream::connect(number)).await {
            Ok(Ok(tcp)) => {
                // Frames are written whole; waiting for more to come would only delay them.
                tcp.set_nodelay(true).map_err(DialError::Io)?;
                return Ok((tcp, *number));
            }
            Ok(Err(error)) => refused = error,
            Err(_) => refused = io::ErrorKind::TimedOut.into(),
        }
    }
    if refused.kind() == io::ErrorKind::TimedOut {
        return Err(DialError::TimedOut { after: CONNECTING, step: DialStep::Connection });
    }
    Err(DialError::Unreachable { host, port, source: refused })
}

/// Where an address may lead: without TLS only to this machine, whatever `localhost` was said to be.
fn permitted(address: &Address, mut numbers: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, DialError> {
    if !address.is_encrypted() {
        numbers.retain(|number| number.ip().is_loopback());
        if numbers.is_empty() {
            return Err(DialError::NotLoopback { host: address.host() });
        }
    }
    Ok(numbers)
}

async fn connect_tls(address: &Address, tcp: TcpStream) -> Result<TlsStream<TcpStream>, DialError> {
    let config = match address.key() {
        Some(key) => tls::pinned(key).map_err(DialError::Tls)?,
        // The trust store is a folder of files.
        None => match spawn_blocking(tls::trusted).await {
            Ok(config) => config.map_err(DialError::NoTrustStore)?,
            Err(stopped) => return Err(DialError::Io(io::Error::other(stopped))),
        },
    };
    let name = address.server_name().ok_or_else(|| DialError::Io(io::ErrorKind::InvalidInput.into()))?;
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(|error| tls_error(address, error))
}

fn tls_error(address: &Address, error: io::Error) -> DialError {
    let error = match error.downcast::<rustls::Error>() {
        Ok(error) => error,
        Err(error) => return DialError::Io(error),
    };
    let other_key = match &error {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(source))) => {
            source.downcast_ref::<OtherKey>()
        }
        _ => None,
    };
    match (address.key(), other_key) {
        (Some(expected), Some(other)) => DialError::WrongPin { expected, found: other.found },
        (None, None) if matches!(error, rustls::Error::InvalidCertificate(_)) => {
            DialError::Untrusted { host: address.host(), why: Distrust::from(&error), source: error }
        }
        _ => DialError::Tls(error),
    }
}

async fn upgrade(address: &Address, socket: Socket, peer: Peer) -> Result<WebSocketLink, DialError> {
    let mut request = address.uri().into_client_request().map_err(|error| upgrade_error(address, error))?;
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    match client_async_with_config(request, socket, Some(config())).await {
        Ok((websocket, _)) => Ok(WebSocketLink { websocket, peer, permit: None }),
        Err(error) => Err(upgrade_error(address, error)),
    }
}

fn upgrade_error(address: &Address, error: Error) -> DialError {
    let answer = match error {
        Error::Io(error) => return DialError::Io(error),
        Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            return DialError::Io(io::ErrorKind::UnexpectedEof.into());
        }
        Error::Http(response) if is_full(&response) => return DialError::Full,
        Error::Http(response) => match offered(&response) {
            Some(theirs) => return DialError::OtherVersion { theirs },
            None => NotARelay::Status(response.status().as_u16()),
        },
        Error::Protocol(ProtocolError::HttparseError(_) | ProtocolError::WrongHttpVersion) => {
            NotARelay::NotHttp
        }
        Error::Protocol(_) => NotARelay::OtherProtocol,
        _ => NotARelay::NotHttp,
    };
    DialError::NotARelay { host: address.host(), answer }
}

/// Whether a refusal is a relay's that takes no more connections, and not that of a proxy before one that is down.
fn is_full(response: &Response) -> bool {
    let body = response.body().as_deref().unwrap_or_default();
    response.status() == StatusCode::SERVICE_UNAVAILABLE
        // Relays of before say it in words alone.
        && (offered(response).is_some() || body.starts_with(FULL.as_bytes()))
}

/// The versions of our subprotocol in a refusal: only relays name any.
fn offered(response: &Response) -> Option<String> {
    let offered = response.headers().get(SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    offered.split(',').any(|one| one.trim().starts_with(SUBPROTOCOL_FAMILY)).then(|| offered.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_localhost_that_leads_elsewhere_gets_nothing_without_tls() {
        let plain = "ws://localhost:80".parse().unwrap();
        let found = numbers(&["192.0.2.1:80", "127.0.0.1:80", "[2001:db8::1]:80", "[::1]:80"]);
        assert_eq!(permitted(&plain, found).unwrap(), numbers(&["127.0.0.1:80", "[::1]:80"]));
        let elsewhere = permitted(&plain, numbers(&["192.0.2.1:80"])).unwrap_err();
        let said = "localhost is not this machine here, and nothing leaves this machine without TLS";
        assert_eq!(elsewhere.to_string(), said);
    }

    #[test]
    fn with_tls_a_name_may_lead_anywhere() {
        let encrypted = "wss://localhost".parse().unwrap();
        let found = numbers(&["192.0.2.1:443", "127.0.0.1:443"]);
        assert_eq!(permitted(&encrypted, found.clone()).unwrap(), found);
    }
}

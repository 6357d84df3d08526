//! Moves whole frames between a device and a relay, and between two devices.
//!
//! [`Dial`] reaches a relay, [`Listen`] is reached, and both give a [`Link`], which carries frames both ways with
//! back-pressure. What exists is WebSocket, over TLS ([`WebSocketDialer`], [`WebSocketListener`]) and over pipes in
//! memory for tests ([`memory`]); iroh for direct connections is planned beside it.
//!
//! Architecture Invariant: this crate never decodes an entry. It sees frames as bytes, checks their size, and
//! knows nothing of documents, keys or the roster.

mod address;
mod backoff;
mod dial;
mod link;
pub mod memory;
mod tls;
mod websocket;

pub use address::{Address, AddressError, RelayKey, RelayKeyError, Token, TokenError};
pub use backoff::Backoff;
pub use dial::{Dial, DialError, DialStep, Distrust, NotARelay};
pub use link::{Ended, Frame, Link, LinkError, Listen, Peer};
pub use tls::ServerTls;
pub use websocket::{Caps, WebSocketDialer, WebSocketLink, WebSocketListener};

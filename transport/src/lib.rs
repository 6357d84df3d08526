//! Moves whole frames between a device and a relay, and between two devices.
//!
//! Three ways are planned: WebSocket over TLS (proxies, pinning), iroh for direct connections, and a pair in
//! memory for tests. None of them exists yet: the simulated world of `bowline-tests` hands frames over by itself,
//! so this crate stays empty until a device first opens a socket.
//!
//! Architecture Invariant: this crate never decodes an entry. It sees frames as bytes, checks their size, and
//! knows nothing of documents, keys or the roster.

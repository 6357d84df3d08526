//! Tests of the relay from outside its frames: what goes in, what comes out.

mod admission;
mod append;
mod bodies;
mod commits;
mod handshake;
mod holdings;
mod hostile;
mod lost;
mod put_back;
mod removal;
mod restored;
mod room;
mod shutdown;
mod subscribe;
mod tickets;

//! The shipped binaries as people run them: several processes, real sockets, real disks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "tests may fail loudly, in their own functions too"
)]

/// In a module of this name, so that a run of everything else can skip them by it.
mod processes {
    mod another_user;
    mod brought_back;
    mod demo;
    mod full_disk;
    mod idle;
    mod import;
    mod kills;
    mod latency;
    mod lies;
    mod lost_bodies;
    mod moved;
    mod offline;
    mod plaintext;
    mod readme;
    mod restored;
    mod walk_through;
}

use bowline_tests::processes::{Home, Relay};

/// Two devices of one person in a workspace on this relay.
fn two_devices(relay: &Relay) -> (Home, Home) {
    let (laptop, desktop) = (Home::init("Ana", "laptop"), Home::init("Ana", "desktop"));
    link(&laptop, &desktop, relay);
    (laptop, desktop)
}

/// Makes a workspace with one home and brings the other in as a device of the same person.
fn link(laptop: &Home, desktop: &Home, relay: &Relay) {
    laptop.run(["workspace", "create", "--relay", relay.address()]).answer();
    let code = laptop.run(["device", "link"]).answer();
    desktop.run(["join", code.trim(), "--yes"]).answer();
}

/// A conversation that both have.
fn shared_conversation(laptop: &Home, desktop: &Home) -> String {
    let id = laptop.run(["chat", "new", "--title", "shared"]).answer().trim().to_owned();
    laptop.run(["sync"]).answer();
    desktop.run(["sync"]).answer();
    id
}

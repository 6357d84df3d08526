//! Tests of the relay from outside its frames: what goes in, what comes out.

mod admission;
mod append;
mod begun_again;
mod bodies;
mod checkpoints;
mod commits;
mod giving_up;
mod handshake;
mod holdings;
mod hostile;
mod letting_go;
mod lookup;
mod lost;
mod put_back;
mod record_bytes;
mod removal;
mod replays;
mod restored;
mod roles;
mod room;
mod shutdown;
mod subscribe;
mod tickets;

use bowline_wire::checkpoint::{Checkpoint, Freed};
use bowline_wire::entry::Entry;
use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::{Lane, Position, StateDigest, WorkspaceId};

use crate::session::ConnId;
use crate::testing::author::Author;
use crate::testing::bench::Bench;

/// A laptop and a phone in one workspace, both connected.
struct Two {
    bench: Bench,
    workspace: WorkspaceId,
    laptop: Author,
    phone: Author,
    on_laptop: ConnId,
    on_phone: ConnId,
}

impl Two {
    fn connected() -> Self {
        let (mut bench, mut laptop, mut phone) = (Bench::new(), Author::new(1), Author::new(2));
        let (workspace, on_laptop) = bench.create(&mut laptop);
        let on_phone = bench.let_in((&mut laptop, on_laptop), &mut phone, workspace);
        Self { bench, workspace, laptop, phone, on_laptop, on_phone }
    }

    /// A device's word about the state at a place.
    fn word_on(&mut self, by_phone: bool, about: Position, digest: StateDigest, freed: Vec<Freed>) -> Entry {
        let view = self.bench.view(self.workspace);
        let author = if by_phone { &mut self.phone } else { &mut self.laptop };
        let header = author.draft(&view, EntryType::Checkpoint, Lane::Control);
        author.write(Header { covers: about, ..header }, &Checkpoint { digest, freed }.to_body())
    }
}

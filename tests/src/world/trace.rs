//! What happened, line by line, and a hash over it: the same seed has to give the same.

use bowline_wire::codec::decode;
use bowline_wire::entry::SignedEntry;
use bowline_wire::frame::{Frame, LetGo};
use bowline_wire::ids::{Position, WorkspaceId};
use sha2::{Digest, Sha256};

/// Lines of the end of a history that are kept for a person to read.
const KEPT: usize = 400;

/// What happened.
#[derive(Clone, Default)]
pub struct Trace {
    hasher: Sha256,
    kept: std::collections::VecDeque<String>,
}

impl Trace {
    pub(super) fn line(&mut self, line: &str) {
        self.hasher.update(line.as_bytes());
        self.hasher.update(b"\n");
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(line.to_owned());
    }

    /// A hash over everything that happened.
    pub fn hash(&self) -> [u8; 32] {
        self.hasher.clone().finalize().into()
    }

    /// The last lines.
    pub fn last(&self, lines: usize) -> impl Iterator<Item = &str> {
        self.kept.iter().skip(self.kept.len().saturating_sub(lines)).map(String::as_str)
    }
}

/// A frame in a few words. Ids of entries are those in `workspace`.
pub(super) fn frame(bytes: &[u8], workspace: Option<WorkspaceId>) -> String {
    let id = |entry: &SignedEntry| entry.id(workspace.unwrap_or(WorkspaceId::ZERO));
    match decode::<Frame>(bytes) {
        Ok(Frame::Hello(_)) => "Hello".to_owned(),
        Ok(Frame::Challenge(_)) => "Challenge".to_owned(),
        Ok(Frame::Proof(proof)) => format!("Proof {:?} create={}", proof.party, proof.create.is_some()),
        Ok(Frame::Welcome(welcome)) => format!("Welcome at {}", welcome.head.position),
        Ok(Frame::Subscribe { after }) => format!("Subscribe after {after}"),
        Ok(Frame::Entries { first, entries, head }) => {
            format!(
                "Entries {first}..={} {:?}",
                head.position,
                entries.first().map(|logged| id(&logged.entry))
            )
        }
        Ok(Frame::Append { entries }) => {
            format!("Append {:?}", entries.iter().map(id).collect::<Vec<_>>())
        }
        Ok(Frame::Appended { entries, head }) => format!("Appended {entries:?} at {}", head.position),
        Ok(Frame::Refused { entry, reason, .. }) => format!("Refused {entry:?} {reason:?}"),
        Ok(Frame::Head(head)) => format!("Head {}", head.position),
        Ok(Frame::Records { entries, more }) => format!("Records {} more={more}", entries.len()),
        Ok(Frame::Holdings { devices }) => {
            let said = devices.iter().map(|said| format!("{:?} at {}", said.device, said.position));
            format!("Holdings {}", said.collect::<Vec<_>>().join(", "))
        }
        Ok(Frame::Ping) => "Ping".to_owned(),
        Ok(Frame::Goodbye { reason, text }) => format!("Goodbye {reason:?} {text}"),
        Ok(Frame::Fetch { positions }) => format!("Fetch {:?}", numbers(&positions)),
        Ok(Frame::Wanted { positions }) => format!("Wanted {:?}", numbers(&positions)),
        Ok(Frame::Supply { bodies }) => {
            let positions: Vec<Position> = bodies.iter().map(|supplied| supplied.position).collect();
            format!("Supply {:?}", numbers(&positions))
        }
        Ok(Frame::Lookup(lookup)) => format!("Lookup {:?}", lookup.device),
        Ok(Frame::Found { workspaces }) => format!("Found {}", workspaces.len()),
        Ok(Frame::State(piece)) => format!("State {:?} {}..{}", piece.digest, piece.offset, piece.end()),
        Ok(Frame::StateWanted { digest, offset }) => format!("StateWanted {digest:?} from {offset}"),
        Ok(Frame::LetGo(LetGo { stood, .. })) => format!("LetGo up to {} by {:?}", stood.at, stood.digest),
        Ok(Frame::SubscribeFrom { digest, after }) => format!("SubscribeFrom {digest:?} after {after}"),
        Ok(Frame::Kept { entries, more }) => format!("Kept {} more={more}", entries.len()),
        Err(error) => format!("{} bytes that are not a frame: {error}", bytes.len()),
    }
}

fn numbers(positions: &[Position]) -> Vec<u64> {
    positions.iter().map(|position| position.0).collect()
}

//! A log that goes on under another key after its relay was put back.

use bowline_core::consent::Holding;
use bowline_wire::ids::{LogId, Position};
use bowline_wire::log::Log;
use bowline_wire::successor::{SaidSuccessor, Succession, Successor};
use ed25519_dalek::SigningKey;

use super::Story;
use crate::authors::{seed, signer};

impl Story {
    pub(super) fn succession(&self) -> Succession {
        Succession::stored(self.log.head().workspace, &self.said).unwrap()
    }

    /// The log after its relay was put back to a place: it goes on from there under another key.
    pub fn continued(&self, end: Position) -> Self {
        let identity = SigningKey::from_bytes(&seed("relay's identity"));
        let relay = SigningKey::from_bytes(&seed(&format!("log {}", self.said.len() + 2)));
        let head = self.log.head();
        let successor = Successor {
            workspace: head.workspace,
            old: head.log,
            position: end,
            hash: self.hash_at(end),
            new: LogId::from_bytes(relay.verifying_key().to_bytes()),
        };
        let public = identity.verifying_key().to_bytes();
        let said = SaidSuccessor::sign(successor, signer(&self.relay), &public, signer(&identity)).unwrap();
        let mut story = self.clone();
        story.said.push(said);
        story.relay = relay;
        story.log = Log::begun(head.workspace, head.log, &story.succession());
        story.hashes = vec![story.log.head().hash];
        for it in std::mem::take(&mut story.stored).iter().take(usize::try_from(end.0).unwrap()) {
            if it.is_accepted {
                story.put(&it.entry)
            } else {
                story.pass(&it.entry)
            };
        }
        story.says.retain(|at, _| *at <= end);
        story.holds.retain(|at, _| *at <= end);
        story.counts.values_mut().for_each(|counts| counts.retain(|(at, ..)| *at <= end));
        story
    }

    /// Sends again what stood at a place of the log before, with what is in it.
    pub fn again(&mut self, before: &Self, at: Position) -> Position {
        let here = self.put(&before.stored_at(at).entry);
        if let Some(says) = before.says.get(&at) {
            self.says.insert(here, Holding { position: here, ..says.clone() });
        }
        if let Some(holds) = before.holds.get(&at) {
            self.holds.insert(here, holds.clone());
        }
        for (doc, counts) in &before.counts {
            let moved = counts.iter().filter(|(place, ..)| *place == at);
            let moved = moved.map(|(_, change, actor)| (here, *change, *actor));
            self.counts.entry(*doc).or_default().extend(moved);
        }
        here
    }
}

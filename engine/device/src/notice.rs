//! What a person may want to know about, as it happens.

use std::collections::VecDeque;

use bowline_core::document::Kind;
use bowline_core::sync::{JoinFailed, RelayFault};
use bowline_wire::frame::Reason;
use bowline_wire::ids::{DocId, EntryId, TicketKey, WorkspaceId};
use bowline_wire::roster::Void;

use crate::workspace::code::CodeKind;

/// Something that happened in a workspace.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// An invite or link is open: its code is ready, see [`crate::Device::code`].
    CodeReady {
        /// The workspace it happened in.
        workspace: WorkspaceId,
        /// Whom the code lets in.
        kind: CodeKind,
        /// The invite or link.
        ticket: TicketKey,
    },
    /// A decision is in force: the relay has signed for it.
    Decided {
        /// The workspace it happened in.
        workspace: WorkspaceId,
        /// The record.
        entry: EntryId,
    },
    /// A decision came to nothing.
    DecisionVoid {
        /// The workspace it happened in.
        workspace: WorkspaceId,
        /// Why the decision came to nothing.
        why: Void,
    },
    /// Nothing was given up: all that this was decided of has come.
    NothingToGiveUp(WorkspaceId),
    /// This device is in.
    Joined(WorkspaceId),
    /// The code did not let this device in.
    JoinFailed(WorkspaceId, JoinFailed),
    /// This device was removed, or has left.
    Removed(WorkspaceId),
    /// This database was restored from a copy, or there is another copy of it at work. Nothing is lost; the device goes
    /// on in a life of its own.
    OtherLife(WorkspaceId),
    /// The relay takes nothing of ours for now. What waits stays queued.
    HeldUp {
        /// The workspace it happened in.
        workspace: WorkspaceId,
        /// Why the relay takes nothing.
        reason: Reason,
    },
    /// An entry of ours was refused for good. It is kept, and what it held is sealed again.
    Refused {
        /// The workspace it happened in.
        workspace: WorkspaceId,
        /// The entry.
        entry: EntryId,
        /// Why the relay refused it.
        reason: Reason,
    },
    /// The relay withholds bodies of content, for the first time or after everything had come. See the workspace's status.
    Withheld(WorkspaceId),
    /// All that the relay had withheld has come.
    NothingWithheld(WorkspaceId),
    /// Something that cannot be read, verified or applied was put aside. See the workspace's status.
    Quarantined {
        /// The workspace it happened in.
        workspace: WorkspaceId,
        /// The entry.
        entry: EntryId,
    },
    /// The Owner has given up content, which counts nowhere any more. What this device had written in it is sealed anew.
    GivenUp {
        /// The workspace it happened in.
        workspace: WorkspaceId,
        /// How many entries of it are here.
        entries: u64,
        /// How many of them are this device's own.
        own: u64,
    },
    /// What was written here did not count: a copy of this home, or somebody whose work it was built on, had said another thing
    /// under the same number before. It is written once more, and nothing of it is lost.
    WrittenAgain {
        /// The workspace it happened in.
        workspace: WorkspaceId,
        /// The document.
        id: DocId,
    },
    /// A document that this device had imported and shared is one now with that which another device of the same person had
    /// shared before.
    Merged {
        /// The workspace it happened in.
        workspace: WorkspaceId,
        /// What they are.
        kind: Kind,
        /// The one document that both are.
        into: DocId,
        /// The other one, which is in the trash.
        from: DocId,
    },
    /// The relay was restored from a backup: what it lacks is sent again, and nothing new before it.
    Restored {
        /// The workspace it happened in.
        workspace: WorkspaceId,
        /// How many entries are sent again.
        entries: usize,
    },
    /// The Owner has moved the workspace to another relay, and this device goes there.
    Moved {
        /// The workspace it happened in.
        workspace: WorkspaceId,
        /// The relay's address.
        address: String,
    },
    /// What is stored of this workspace cannot be read; it is left alone, and out.
    Damaged(WorkspaceId),
    /// The relay was caught.
    RelayFault(WorkspaceId, Box<RelayFault>),
}

/// Notices kept for a host that does not ask for them; the oldest go first, and status still shows what they were about.
const MAX_NOTICES: usize = 1024;

/// What happened and nobody has asked for yet, oldest first.
#[derive(Default)]
pub(crate) struct Notices {
    waiting: VecDeque<Notice>,
}

impl Notices {
    pub(crate) fn push(&mut self, notice: Notice) {
        if self.waiting.len() == MAX_NOTICES {
            self.waiting.pop_front();
        }
        self.waiting.push_back(notice);
    }

    pub(crate) fn extend(&mut self, notices: Vec<Notice>) {
        for notice in notices {
            self.push(notice);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Notice> {
        self.waiting.pop_front()
    }
}

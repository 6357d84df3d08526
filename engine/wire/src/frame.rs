//! Frames: what a device and a relay say to one another. One frame is one CBOR array
//! `[version, number, fields…]` of at most [`crate::limits::MAX_FRAME`] bytes.

mod opening;
mod reason;
mod states;
mod word;

pub use self::opening::{
    Challenge, Create, Hello, Lookup, Party, Proof, VERSIONS, Welcome, is_hello_of_before,
};
pub use self::states::{LetGo, STATES, StatePiece};
pub use self::word::{Transcript, Word};
use crate::bodies::Supplied;
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::entry::{LoggedEntry, SignedEntry};
use crate::head::SeenHead;
use crate::holding::SaidHolding;
use crate::ids::{EntryId, Position, StateDigest, WorkspaceId};
use crate::limits::{
    MAX_BODIES_PER_FRAME, MAX_ENTRIES_PER_FRAME, MAX_FOUND, MAX_FRAME, MAX_HOLDINGS_PER_FRAME,
    MAX_REASON_TEXT,
};

pub use self::reason::Reason;

/// The one version field; raised when a frame changes in a way that capabilities cannot express.
pub const FRAME_VERSION: u64 = 1;

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Device → relay, first: a nonce, and what the device can do.
    Hello(Hello),
    /// Relay → device: who the relay is; sign this.
    Challenge(Challenge),
    /// Device → relay: which workspace and who, signed, and the workspace itself if the relay has still to make it.
    Proof(Box<Proof>),
    /// Relay → device: you are in; this is the log.
    Welcome(Welcome),
    /// Device → relay: send what comes after this position, and keep sending.
    Subscribe {
        /// The last position the device has ingested.
        after: Position,
    },
    /// Relay → device: consecutive entries; the head is at the last of them.
    Entries {
        /// Position of the first entry.
        first: Position,
        /// The entries with the log's times, in log order.
        entries: Vec<LoggedEntry>,
        /// The head at the last entry.
        head: SeenHead,
    },
    /// Device → relay: put these entries on the log, in this order. Each is answered for itself.
    Append {
        /// The entries, in chain order.
        entries: Vec<SignedEntry>,
    },
    /// Relay → device: these entries are durable.
    Appended {
        /// The entries' ids in the order they were appended, each with its position.
        entries: Vec<(EntryId, Position)>,
        /// A head at or after the last of these entries.
        head: SeenHead,
    },
    /// Relay → device: this entry was not appended.
    Refused {
        /// The entry that was not appended.
        entry: EntryId,
        /// Why it was not appended.
        reason: Reason,
        /// For [`Reason::SeqTaken`]: the entry, without body, that has the number.
        proof: Option<Box<SignedEntry>>,
        /// A sentence for people; may be empty.
        text: String,
    },
    /// Relay → device: the log's head now. The answer to a ping.
    Head(SeenHead),
    /// Relay → ticket holder: all roster records of the log so far, with their positions, in order.
    Records {
        /// Roster entries with bodies and the log's times.
        entries: Vec<(Position, LoggedEntry)>,
        /// Whether more follow.
        more: bool,
    },
    /// Device → relay: are you there, and where is the log?
    Ping,
    /// Either side: this is the last frame.
    Goodbye {
        /// Why the session ends.
        reason: Reason,
        /// A sentence for people; may be empty.
        text: String,
    },
    /// Device → relay: what the device holds, its own word alone. Relay → device: the latest word of others. Only where both
    /// sides named [`HOLDINGS`].
    Holdings {
        /// The devices' words, each device's once.
        devices: Vec<SaidHolding>,
    },
    /// Device → relay: send the bodies of these entries, which have come without.
    Fetch {
        /// The entries' positions, ascending.
        positions: Vec<Position>,
    },
    /// Relay → device: of the bodies that were asked for those that it has, up to a frame; of the rest up to the last of these,
    /// or of all if there are none, it has lost the bodies. Device → relay: bodies that the relay wants.
    Supply {
        /// The bodies, in the order of their positions.
        bodies: Vec<Supplied>,
    },
    /// Relay → device: the relay has lost the bodies of these entries, and asks whoever holds them.
    Wanted {
        /// The entries' positions, ascending.
        positions: Vec<Position>,
    },
    /// Device → relay, in the place of a proof: in which workspaces is this recovery device? Only where both sides named
    /// [`LOOKUP`].
    Lookup(Lookup),
    /// Relay → device, the answer to a look-up, and the last frame.
    Found {
        /// Workspaces in which the device is an active recovery device, ascending.
        workspaces: Vec<WorkspaceId>,
    },
    /// Either side, to whoever wants it: some bytes of a log's state. These five only where both sides named [`STATES`].
    State(StatePiece),
    /// Either side: send the bytes of this state from here on, as many as fit a frame.
    StateWanted {
        /// The digest of the state.
        digest: StateDigest,
        /// How many of its bytes are here.
        offset: u64,
    },
    /// Relay → device: entries that were subscribed to are gone, because this checkpoint stands; begin from its state.
    LetGo(LetGo),
    /// Device → relay: send what stays at or below the place of this state after this position, then what comes behind the place,
    /// and keep sending.
    SubscribeFrom {
        /// The digest of the state that the device has.
        digest: StateDigest,
        /// The last position of those that the device has of what stays.
        after: Position,
    },
    /// Relay → device: entries that stay below a checkpoint, with their positions, in order.
    Kept {
        /// The entries, each in its place.
        entries: Vec<(Position, LoggedEntry)>,
        /// Whether more follow.
        more: bool,
    },
}

/// The capability of a side that asks or answers in which workspaces a recovery device is.
pub const LOOKUP: &str = "lookup/1";

/// The capability of a side that says and hears [`Frame::Holdings`].
pub const HOLDINGS: &str = "holdings/1";

/// Names and numbers of the frames, reserved ones included; PROTOCOL.md's table is compared with this.
pub const FRAME_NUMBERS: [(&str, u64); 27] = [
    ("Hello", 1),
    ("Challenge", 2),
    ("Proof", 3),
    ("Welcome", 4),
    ("Subscribe", 5),
    ("Entries", 6),
    ("Append", 7),
    ("Appended", 8),
    ("Refused", 9),
    ("Head", 10),
    ("Records", 11),
    ("Ping", 12),
    ("Goodbye", 13),
    ("SnapshotWanted", 14),
    ("Ephemeral", 15),
    ("Successor", 16),
    ("Holdings", 17),
    ("Fetch", 18),
    ("Supply", 19),
    ("Wanted", 20),
    ("Lookup", 21),
    ("Found", 22),
    ("State", 23),
    ("StateWanted", 24),
    ("LetGo", 25),
    ("SubscribeFrom", 26),
    ("Kept", 27),
];

impl Canonical for Frame {
    fn write(&self, to: &mut Writer) {
        match self {
            Self::Hello(hello) => hello.write_to(open(to, 3, 1)),
            Self::Challenge(challenge) => challenge.write_to(open(to, 6, 2)),
            Self::Proof(proof) => proof.write_to(open(to, 5, 3)),
            Self::Welcome(welcome) => welcome.write_to(open(to, 5, 4)),
            Self::Subscribe { after } => {
                open(to, 1, 5).value(after);
            }
            Self::Entries { first, entries, head } => {
                open(to, 3, 6).value(first).list(entries).value(head);
            }
            Self::Append { entries } => {
                open(to, 1, 7).list(entries);
            }
            Self::Appended { entries, head } => {
                open(to, 2, 8).list(entries).value(head);
            }
            Self::Refused { entry, reason, proof, text } => {
                open(to, 4, 9).value(entry).u64(reason.number().into());
                to.option(proof.as_ref(), |to, proof| proof.write(to)).text(text);
            }
            Self::Head(head) => {
                open(to, 1, 10).value(head);
            }
            Self::Records { entries, more } => {
                open(to, 2, 11).list(entries).bool(*more);
            }
            Self::Ping => {
                open(to, 0, 12);
            }
            Self::Goodbye { reason, text } => {
                open(to, 2, 13).u64(reason.number().into()).text(text);
            }
            Self::Holdings { devices } => {
                open(to, 1, 17).list(devices);
            }
            Self::Fetch { positions } => {
                open(to, 1, 18).list(positions);
            }
            Self::Supply { bodies } => {
                open(to, 1, 19).list(bodies);
            }
            Self::Wanted { positions } => {
                open(to, 1, 20).list(positions);
            }
            Self::Lookup(lookup) => lookup.write_to(open(to, 2, 21)),
            Self::Found { workspaces } => {
                open(to, 1, 22).list(workspaces);
            }
            Self::State(piece) => piece.write_to(open(to, StatePiece::FIELDS, 23)),
            Self::StateWanted { digest, offset } => {
                open(to, 2, 24).value(digest).u64(*offset);
            }
            Self::LetGo(let_go) => let_go.write_to(open(to, LetGo::FIELDS, 25)),
            Self::SubscribeFrom { digest, after } => {
                open(to, 2, 26).value(digest).value(after);
            }
            Self::Kept { entries, more } => {
                open(to, 2, 27).list(entries).bool(*more);
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        // As in records, the number of fields is checked by the canonical comparison.
        from.at_most("frame", MAX_FRAME)?;
        from.array_up_to("frame", 16)?;
        let version = from.u64()?;
        if version != FRAME_VERSION {
            return Err(DecodeError::UnknownNumber { what: "frame version", number: version });
        }
        Ok(match from.u64()? {
            1 => Self::Hello(Hello::read_from(from)?),
            2 => Self::Challenge(Challenge::read_from(from)?),
            3 => Self::Proof(Box::new(Proof::read_from(from)?)),
            4 => Self::Welcome(Welcome::read_from(from)?),
            5 => Self::Subscribe { after: from.value()? },
            6 => Self::Entries {
                first: from.value()?,
                entries: from.list("entries", MAX_ENTRIES_PER_FRAME)?,
                head: from.value()?,
            },
            7 => Self::Append { entries: from.list("entries", MAX_ENTRIES_PER_FRAME)? },
            8 => {
                Self::Appended { entries: from.list("entries", MAX_ENTRIES_PER_FRAME)?, head: from.value()? }
            }
            9 => Self::Refused {
                entry: from.value()?,
                reason: read_reason(from)?,
                proof: from.option(|from| SignedEntry::read(from).map(Box::new))?,
                text: from.text("text", MAX_REASON_TEXT)?.to_owned(),
            },
            10 => Self::Head(from.value()?),
            11 => Self::Records { entries: from.list("entries", MAX_ENTRIES_PER_FRAME)?, more: from.bool()? },
            12 => Self::Ping,
            13 => Self::Goodbye {
                reason: read_reason(from)?,
                text: from.text("text", MAX_REASON_TEXT)?.to_owned(),
            },
            17 => Self::Holdings { devices: from.list("holdings", MAX_HOLDINGS_PER_FRAME)? },
            18 => Self::Fetch { positions: read_positions(from)? },
            19 => Self::Supply { bodies: read_bodies(from)? },
            20 => Self::Wanted { positions: read_positions(from)? },
            21 => Self::Lookup(Lookup::read_from(from)?),
            22 => Self::Found { workspaces: read_workspaces(from)? },
            23 => Self::State(StatePiece::read_from(from)?),
            24 => Self::StateWanted { digest: from.value()?, offset: from.u64()? },
            25 => Self::LetGo(LetGo::read_from(from)?),
            26 => Self::SubscribeFrom { digest: from.value()?, after: from.value()? },
            27 => Self::Kept { entries: read_kept(from)?, more: from.bool()? },
            number => {
                return Err(DecodeError::UnknownNumber { what: "frame", number });
            }
        })
    }
}

fn open(to: &mut Writer, fields: usize, number: u64) -> &mut Writer {
    to.array(fields + 2).u64(FRAME_VERSION).u64(number)
}

fn read_reason(from: &mut Reader<'_>) -> Result<Reason, DecodeError> {
    from.u16().map(Reason::from_number)
}

fn read_positions(from: &mut Reader<'_>) -> Result<Vec<Position>, DecodeError> {
    let positions: Vec<Position> = from.list("positions", MAX_BODIES_PER_FRAME)?;
    in_order(positions, |position| *position)
}

fn read_kept(from: &mut Reader<'_>) -> Result<Vec<(Position, LoggedEntry)>, DecodeError> {
    let entries: Vec<(Position, LoggedEntry)> = from.list("entries", MAX_ENTRIES_PER_FRAME)?;
    in_order(entries, |(position, _)| *position)
}

fn read_workspaces(from: &mut Reader<'_>) -> Result<Vec<WorkspaceId>, DecodeError> {
    let workspaces: Vec<WorkspaceId> = from.list("workspaces", MAX_FOUND)?;
    if workspaces.is_sorted_by(|a, b| a < b) {
        Ok(workspaces)
    } else {
        Err(DecodeError::Rule("workspaces ascend without repetition"))
    }
}

fn read_bodies(from: &mut Reader<'_>) -> Result<Vec<Supplied>, DecodeError> {
    let bodies: Vec<Supplied> = from.list("bodies", MAX_BODIES_PER_FRAME)?;
    in_order(bodies, |supplied| supplied.position)
}

fn in_order<T>(items: Vec<T>, at: impl Fn(&T) -> Position) -> Result<Vec<T>, DecodeError> {
    if items.is_sorted_by(|a, b| at(a) < at(b)) {
        Ok(items)
    } else {
        Err(DecodeError::Rule("positions ascend without repetition"))
    }
}

impl Canonical for (EntryId, Position) {
    fn write(&self, to: &mut Writer) {
        to.array(2).value(&self.0).value(&self.1);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok((from.value()?, from.value()?))
    }
}

impl Canonical for (Position, LoggedEntry) {
    fn write(&self, to: &mut Writer) {
        to.array(2).value(&self.0).value(&self.1);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok((from.value()?, from.value()?))
    }
}

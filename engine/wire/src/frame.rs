//! Frames: what a device and a relay say to one another. One frame is one CBOR array
//! `[version, number, fields…]` of at most [`crate::limits::MAX_FRAME`] bytes.

mod reason;

use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::entry::SignedEntry;
use crate::head::SeenHead;
use crate::holding::SaidHolding;
use crate::ids::{DeviceId, EntryId, Millis, Position, Signature, TicketKey, WorkspaceId};
use crate::limits::{
    MAX_CAPABILITIES, MAX_CAPABILITY, MAX_ENTRIES_PER_FRAME, MAX_FRAME, MAX_HOLDINGS_PER_FRAME,
    MAX_REASON_TEXT, MAX_TOKEN,
};

pub use self::reason::Reason;

/// The one version field; raised when a frame changes in a way that capabilities cannot express.
pub const FRAME_VERSION: u64 = 1;

/// Who opens a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// A device: everything its workspace's roster allows.
    Device(DeviceId),
    /// The holder of an open invite or link: may fetch roster records and append one Join.
    Ticket(TicketKey),
}

impl Party {
    /// The Ed25519 key that has to sign the challenge.
    pub fn key(&self) -> &[u8; 32] {
        match self {
            Self::Device(device) => device.as_bytes(),
            Self::Ticket(ticket) => ticket.as_bytes(),
        }
    }
}

/// What the relay wants signed, so that a proof is worth nothing elsewhere or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Random, new for each connection.
    pub nonce: [u8; 32],
    /// The relay's long-lived Ed25519 identity.
    pub relay: [u8; 32],
    /// The relay's clock.
    pub time: Millis,
}

impl Challenge {
    /// Domain of the proof's signature.
    pub const PROOF_DOMAIN: &'static [u8] = b"bowline/proof/1";

    /// What a [`Party`] signs under [`Challenge::PROOF_DOMAIN`] to open a session on `workspace`.
    pub fn proof_message(&self, workspace: WorkspaceId, party: &Party) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(4).bytes(&self.nonce).bytes(&self.relay).u64(self.time.0).array(2);
        writer.value(&workspace).bytes(party.key());
        writer.into_bytes()
    }
}

/// Makes a workspace on the relay. Idempotent by workspace.
#[derive(Clone, PartialEq, Eq)]
pub struct Create {
    /// What the relay's registration policy asks for; may be empty.
    pub token: String,
    /// The entry whose body is the Genesis record.
    pub genesis: SignedEntry,
}

impl std::fmt::Debug for Create {
    /// The token lets anybody make workspaces: it stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Create").field("genesis", &self.genesis).finish_non_exhaustive()
    }
}

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Device → relay, first: which workspace, who, and what both may use.
    Hello {
        /// The workspace whose log it is about.
        workspace: WorkspaceId,
        /// Who opens the connection.
        party: Party,
        /// Capabilities by name, ascending.
        capabilities: Vec<String>,
    },
    /// Relay → device: sign this.
    Challenge(Challenge),
    /// Device → relay: the challenge, signed, and the workspace itself if the relay has still to make it.
    Proof {
        /// Signature over [`Challenge::proof_message`].
        signature: Signature,
        /// For a workspace the relay does not know yet. Boxed because it is rare and large.
        create: Option<Box<Create>>,
    },
    /// Relay → device: you are in; this is the log.
    Welcome {
        /// The log's head, signed.
        head: SeenHead,
        /// Capabilities both sides named, ascending.
        capabilities: Vec<String>,
    },
    /// Device → relay: send what comes after this position, and keep sending.
    Subscribe {
        /// The last position the device has ingested.
        after: Position,
    },
    /// Relay → device: consecutive entries; the head is at the last of them.
    Entries {
        /// Position of the first entry.
        first: Position,
        /// The entries, in log order.
        entries: Vec<SignedEntry>,
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
        /// Roster entries with bodies.
        entries: Vec<(Position, SignedEntry)>,
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
}

/// The capability of a side that says and hears [`Frame::Holdings`].
pub const HOLDINGS: &str = "holdings/1";

/// Names and numbers of the frames, reserved ones included; PROTOCOL.md's table is compared with this.
pub const FRAME_NUMBERS: [(&str, u64); 17] = [
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
];

impl Canonical for Frame {
    fn write(&self, to: &mut Writer) {
        match self {
            Self::Hello { workspace, party, capabilities } => {
                open(to, 3, 1).value(workspace).value(party);
                write_names(to, capabilities);
            }
            Self::Challenge(challenge) => {
                open(to, 3, 2).bytes(&challenge.nonce).bytes(&challenge.relay).u64(challenge.time.0);
            }
            Self::Proof { signature, create } => {
                open(to, 2, 3).value(signature).option(create.as_ref(), |to, create| {
                    to.array(2).text(&create.token).value(&create.genesis);
                });
            }
            Self::Welcome { head, capabilities } => {
                open(to, 2, 4).value(head);
                write_names(to, capabilities);
            }
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
            1 => Self::Hello {
                workspace: from.value()?,
                party: from.value()?,
                capabilities: read_names(from)?,
            },
            2 => Self::Challenge(Challenge {
                nonce: from.fixed()?,
                relay: from.fixed()?,
                time: Millis(from.u64()?),
            }),
            3 => Self::Proof { signature: from.value()?, create: from.option(read_create)? },
            4 => Self::Welcome { head: from.value()?, capabilities: read_names(from)? },
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
            number => {
                return Err(DecodeError::UnknownNumber { what: "frame", number });
            }
        })
    }
}

fn open(to: &mut Writer, fields: usize, number: u64) -> &mut Writer {
    to.array(fields + 2).u64(FRAME_VERSION).u64(number)
}

fn read_create(from: &mut Reader<'_>) -> Result<Box<Create>, DecodeError> {
    from.array(2)?;
    let token = from.text("token", MAX_TOKEN)?.to_owned();
    Ok(Box::new(Create { token, genesis: from.value()? }))
}

fn read_reason(from: &mut Reader<'_>) -> Result<Reason, DecodeError> {
    from.u16().map(Reason::from_number)
}

fn write_names(to: &mut Writer, names: &[String]) {
    to.array(names.len());
    for name in names {
        to.text(name);
    }
}

fn read_names(from: &mut Reader<'_>) -> Result<Vec<String>, DecodeError> {
    let len = from.array_up_to("capabilities", MAX_CAPABILITIES)?;
    let mut names = Vec::new();
    for _ in 0..len {
        names.push(from.text("capability", MAX_CAPABILITY)?.to_owned());
    }
    if names.is_sorted_by(|a, b| a < b) {
        Ok(names)
    } else {
        Err(DecodeError::Rule("capabilities ascend without repetition"))
    }
}

impl Canonical for Party {
    fn write(&self, to: &mut Writer) {
        let kind = match self {
            Self::Device(_) => 0,
            Self::Ticket(_) => 1,
        };
        to.array(2).u64(kind).bytes(self.key());
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        match from.u8()? {
            0 => from.value().map(Self::Device),
            1 => from.value().map(Self::Ticket),
            number => Err(DecodeError::UnknownNumber { what: "party", number: number.into() }),
        }
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

impl Canonical for (Position, SignedEntry) {
    fn write(&self, to: &mut Writer) {
        to.array(2).value(&self.0).value(&self.1);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok((from.value()?, from.value()?))
    }
}

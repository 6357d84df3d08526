//! Roster records: the plain CBOR bodies of roster entries, which say who is in the workspace.

use super::ticket::{Admits, TicketKind};
use crate::codec::{Canonical, DecodeError, Reader, Writer, decode, encode};
use crate::ids::{
    Commitment, DeviceId, EntryId, EpochId, HpkePublicKey, Incarnation, Lane, LogId, RelayId, Signature,
    Suite, TicketKey, UserId, WorkspaceId,
};
use crate::limits::{
    MAX_ADDRESS, MAX_BODY, MAX_CUT, MAX_GIVEN_UP, MAX_RECIPIENTS, MAX_SEALED_FILL, MAX_SEALED_HISTORY,
    MAX_WRAP,
};

/// An epoch key, HPKE-sealed (RFC 9180) to one recipient, which its place in the record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrap {
    /// The KEM's encapsulated key, of the recipient's suite; empty if nothing can be wrapped to the recipient.
    pub encapsulated: Vec<u8>,
    /// The sealed epoch key.
    pub ciphertext: Vec<u8>,
}

/// A new epoch: its key for everyone who stays, and under that key all earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rekey {
    /// Commits to the new epoch key.
    pub commitment: Commitment,
    /// All earlier epoch keys, oldest first, sealed under the new one.
    pub history: Vec<u8>,
    /// One wrap for each device that was active and each ticket that was open at the record's roster: the i-th is for the i-th of
    /// these, ascending by key.
    pub wraps: Vec<Wrap>,
}

/// The last entry of a removed chain that still counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cut {
    /// The device whose chain it is.
    pub device: DeviceId,
    /// The life of the author's database that the chain belongs to.
    pub incarnation: Incarnation,
    /// Which of the device's two chains it is.
    pub lane: Lane,
    /// The last number that counts.
    pub seq: u64,
    /// The id of the last entry that counts.
    pub id: EntryId,
}

/// An open door: whoever holds the secret behind [`Ticket::key`] may append one Join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Proves a Join.
    pub key: TicketKey,
    /// Rekeys while the ticket is open are wrapped to this.
    pub hpke: HpkePublicKey,
    /// Milliseconds since 1970 after which the relay lets nobody in by it.
    pub expires: u64,
    /// Whether it lets in a recovery phrase, and nothing else.
    pub recovery: bool,
    /// The epoch key in force, for the newcomer.
    pub wrap: Wrap,
}

/// A newcomer's entrance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// The invite or link used.
    pub ticket: TicketKey,
    /// The new device's HPKE key.
    pub hpke: HpkePublicKey,
    /// Whether this device is a recovery phrase, which never counts as a live device; as the ticket says.
    pub recovery: bool,
    /// By the ticket's key, over [`Join::proof_message`].
    pub proof: Signature,
}

impl Join {
    /// Domain of the ticket's signature.
    pub const PROOF_DOMAIN: &'static [u8] = b"bowline/join/2";

    /// What the ticket's key signs, under [`Join::PROOF_DOMAIN`]: this device, in this workspace, with this key, as what the ticket's
    /// record says. Whoever has only seen the code cannot be made to sign for more than its record says.
    pub fn proof_message(
        workspace: WorkspaceId,
        device: DeviceId,
        hpke: &HpkePublicKey,
        admits: Admits,
    ) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(6).value(&workspace).value(&device).value(hpke);
        let user = match admits.kind {
            TicketKind::Invite => None,
            TicketKind::Link(user) => Some(user),
        };
        writer.u64(user.is_some().into()).option(user.as_ref(), |to, user| {
            to.value(user);
        });
        writer.bool(admits.recovery);
        writer.into_bytes()
    }
}

/// Where a workspace goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// How many moves there were before, as far as the author knew.
    pub generation: u64,
    /// The relay's address, as people type it: for programs to read.
    pub address: String,
    /// The identity that the relay has to prove.
    pub relay: RelayId,
    /// The log in which it goes on there.
    pub log: LogId,
}

/// Content that is given up, since nobody has its bodies or its keys any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Epochs of which every content entry is given up, ascending.
    pub epochs: Vec<EpochId>,
    /// Single content entries, ascending. Ids, since a log that is continued has other entries at their positions.
    pub entries: Vec<EntryId>,
}

/// A roster record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Makes the workspace: its hash is the workspace's id.
    Genesis {
        /// Random, so that two workspaces of one device differ.
        nonce: [u8; 16],
        /// The Owner's first device, author of this record.
        device: DeviceId,
        /// The weakest suite whose keys may come in.
        suite: Suite,
        /// The new device's HPKE key.
        hpke: HpkePublicKey,
        /// Commits to the first epoch key.
        commitment: Commitment,
    },
    /// Lets a new Member in.
    Invite(Ticket),
    /// Closes an invite.
    CloseInvite(TicketKey),
    /// Lets another device of the author's own user in.
    Link(Ticket),
    /// Closes a link.
    CloseLink(TicketKey),
    /// A newcomer's entrance.
    Join(Join),
    /// Removes a device of the author's own user, or, by the Owner, any other.
    RemoveDevice {
        /// The device that goes.
        device: DeviceId,
        /// The last entries that still count of each chain of those who go, ascending.
        cut: Vec<Cut>,
        /// The epoch for those who stay.
        rekey: Rekey,
    },
    /// Removes a Member with all devices; by the Owner.
    RemoveMember {
        /// The Member who goes.
        user: UserId,
        /// The last entries that still count of each chain of those who go, ascending.
        cut: Vec<Cut>,
        /// The epoch for those who stay.
        rekey: Rekey,
    },
    /// The author goes.
    Leave {
        /// With all devices of the author's user, not just the author; a recovery phrase stays unless it is the author.
        whole_user: bool,
        /// The last entries that still count of each chain of those who go, ascending.
        cut: Vec<Cut>,
    },
    /// A new epoch after someone left, or after a removal whose own rekey was void.
    Rekey(Rekey),
    /// The newest epoch gives its author no usable key, or not all earlier ones: who may begin another because of it may do so now.
    Complaint {
        /// The epoch complained of.
        epoch: EpochId,
    },
    /// The key of the newest epoch for devices that have not got it by the record which began that.
    Rewrap {
        /// The epoch.
        epoch: EpochId,
        /// One wrap for each device that was active at the record's roster, ascending by key; empty for those who need none.
        wraps: Vec<Wrap>,
    },
    /// Keys that the record which began the newest epoch has left out of the history.
    Fill {
        /// The epoch.
        epoch: EpochId,
        /// The missing keys, sealed under the newest.
        sealed: Vec<u8>,
    },
    /// Offers ownership to a Member, in the place of an offer that is open; to the Owner's own user, takes that back. By the Owner.
    HandOver {
        /// The Member.
        user: UserId,
    },
    /// Takes the ownership that is on offer to the author's user. Whoever had it is a Member then.
    TakeOver,
    /// The workspace goes on at another relay. By the Owner.
    Move(Move),
    /// A Member who has used up most of what they may write of records may write as much again. By the Owner.
    Allow {
        /// The Member.
        user: UserId,
    },
    /// Content that never comes counts nowhere any more. By the Owner.
    Lost(Lost),
    /// A record type this version has no name for. Whoever meets one stops sealing.
    Unknown(u64),
}

/// Names and numbers of the records, reserved ones included; PROTOCOL.md's table is compared with this.
pub const RECORD_NUMBERS: [(&str, u64); 20] = [
    ("Genesis", 1),
    ("Invite", 2),
    ("CloseInvite", 3),
    ("Link", 4),
    ("CloseLink", 5),
    ("Join", 6),
    ("RemoveDevice", 7),
    ("RemoveMember", 8),
    ("Leave", 9),
    ("Rekey", 10),
    ("Complaint", 11),
    ("Move", 12),
    ("Successor", 13),
    ("Owners", 14),
    ("Rewrap", 15),
    ("Fill", 16),
    ("HandOver", 17),
    ("TakeOver", 18),
    ("Allow", 19),
    ("Lost", 20),
];

impl Record {
    /// Reads a roster entry's body.
    pub fn parse(body: &[u8]) -> Result<Self, DecodeError> {
        let mut peek = Reader::new(body);
        peek.at_most("record", MAX_BODY)?;
        peek.array_up_to("record", 16)?;
        match peek.u64()? {
            1..=12 | 15..=20 => decode(body),
            number => Ok(Self::Unknown(number)),
        }
    }

    /// The body of a roster entry. A record without a name here has no encoding here either.
    pub fn to_body(&self) -> Vec<u8> {
        encode(self)
    }
}

impl Canonical for Record {
    fn write(&self, to: &mut Writer) {
        match self {
            Self::Genesis { nonce, device, suite, hpke, commitment } => {
                to.array(6).u64(1).bytes(nonce).value(device).value(suite).value(hpke).value(commitment);
            }
            Self::Invite(ticket) => {
                to.array(2).u64(2).value(ticket);
            }
            Self::CloseInvite(key) => {
                to.array(2).u64(3).value(key);
            }
            Self::Link(ticket) => {
                to.array(2).u64(4).value(ticket);
            }
            Self::CloseLink(key) => {
                to.array(2).u64(5).value(key);
            }
            Self::Join(join) => {
                to.array(5)
                    .u64(6)
                    .value(&join.ticket)
                    .value(&join.hpke)
                    .bool(join.recovery)
                    .value(&join.proof);
            }
            Self::RemoveDevice { device, cut, rekey } => {
                to.array(4).u64(7).value(device).list(cut).value(rekey);
            }
            Self::RemoveMember { user, cut, rekey } => {
                to.array(4).u64(8).value(user).list(cut).value(rekey);
            }
            Self::Leave { whole_user, cut } => {
                to.array(3).u64(9).bool(*whole_user).list(cut);
            }
            Self::Rekey(rekey) => {
                to.array(2).u64(10).value(rekey);
            }
            Self::Complaint { epoch } => {
                to.array(2).u64(11).value(epoch);
            }
            Self::Rewrap { epoch, wraps } => {
                to.array(3).u64(15).value(epoch).list(wraps);
            }
            Self::Fill { epoch, sealed } => {
                to.array(3).u64(16).value(epoch).bytes(sealed);
            }
            Self::Move(to_relay) => {
                to_relay.write_fields(to);
            }
            Self::HandOver { user } => {
                to.array(2).u64(17).value(user);
            }
            Self::TakeOver => {
                to.array(1).u64(18);
            }
            Self::Allow { user } => {
                to.array(2).u64(19).value(user);
            }
            Self::Lost(Lost { epochs, entries }) => {
                to.array(3).u64(20).list(epochs).list(entries);
            }
            Self::Unknown(number) => {
                to.array(1).u64(*number);
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        // The number of fields is checked by the canonical comparison: it is part of what is written again.
        from.array_up_to("record", 16)?;
        Ok(match from.u64()? {
            1 => Self::Genesis {
                nonce: from.fixed()?,
                device: from.value()?,
                suite: from.value()?,
                hpke: from.value()?,
                commitment: from.value()?,
            },
            2 => Self::Invite(from.value()?),
            3 => Self::CloseInvite(from.value()?),
            4 => Self::Link(from.value()?),
            5 => Self::CloseLink(from.value()?),
            6 => Self::Join(Join {
                ticket: from.value()?,
                hpke: from.value()?,
                recovery: from.bool()?,
                proof: from.value()?,
            }),
            7 => Self::RemoveDevice { device: from.value()?, cut: read_cut(from)?, rekey: from.value()? },
            8 => Self::RemoveMember { user: from.value()?, cut: read_cut(from)?, rekey: from.value()? },
            9 => Self::Leave { whole_user: from.bool()?, cut: read_cut(from)? },
            10 => Self::Rekey(from.value()?),
            11 => Self::Complaint { epoch: from.value()? },
            15 => Self::Rewrap { epoch: from.value()?, wraps: from.list("wraps", MAX_RECIPIENTS)? },
            16 => Self::Fill {
                epoch: from.value()?,
                sealed: from.bytes("sealed keys", MAX_SEALED_FILL)?.to_vec(),
            },
            12 => Self::Move(Move::read_fields(from)?),
            17 => Self::HandOver { user: from.value()? },
            18 => Self::TakeOver,
            19 => Self::Allow { user: from.value()? },
            20 => Self::Lost(Lost::read_fields(from)?),
            number => {
                return Err(DecodeError::UnknownNumber { what: "record", number });
            }
        })
    }
}

impl Move {
    fn write_fields(&self, to: &mut Writer) {
        let Self { generation, address, relay, log } = self;
        to.array(5).u64(12).u64(*generation).text(address).value(relay).value(log);
    }

    fn read_fields(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            generation: from.u64()?,
            address: from.text("address", MAX_ADDRESS)?.to_owned(),
            relay: from.value()?,
            log: from.value()?,
        })
    }
}

impl Lost {
    fn read_fields(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let epochs: Vec<EpochId> = from.list("epochs", MAX_GIVEN_UP)?;
        let entries: Vec<EntryId> = from.list("entries", MAX_GIVEN_UP)?;
        if !epochs.is_sorted_by(|a, b| a < b) || !entries.is_sorted_by(|a, b| a < b) {
            return Err(DecodeError::Rule("what is given up is named once, ascending"));
        }
        if epochs.is_empty() && entries.is_empty() {
            return Err(DecodeError::Rule("something is given up"));
        }
        Ok(Self { epochs, entries })
    }
}

fn read_cut(from: &mut Reader<'_>) -> Result<Vec<Cut>, DecodeError> {
    let cut: Vec<Cut> = from.list("cut", MAX_CUT)?;
    let chain = |cut: &Cut| (cut.device, cut.incarnation, cut.lane);
    if !cut.is_sorted_by(|a, b| chain(a) < chain(b)) {
        return Err(DecodeError::Rule("a cut names each chain once, ascending"));
    }
    // A chain of which nothing counts is left out, so that there is one way to say it.
    if cut.iter().any(|cut| cut.seq == 0) {
        return Err(DecodeError::Rule("a cut's seq counts from 1"));
    }
    Ok(cut)
}

impl Canonical for Cut {
    fn write(&self, to: &mut Writer) {
        to.array(5)
            .value(&self.device)
            .value(&self.incarnation)
            .value(&self.lane)
            .u64(self.seq)
            .value(&self.id);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(5)?;
        Ok(Self {
            device: from.value()?,
            incarnation: from.value()?,
            lane: from.value()?,
            seq: from.u64()?,
            id: from.value()?,
        })
    }
}

impl Canonical for Wrap {
    fn write(&self, to: &mut Writer) {
        to.array(2).bytes(&self.encapsulated).bytes(&self.ciphertext);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self {
            encapsulated: from.bytes("encapsulated key", MAX_WRAP)?.to_vec(),
            ciphertext: from.bytes("wrapped key", MAX_WRAP)?.to_vec(),
        })
    }
}

impl Canonical for Ticket {
    fn write(&self, to: &mut Writer) {
        to.array(5)
            .value(&self.key)
            .value(&self.hpke)
            .u64(self.expires)
            .bool(self.recovery)
            .value(&self.wrap);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(5)?;
        Ok(Self {
            key: from.value()?,
            hpke: from.value()?,
            expires: from.u64()?,
            recovery: from.bool()?,
            wrap: from.value()?,
        })
    }
}

impl Canonical for Rekey {
    fn write(&self, to: &mut Writer) {
        to.array(3).value(&self.commitment).bytes(&self.history).list(&self.wraps);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        Ok(Self {
            commitment: from.value()?,
            history: from.bytes("sealed history", MAX_SEALED_HISTORY)?.to_vec(),
            wraps: from.list("wraps", MAX_RECIPIENTS)?,
        })
    }
}

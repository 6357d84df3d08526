//! Roster records as earlier drafts had them. In drafts 0 and 1 there were no suites: all keys were of X25519, and a wrap said its suite.
//! Up to draft 2 a wrap said whom it was for.

use crate::codec::{Canonical, DecodeError, Reader, Writer, decode};
use crate::entry::Entry;
use crate::hash;
use crate::header::EntryType;
use crate::ids::{DeviceId, HpkePublicKey, Moment, Suite, WorkspaceId};
use crate::roster::Roster;
use crate::roster::record::{Cut, Record, Rekey, Ticket, Wrap};

/// Items of a list in those drafts, and bytes of a body: nothing is read here that was not accepted within them.
const MANY: usize = 1024 * 1024;

/// Who was in a workspace of an earlier draft, from its accepted roster entries in log order. It is shown, and nothing is decided by it.
pub fn roster<'e>(workspace: WorkspaceId, entries: impl IntoIterator<Item = (Moment, &'e Entry)>) -> Roster {
    let mut roster = Roster::of_before(workspace);
    for (at, entry) in entries {
        let header = entry.header();
        let is_roster = header.entry_type == EntryType::Roster && header.workspace == workspace;
        let Some(body) = entry.body().filter(|_| is_roster) else { continue };
        let Ok(record) = record(body) else { continue };
        if !matches!(record, Record::Genesis { .. }) || hash::workspace_id(body) == workspace {
            roster.apply(at, entry.id(), header, &record);
        }
    }
    roster
}

/// Domain and message of what a ticket's key signed in a Join up to draft 2, in which tickets did not say whether they were for a phrase.
pub(crate) fn join_proof(
    workspace: WorkspaceId,
    device: DeviceId,
    hpke: &HpkePublicKey,
    recovery: bool,
) -> (&'static [u8], Vec<u8>) {
    let mut writer = Writer::new();
    writer.array(4).value(&workspace).value(&device).value(hpke).bool(recovery);
    (b"bowline/join/1", writer.into_bytes())
}

/// Reads the body of a roster entry of an earlier draft.
pub fn record(body: &[u8]) -> Result<Record, DecodeError> {
    let mut peek = Reader::new(body);
    peek.array_up_to("record", 16)?;
    match peek.u64()? {
        1 | 2 | 4 | 7 | 8 | 10 => decode::<RecordBefore<WITHOUT_SUITES>>(body)
            .map(|before| before.record)
            .or_else(|_| decode::<RecordBefore<WITH_SUITES>>(body).map(|before| before.record)),
        _ => Record::parse(body),
    }
}

/// Drafts 0 and 1.
const WITHOUT_SUITES: bool = false;

/// Draft 2.
const WITH_SUITES: bool = true;

/// A record with a key or a wrap in it.
struct RecordBefore<const SUITES: bool> {
    record: Record,
    /// A wrap said whom it was for.
    recipients: Vec<HpkePublicKey>,
}

impl<const SUITES: bool> RecordBefore<SUITES> {
    fn write_ticket<'w>(&self, to: &'w mut Writer, ticket: &Ticket) -> &'w mut Writer {
        to.array(4).value(&ticket.key).value(&ticket.hpke).u64(ticket.expires);
        self.write_wraps(to, [&ticket.wrap].into_iter())
    }

    fn write_rekey<'w>(&self, to: &'w mut Writer, rekey: &Rekey) -> &'w mut Writer {
        to.array(3).value(&rekey.commitment).bytes(&rekey.history).array(rekey.wraps.len());
        self.write_wraps(to, rekey.wraps.iter())
    }

    fn write_wraps<'w, 'r>(
        &self,
        to: &'w mut Writer,
        wraps: impl Iterator<Item = &'r Wrap>,
    ) -> &'w mut Writer {
        for (wrap, recipient) in wraps.zip(&self.recipients) {
            if SUITES {
                to.array(3).value(recipient);
            } else {
                to.array(4).value(recipient).u64(1);
            }
            to.bytes(&wrap.encapsulated).bytes(&wrap.ciphertext);
        }
        to
    }

    fn read_key(from: &mut Reader<'_>) -> Result<HpkePublicKey, DecodeError> {
        if SUITES { from.value() } else { from.fixed().map(HpkePublicKey::x25519) }
    }

    fn read_wrap(&mut self, from: &mut Reader<'_>) -> Result<Wrap, DecodeError> {
        from.array(if SUITES { 3 } else { 4 })?;
        self.recipients.push(Self::read_key(from)?);
        if !SUITES && from.u16()? != Suite::X25519.number() {
            return Err(DecodeError::Rule("wraps of before are of suite 1"));
        }
        let (encapsulated, ciphertext) =
            (from.bytes("encapsulated key", MANY)?, from.bytes("wrapped key", MANY)?);
        Ok(Wrap { encapsulated: encapsulated.to_vec(), ciphertext: ciphertext.to_vec() })
    }

    fn read_ticket(&mut self, from: &mut Reader<'_>) -> Result<Ticket, DecodeError> {
        from.array(4)?;
        let (key, hpke, expires) = (from.value()?, Self::read_key(from)?, from.u64()?);
        Ok(Ticket { key, hpke, expires, recovery: false, wrap: self.read_wrap(from)? })
    }

    fn read_rekey(&mut self, from: &mut Reader<'_>) -> Result<Rekey, DecodeError> {
        from.array(3)?;
        let (commitment, history) = (from.value()?, from.bytes("sealed history", MANY)?.to_vec());
        let wraps = from.array_up_to("wraps", MANY)?;
        let wraps = (0..wraps).map(|_| self.read_wrap(from)).collect::<Result<_, _>>()?;
        Ok(Rekey { commitment, history, wraps })
    }
}

impl<const SUITES: bool> Canonical for RecordBefore<SUITES> {
    fn write(&self, to: &mut Writer) {
        match &self.record {
            Record::Genesis { nonce, device, suite, hpke, commitment } => {
                to.array(if SUITES { 6 } else { 5 }).u64(1).bytes(nonce).value(device);
                if SUITES {
                    to.value(suite);
                }
                to.value(hpke).value(commitment)
            }
            Record::Invite(ticket) => self.write_ticket(to.array(2).u64(2), ticket),
            Record::Link(ticket) => self.write_ticket(to.array(2).u64(4), ticket),
            Record::RemoveDevice { device, cut, rekey } => {
                self.write_rekey(to.array(4).u64(7).value(device).list(cut), rekey)
            }
            Record::RemoveMember { user, cut, rekey } => {
                self.write_rekey(to.array(4).u64(8).value(user).list(cut), rekey)
            }
            Record::Rekey(rekey) => self.write_rekey(to.array(2).u64(10), rekey),
            // The others have one encoding in every draft, and are not read here.
            other => to.value(other),
        };
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array_up_to("record", 16)?;
        let mut before = Self { record: Record::Unknown(0), recipients: Vec::new() };
        before.record = match from.u64()? {
            1 => Record::Genesis {
                nonce: from.fixed()?,
                device: from.value()?,
                suite: if SUITES { from.value()? } else { Suite::X25519 },
                hpke: Self::read_key(from)?,
                commitment: from.value()?,
            },
            2 => Record::Invite(before.read_ticket(from)?),
            4 => Record::Link(before.read_ticket(from)?),
            7 => Record::RemoveDevice {
                device: from.value()?,
                cut: from.list::<Cut>("cut", MANY)?,
                rekey: before.read_rekey(from)?,
            },
            8 => Record::RemoveMember {
                user: from.value()?,
                cut: from.list::<Cut>("cut", MANY)?,
                rekey: before.read_rekey(from)?,
            },
            10 => Record::Rekey(before.read_rekey(from)?),
            number => return Err(DecodeError::UnknownNumber { what: "record", number }),
        };
        Ok(before)
    }
}

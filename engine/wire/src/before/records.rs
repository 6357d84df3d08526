//! Roster records as earlier drafts had them. In drafts 0 and 1 there were no suites: all keys were of X25519, and a wrap said its suite.
//! Draft 2 had the records of now.

use crate::codec::{Canonical, DecodeError, Reader, Writer, decode};
use crate::entry::Entry;
use crate::hash;
use crate::header::EntryType;
use crate::ids::{HpkePublicKey, Position, Suite, WorkspaceId};
use crate::roster::Roster;
use crate::roster::record::{Cut, Record, Rekey, Ticket, Wrap};

/// Items of a list in those drafts, and bytes of a body: nothing is read here that was not accepted within them.
const MANY: usize = 1024 * 1024;

/// Who was in a workspace of an earlier draft, from its accepted roster entries in log order. It is shown, and nothing is decided by it.
pub fn roster<'e>(
    workspace: WorkspaceId,
    entries: impl IntoIterator<Item = (Position, &'e Entry)>,
) -> Roster {
    let mut roster = Roster::new(workspace);
    for (position, entry) in entries {
        let header = entry.header();
        let is_roster = header.entry_type == EntryType::Roster && header.workspace == workspace;
        let Some(body) = entry.body().filter(|_| is_roster) else { continue };
        let Ok(record) = record(body) else { continue };
        if !matches!(record, Record::Genesis { .. }) || hash::workspace_id(body) == workspace {
            roster.apply(position, entry.id(), header, &record);
        }
    }
    roster
}

/// Reads the body of a roster entry of those drafts.
pub fn record(body: &[u8]) -> Result<Record, DecodeError> {
    let mut peek = Reader::new(body);
    peek.array_up_to("record", 16)?;
    match peek.u64()? {
        1 | 2 | 4 | 7 | 8 | 10 => {
            decode::<RecordBefore>(body).map(|before| before.0).or_else(|_| Record::parse(body))
        }
        _ => Record::parse(body),
    }
}

/// A record with a key or a wrap in it.
struct RecordBefore(Record);

impl Canonical for RecordBefore {
    fn write(&self, to: &mut Writer) {
        match &self.0 {
            Record::Genesis { nonce, device, hpke, commitment, .. } => {
                to.array(5).u64(1).bytes(nonce).value(device).value(hpke).value(commitment)
            }
            Record::Invite(ticket) => write_ticket(to.array(2).u64(2), ticket),
            Record::Link(ticket) => write_ticket(to.array(2).u64(4), ticket),
            Record::RemoveDevice { device, cut, rekey } => {
                write_rekey(to.array(4).u64(7).value(device).list(cut), rekey)
            }
            Record::RemoveMember { user, cut, rekey } => {
                write_rekey(to.array(4).u64(8).value(user).list(cut), rekey)
            }
            Record::Rekey(rekey) => write_rekey(to.array(2).u64(10), rekey),
            // The others have one encoding in every draft, and are not read here.
            other => to.value(other),
        };
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array_up_to("record", 16)?;
        Ok(Self(match from.u64()? {
            1 => Record::Genesis {
                nonce: from.fixed()?,
                device: from.value()?,
                suite: Suite::X25519,
                hpke: read_key(from)?,
                commitment: from.value()?,
            },
            2 => Record::Invite(read_ticket(from)?),
            4 => Record::Link(read_ticket(from)?),
            7 => Record::RemoveDevice {
                device: from.value()?,
                cut: from.list::<Cut>("cut", MANY)?,
                rekey: read_rekey(from)?,
            },
            8 => Record::RemoveMember {
                user: from.value()?,
                cut: from.list::<Cut>("cut", MANY)?,
                rekey: read_rekey(from)?,
            },
            10 => Record::Rekey(read_rekey(from)?),
            number => return Err(DecodeError::UnknownNumber { what: "record", number }),
        }))
    }
}

fn read_key(from: &mut Reader<'_>) -> Result<HpkePublicKey, DecodeError> {
    from.fixed().map(HpkePublicKey::x25519)
}

fn write_ticket<'w>(to: &'w mut Writer, ticket: &Ticket) -> &'w mut Writer {
    to.array(4).value(&ticket.key).value(&ticket.hpke).u64(ticket.expires);
    write_wrap(to, &ticket.wrap)
}

fn read_ticket(from: &mut Reader<'_>) -> Result<Ticket, DecodeError> {
    from.array(4)?;
    Ok(Ticket { key: from.value()?, hpke: read_key(from)?, expires: from.u64()?, wrap: read_wrap(from)? })
}

fn write_wrap<'w>(to: &'w mut Writer, wrap: &Wrap) -> &'w mut Writer {
    to.array(4).value(&wrap.recipient).u64(1).bytes(&wrap.encapsulated).bytes(&wrap.ciphertext)
}

fn read_wrap(from: &mut Reader<'_>) -> Result<Wrap, DecodeError> {
    from.array(4)?;
    let recipient = read_key(from)?;
    if from.u16()? != Suite::X25519.number() {
        return Err(DecodeError::Rule("wraps of before are of suite 1"));
    }
    let (encapsulated, ciphertext) =
        (from.bytes("encapsulated key", MANY)?, from.bytes("wrapped key", MANY)?);
    Ok(Wrap { recipient, encapsulated: encapsulated.to_vec(), ciphertext: ciphertext.to_vec() })
}

fn write_rekey<'w>(to: &'w mut Writer, rekey: &Rekey) -> &'w mut Writer {
    to.array(3).value(&rekey.commitment).bytes(&rekey.history).array(rekey.wraps.len());
    for wrap in &rekey.wraps {
        write_wrap(to, wrap);
    }
    to
}

fn read_rekey(from: &mut Reader<'_>) -> Result<Rekey, DecodeError> {
    from.array(3)?;
    let (commitment, history) = (from.value()?, from.bytes("sealed history", MANY)?.to_vec());
    let wraps = from.array_up_to("wraps", MANY)?;
    let wraps = (0..wraps).map(|_| read_wrap(from)).collect::<Result<_, _>>()?;
    Ok(Rekey { commitment, history, wraps })
}

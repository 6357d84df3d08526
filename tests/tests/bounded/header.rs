//! The entry header of protocol 1: today's fields, with one position in place of the list of covered chains and a declared
//! weight, encoded field by field so that the bytes of each can be told.

use bowline_wire::codec::Writer;
use bowline_wire::header::Header;
use bowline_wire::ids::Position;

/// The domain of a header's signature.
pub(crate) const DOMAIN: &[u8] = b"bowline/entry/1";

/// A header, with what protocol 1 adds beside what `bowline-wire` knows.
#[derive(Clone)]
pub(crate) struct Header1 {
    /// The fields that stay as they are; its `covers` is empty.
    pub(crate) wire: Header,
    /// In a snapshot: of all changes in it, and of those of its author's user, who thereby signs for them.
    pub(crate) digests: Option<[[u8; 32]; 2]>,
    /// Everything of the document at or below this is in the snapshot; [`Position::START`] for nothing.
    pub(crate) covers: Position,
    /// ⌈log2⌉ of the decompressed bytes plus 1 KiB for each operation.
    pub(crate) weight: u8,
}

impl Header1 {
    /// Names and bytes of the fields, in wire order.
    pub(crate) fn fields(&self) -> Vec<(&'static str, Vec<u8>)> {
        let of = &self.wire;
        vec![
            ("version", field(|to| to.u64(1))),
            ("workspace", field(|to| to.value(&of.workspace))),
            ("device", field(|to| to.value(&of.device))),
            ("incarnation", field(|to| to.value(&of.incarnation))),
            ("lane", field(|to| to.value(&of.lane))),
            ("seq", field(|to| to.u64(of.seq))),
            ("prev", field(|to| to.value(&of.prev))),
            (
                "seen",
                field(|to| {
                    to.option(of.seen.as_ref(), |to, seen| {
                        to.value(seen);
                    })
                }),
            ),
            ("held", field(|to| to.value(&of.held))),
            ("roster", field(|to| to.value(&of.roster))),
            ("epoch", field(|to| to.value(&of.epoch))),
            ("type", field(|to| to.u64(of.entry_type.number().into()))),
            ("doc", field(|to| to.value(&of.doc))),
            ("target", field(|to| to.value(&of.target))),
            ("digests", field(|to| to.option(self.digests.as_ref(), write_digests))),
            ("covers", field(|to| to.value(&self.covers))),
            ("weight", field(|to| to.u64(self.weight.into()))),
            ("part", field(|to| to.value(&of.part))),
            ("salt", field(|to| to.value(&of.salt))),
            ("body_len", field(|to| to.u64(of.body_len.into()))),
            ("body_hash", field(|to| to.value(&of.body_hash))),
        ]
    }

    /// The exact bytes that are signed, and that the entry's id is the hash of.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let fields = self.fields();
        let mut bytes = field(|to| to.array(fields.len()));
        for (_, field) in fields {
            bytes.extend(field);
        }
        bytes
    }
}

fn write_digests(to: &mut Writer, [whole, own]: &[[u8; 32]; 2]) {
    to.array(2).bytes(whole).bytes(own);
}

/// The class that a payload declares.
pub(crate) fn weight(bytes: usize, operations: u64) -> u8 {
    let weight = bytes as u64 + 1024 * operations;
    u8::try_from(weight.next_power_of_two().ilog2()).unwrap()
}

/// What this writes.
pub(crate) fn field(write: impl FnOnce(&mut Writer) -> &mut Writer) -> Vec<u8> {
    let mut writer = Writer::new();
    write(&mut writer);
    writer.into_bytes()
}

//! The log of a workspace as a relay has it under the rules of protocol 1, and what is left of it at each stage of erasing.

use bowline_crypto::{KeySnapshot, seal};
use bowline_wire::codec::encode;
use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::hash;
use bowline_wire::head::{Head, Seen, SeenHead};
use bowline_wire::header::{Digests, EntryType, Header, Part};
use bowline_wire::ids::{
    BodyHash, EntryId, EpochId, Lane, LogHash, LogId, LogTime, Position, RosterHash, Salt, Signature,
    WireDoc, WorkspaceId,
};
use bowline_wire::roster::record::Record;
use bowline_wire::signed::{Signable, Signed, signing_message};
use bowline_wire::weight::Weight;
use ed25519_dalek::{Signer, SigningKey};
use rand_chacha::ChaCha20Rng;
use rusqlite::{Connection, params};

use crate::bounded::field;
use crate::bounded::people::{Device, random};

/// Milliseconds of log time at which logs begin here.
const BEGINNING: u64 = 1_790_000_000_000;
/// Milliseconds between entries.
const MINUTE: u64 = 60_000;

/// Columns as the relay's table of entries has them, its running hash and its index by id included, and the time.
const ENTRIES: &str = "CREATE TABLE entry (n INTEGER PRIMARY KEY, log INTEGER NOT NULL, position INTEGER NOT NULL,
    type INTEGER NOT NULL, chain INTEGER NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL, hash BLOB NOT NULL,
    id BLOB NOT NULL, signature BLOB NOT NULL, header BLOB NOT NULL, body BLOB, UNIQUE (log, position)) STRICT;
    CREATE INDEX entry_id ON entry (log, id, position);";

/// An entry to be written.
pub(crate) struct Draft<'a> {
    pub(crate) kind: EntryType,
    pub(crate) doc: WireDoc,
    pub(crate) digests: Option<Digests>,
    pub(crate) covers: Position,
    pub(crate) weight: Weight,
    pub(crate) body: Body<'a>,
    /// Whether today's program writes no such entry.
    pub(crate) upkeep: bool,
}

/// What an entry is to hold.
pub(crate) enum Body<'a> {
    Plain(Vec<u8>),
    Sealed(&'a KeySnapshot, &'a [u8]),
}

impl Draft<'_> {
    /// A roster record.
    pub(crate) fn record(record: &Record) -> Self {
        Self { upkeep: false, ..Self::control(EntryType::Roster, record.to_body()) }
    }

    /// An entry of the control lane that keeps the log bounded.
    pub(crate) fn control(kind: EntryType, body: Vec<u8>) -> Self {
        let (doc, covers) = (WireDoc::ZERO, Position::START);
        Self { kind, doc, digests: None, covers, weight: Weight::NONE, body: Body::Plain(body), upkeep: true }
    }
}

/// An entry on the log.
pub(crate) struct Row {
    pub(crate) position: Position,
    pub(crate) id: EntryId,
    pub(crate) header: Header,
    pub(crate) bytes: Vec<u8>,
    pub(crate) signature: Signature,
    /// Log time, milliseconds.
    pub(crate) time: u64,
    pub(crate) hash: LogHash,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) user: usize,
    pub(crate) upkeep: bool,
}

impl Row {
    /// The entry as whoever receives it checks it.
    pub(crate) fn entry(&self, workspace: WorkspaceId) -> Option<Entry> {
        let header = Signed::from_parts(self.bytes.clone(), self.signature);
        SignedEntry::from_parts(header, self.body.clone()).verify(workspace).ok()
    }

    pub(crate) fn kind(&self) -> EntryType {
        self.header.entry_type
    }

    /// Whether the entry outlives a checkpoint above it.
    pub(crate) fn is_live(&self) -> bool {
        match self.header.lane {
            Lane::Content => self.body.is_some(),
            Lane::Control => self.kind() == EntryType::Roster,
        }
    }

    /// Bytes on the line, with the whole body.
    pub(crate) fn len(&self) -> u64 {
        self.on_line(Some(self.header.body_len as usize))
    }

    /// Bytes on the line, with this much of a body.
    pub(crate) fn on_line(&self, body: Option<usize>) -> u64 {
        let body = body.map(|len| vec![0; len]);
        let bytes = field(|to| {
            to.array(4).bytes(&self.bytes).value(&self.signature).u64(self.time);
            to.option(body.as_ref(), |to, body| {
                to.bytes(body);
            })
        });
        bytes.len() as u64
    }
}

/// How much of a log is still there.
#[derive(Clone, Copy)]
pub(crate) enum Stage {
    /// (a) Everything, and no snapshot beyond each document's first: what today's program makes.
    Today,
    /// (b) Bodies went, headers stay.
    BodiesGone,
    /// (c) Headers below the checkpoint went too.
    HeadersGone(Position),
}

/// What a log takes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Bytes {
    pub(crate) entries: u64,
    /// Headers, signatures and times on the line.
    pub(crate) headers: u64,
    /// All of it on the line.
    pub(crate) line: u64,
    /// In a database file.
    pub(crate) stored: u64,
}

pub(crate) struct Log {
    pub(crate) workspace: WorkspaceId,
    pub(crate) rows: Vec<Row>,
    pub(crate) roster: RosterHash,
    pub(crate) records: u64,
    pub(crate) clock: u64,
    pub(crate) hash: LogHash,
    /// The only one, which the first entry begins.
    pub(crate) epoch: EpochId,
    key: SigningKey,
}

impl Log {
    pub(crate) fn new(workspace: WorkspaceId, key: SigningKey) -> Self {
        let hash = hash::log_seed(workspace, LogId::from_bytes(key.verifying_key().to_bytes()));
        let (roster, epoch) = (RosterHash::ZERO, EpochId::ZERO);
        Self { workspace, rows: Vec::new(), roster, records: 0, clock: BEGINNING, hash, epoch, key }
    }

    pub(crate) fn position(&self) -> Position {
        Position(self.rows.len() as u64)
    }

    pub(crate) fn row(&self, position: Position) -> &Row {
        &self.rows[usize::try_from(position.0).unwrap() - 1]
    }

    /// The head, signed by the log.
    pub(crate) fn head(&self) -> SeenHead {
        let log = LogId::from_bytes(self.key.verifying_key().to_bytes());
        let head = Head { workspace: self.workspace, log, position: self.position(), hash: self.hash };
        let message = signing_message(Head::DOMAIN, &encode(&head));
        let signature = Signature::from_bytes(self.key.sign(&message).to_bytes());
        SeenHead { log, position: head.position, hash: head.hash, signature }
    }

    /// The entry that this draft makes now, not yet on the log.
    pub(crate) fn make(&self, device: &mut Device, draft: &Draft<'_>, rng: &mut ChaCha20Rng) -> Row {
        let lane = draft.kind.lane().unwrap();
        let (seq, prev) = *device.tip(lane);
        let is_entrance = draft.kind == EntryType::Roster && seq == 0;
        let seen = (!is_entrance).then(|| self.head());
        let header = Header {
            workspace: self.workspace,
            device: device.keys.id(),
            incarnation: device.incarnation,
            lane,
            seq: seq + 1,
            prev,
            seen: seen.map(Seen::from),
            held: seen.map_or(Position::START, |seen| seen.position),
            roster: self.roster,
            epoch: if lane == Lane::Content { self.epoch } else { EpochId::ZERO },
            entry_type: draft.kind,
            doc: draft.doc,
            covers: draft.covers,
            digests: draft.digests,
            weight: draft.weight,
            part: Part::WHOLE,
            salt: Salt::ZERO,
            body_len: 0,
            body_hash: BodyHash::ZERO,
        };
        let (header, body) = match &draft.body {
            Body::Sealed(keys, payload) => seal(keys, header, payload, random(rng)).unwrap(),
            Body::Plain(body) => {
                let body_len = u32::try_from(body.len()).unwrap();
                (Header { body_len, body_hash: hash::body_hash(body), ..header }, body.clone())
            }
        };
        let signed = device.keys.sign_header(header.clone(), body.clone()).unwrap();
        let (bytes, signature) =
            (signed.signed_header().bytes().to_vec(), *signed.signed_header().signature());
        let (id, time) = (signed.id(), self.clock + MINUTE);
        Row {
            position: self.position().next(),
            id,
            signature,
            header,
            bytes,
            time,
            hash: hash::log_hash(self.hash, id, LogTime::new(time).unwrap()),
            body: Some(body),
            user: device.user,
            upkeep: draft.upkeep,
        }
    }

    /// Puts an entry at the next position.
    pub(crate) fn append(
        &mut self,
        device: &mut Device,
        draft: Draft<'_>,
        rng: &mut ChaCha20Rng,
    ) -> Position {
        let row = self.make(device, &draft, rng);
        *device.tip(row.header.lane) = (row.header.seq, row.id);
        (self.hash, self.clock) = (row.hash, row.time);
        if self.rows.is_empty() {
            self.epoch = EpochId::begun_by(row.id);
        }
        if draft.kind == EntryType::Roster {
            self.roster = hash::roster_hash(self.roster, row.id);
            self.records += 1;
        }
        self.rows.push(row);
        self.position()
    }

    /// The entries of a stage, with the length of the body that is still there.
    fn kept(&self, stage: Stage) -> impl Iterator<Item = (&Row, Option<usize>)> {
        self.rows.iter().filter_map(move |row| {
            let len = row.header.body_len as usize;
            let body = row.body.as_ref().map(|_| len);
            match stage {
                Stage::Today => (!row.upkeep).then_some((row, Some(len))),
                Stage::BodiesGone => Some((row, body)),
                Stage::HeadersGone(at) => (row.position > at || row.is_live()).then_some((row, body)),
            }
        })
    }

    /// What is left takes, on the line and in a file.
    pub(crate) fn bytes(&self, stage: Stage) -> Bytes {
        let mut bytes = Bytes::default();
        let mut database = Connection::open_in_memory().unwrap();
        database.execute_batch(ENTRIES).unwrap();
        let transaction = database.transaction().unwrap();
        let mut insert = transaction
            .prepare("INSERT INTO entry VALUES (NULL, 1, ?1, ?2, 1, ?3, ?4, ?5, ?6, ?7, ?8, zeroblob(?9))")
            .unwrap();
        for (row, body) in self.kept(stage) {
            bytes.entries += 1;
            bytes.headers += row.on_line(None);
            bytes.line += row.on_line(body);
            let (hash, id, signature) = (row.hash.as_bytes(), row.id.as_bytes(), row.signature.as_bytes());
            let (kind, seq) = (row.kind().number(), row.header.seq.cast_signed());
            let (at, time) = (row.position.0.cast_signed(), row.time.cast_signed());
            let len = body.map_or(0, |len| i64::try_from(len).unwrap());
            insert.execute(params![at, kind, seq, time, hash, id, signature, row.bytes, len]).unwrap();
        }
        drop(insert);
        transaction.commit().unwrap();
        let pages: i64 = database.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        let page: i64 = database.query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
        bytes.stored = (pages * page).cast_unsigned();
        bytes
    }
}

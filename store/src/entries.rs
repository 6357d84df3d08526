//! `entry` and `body`: one entry of a log, and the steps it goes through. Questions about many are in `log`.

use bowline_wire::ids::{ChainKey, EntryId, LogHash, LogTime, Position, Signature, WireDoc, WorkspaceId};
use rusqlite::types::ValueRef;
use rusqlite::{Row, params};

use crate::column::{chain_key, coded, id, int, log_hash, log_time, number, optional_id, row_number};
use crate::{DocN, Reader, StoreError, Tx};

row_number! {
    /// A row of `entry`. Grows in the order in which this device came to hold them.
    EntryN
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryState {
    /// An entry of this device's that is final and not answered yet.
    Offered,
    /// An entry that was accepted, at a position.
    OnLog,
    /// An entry that cannot be read, verified or applied; it is kept and shown with the reason.
    Quarantined,
    /// An entry of this device's that was refused for good; it is kept and shown with the reason.
    Refused,
    /// An entry of a type that this version does not know.
    UpdateNeeded,
    /// An entry that was accepted, at a position, and whose body the relay withholds.
    Withheld,
    /// An entry that was offered or to come again, and that the log has had and let go below a checkpoint: a snapshot stands in for it. It has
    /// no position, is not sent, and what hangs on it stays sealed.
    LetGo,
}

impl EntryState {
    /// The number in the database. Part of the schema: statements and indexes name it.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Offered => 0,
            Self::OnLog => 1,
            Self::Quarantined => 2,
            Self::Refused => 3,
            Self::UpdateNeeded => 4,
            Self::Withheld => 5,
            Self::LetGo => 6,
        }
    }

    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Offered),
            1 => Some(Self::OnLog),
            2 => Some(Self::Quarantined),
            3 => Some(Self::Refused),
            4 => Some(Self::UpdateNeeded),
            5 => Some(Self::Withheld),
            6 => Some(Self::LetGo),
            _ => None,
        }
    }
}

/// Why an entry is kept apart. What the number means is the engine's to say; number 0 is a reason that an earlier version
/// of this program put in words, and the words are the detail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReason {
    /// For a refused entry the relay's reason as it is on the wire; for a quarantined one the engine's number.
    pub number: u16,
    /// What the number leaves open, for whoever looks for the fault: a count, an id, a decoder's remark.
    pub detail: Option<String>,
}

/// Where in its log an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPlace {
    /// The entry's position.
    pub pos: Position,
    /// The log's time there.
    pub time: LogTime,
    /// The log hash up to and including the entry; `None` where it is not known, below the place from whose state the log was begun.
    pub log_hash: Option<LogHash>,
}

impl LogPlace {
    /// The log hash as a column has it: empty where it is not known.
    pub(crate) fn hash_column(&self) -> &[u8] {
        self.log_hash.as_ref().map_or(&[], |hash| hash.as_bytes())
    }
}

/// An entry to insert.
#[derive(Clone, Copy, Debug)]
pub struct NewEntry<'a> {
    /// The entry's workspace.
    pub ws: WorkspaceId,
    /// The entry's id.
    pub id: EntryId,
    /// The chain that its author wrote it into.
    pub chain: ChainKey,
    /// The entry's number in its chain.
    pub seq: u64,
    /// The number of the entry's type on the wire.
    pub entry_type: u16,
    /// The document as its header has it; `None` for zeros.
    pub wire: Option<WireDoc>,
    /// The document, if it is known here and the entry is what it is made of: of a payload in parts the last one.
    pub doc: Option<DocN>,
    /// Where in the log it is; `None` before the relay has answered.
    pub place: Option<LogPlace>,
    /// What became of the entry.
    pub state: EntryState,
    /// Why it is in this state: exactly for [`EntryState::Quarantined`] and [`EntryState::Refused`].
    pub reason: Option<&'a StoredReason>,
    /// Whether its document already has its content, as with one's own edits; of an earlier part of a payload, whether the
    /// last one has come.
    pub applied: bool,
    /// The exact header bytes.
    pub header: &'a [u8],
    /// The author's signature over the header bytes.
    pub signature: Signature,
    /// The sealed or plain body; `None` where it is not here.
    pub body: Option<&'a [u8]>,
}

/// An entry, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// The entry's row.
    pub n: EntryN,
    /// The entry's workspace.
    pub ws: WorkspaceId,
    /// The entry's id.
    pub id: EntryId,
    /// The chain that its author wrote it into.
    pub chain: ChainKey,
    /// The entry's number in its chain.
    pub seq: u64,
    /// The number of the entry's type on the wire.
    pub entry_type: u16,
    /// The document as its header has it; `None` for zeros.
    pub wire: Option<WireDoc>,
    /// The document, if it is known here.
    pub doc: Option<DocN>,
    /// Where in the log it is; `None` before the relay has answered.
    pub place: Option<LogPlace>,
    /// What became of the entry.
    pub state: EntryState,
    /// Why it is in this state: exactly for [`EntryState::Quarantined`] and [`EntryState::Refused`].
    pub reason: Option<StoredReason>,
    /// Whether its document has its content.
    pub applied: bool,
    /// The exact header bytes.
    pub header: Vec<u8>,
    /// The author's signature over the header bytes.
    pub signature: Signature,
}

/// An entry with its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryWithBody {
    /// The entry.
    pub entry: EntryRow,
    /// The entry's body; `None` where it was erased.
    pub body: Option<Vec<u8>>,
}

/// Beginning of each query that [`decode`] reads.
pub(crate) const ROW: &str =
    "SELECT n, ws, id, device, incarnation, lane, seq, type, wire, doc, pos, log_hash, state,
                                     reason, detail, applied, header, signature, time FROM entry";

/// Beginning of each query that [`decode_with_body`] reads: what [`decode`] reads, then the body.
pub(crate) const ROW_WITH_BODY: &str = "SELECT n, ws, id, device, incarnation, lane, seq, type, wire, doc, pos,
    log_hash, state, reason, detail, applied, header, signature, time, body.bytes FROM entry LEFT JOIN body ON body.entry = entry.n";

pub(crate) fn decode(row: &Row<'_>) -> rusqlite::Result<EntryRow> {
    let place = match row.get_ref(10)? {
        ValueRef::Null => None,
        _ => Some(LogPlace {
            pos: Position(number(row, 10)?),
            time: log_time(row, 18)?,
            log_hash: log_hash(row, 11)?,
        }),
    };
    Ok(EntryRow {
        n: row.get(0)?,
        ws: id(row, 1, WorkspaceId::from_bytes)?,
        id: id(row, 2, EntryId::from_bytes)?,
        chain: chain_key(row, 3)?,
        seq: number(row, 6)?,
        entry_type: row.get(7)?,
        wire: optional_id(row, 8, WireDoc::from_bytes)?,
        doc: row.get(9)?,
        place,
        state: coded(row, 12, EntryState::from_number)?,
        reason: reason(row, 13)?,
        applied: row.get(15)?,
        header: row.get(16)?,
        signature: id(row, 17, Signature::from_bytes)?,
    })
}

pub(crate) fn decode_with_body(row: &Row<'_>) -> rusqlite::Result<EntryWithBody> {
    Ok(EntryWithBody { entry: decode(row)?, body: row.get(19)? })
}

/// Number and detail from two columns in a row; `None` where there is no number.
fn reason(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<StoredReason>> {
    let number: Option<u16> = row.get(first)?;
    number.map(|number| Ok(StoredReason { number, detail: row.get(first + 1)? })).transpose()
}

impl Reader<'_> {
    /// The entry in a row; `None` if there is no such row.
    pub fn entry(&self, n: EntryN) -> Result<Option<EntryRow>, StoreError> {
        self.one(&format!("{ROW} WHERE n = ?1"), [n], decode)
    }

    /// The entry with this id; `None` if it is not here.
    pub fn entry_by_id(&self, ws: WorkspaceId, id: EntryId) -> Result<Option<EntryRow>, StoreError> {
        self.one(&format!("{ROW} WHERE ws = ?1 AND id = ?2"), (ws.as_bytes(), id.as_bytes()), decode)
    }

    /// An entry's body; `None` where it was erased.
    pub fn body(&self, n: EntryN) -> Result<Option<Vec<u8>>, StoreError> {
        self.one("SELECT bytes FROM body WHERE entry = ?1", [n], |row| row.get(0))
    }
}

impl Tx<'_> {
    /// Stores an entry with its body.
    ///
    /// # Errors
    /// [`StoreError::AlreadyThere`] if its id or position is taken in its workspace; [`StoreError::Refused`] if there is
    /// no such workspace or document, or if state, position and reason do not go together.
    pub fn insert_entry(&self, new: &NewEntry<'_>) -> Result<EntryN, StoreError> {
        let sql = "INSERT INTO entry (ws, id, device, incarnation, lane, seq, type, wire, doc, pos, log_hash, state,
                                      reason, detail, applied, header, signature, time)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";
        let row = params![
            new.ws.as_bytes(),
            new.id.as_bytes(),
            new.chain.device.as_bytes(),
            new.chain.incarnation.as_bytes(),
            new.chain.lane.number(),
            int(new.seq)?,
            new.entry_type,
            new.wire.as_ref().map(WireDoc::as_bytes),
            new.doc,
            new.place.map(|place| int(place.pos.0)).transpose()?,
            new.place.as_ref().map(LogPlace::hash_column),
            new.state.number(),
            new.reason.map(|reason| reason.number),
            new.reason.and_then(|reason| reason.detail.as_deref()),
            new.applied,
            new.header,
            new.signature.as_bytes(),
            new.place.map(|place| int(place.time.millis().0)).transpose()?,
        ];
        let n = EntryN(self.insert(sql, row)?);
        if let Some(body) = new.body {
            self.insert("INSERT INTO body (entry, bytes) VALUES (?1, ?2)", (n, body))?;
        }
        Ok(n)
    }

    /// The relay has signed for this entry of ours at a position: offered becomes on the log. One that it had refused,
    /// or let go, does too, for the log is what counts.
    ///
    /// # Errors
    /// [`StoreError::WrongState`] for any other entry; [`StoreError::AlreadyThere`] if the position is taken.
    pub fn place_entry(&self, n: EntryN, place: LogPlace) -> Result<(), StoreError> {
        let sql =
            "UPDATE entry SET state = 1, pos = ?2, log_hash = ?3, time = ?4, reason = NULL, detail = NULL
                   WHERE n = ?1 AND state IN (0, 3, 6) AND pos IS NULL";
        match self
            .change(sql, params![n, int(place.pos.0)?, place.hash_column(), int(place.time.millis().0)?])?
        {
            0 => Err(StoreError::WrongState("only an entry that is on no log can be placed")),
            _ => Ok(()),
        }
    }

    /// Stores the body of an entry that is here without one. Whether it had none.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if there is no such entry.
    pub fn put_missing_body(&self, n: EntryN, body: &[u8]) -> Result<bool, StoreError> {
        Ok(self
            .change("INSERT INTO body (entry, bytes) VALUES (?1, ?2) ON CONFLICT DO NOTHING", (n, body))?
            > 0)
    }

    /// Forgets the body of an entry, if it is here.
    pub fn forget_body(&self, n: EntryN) -> Result<(), StoreError> {
        self.change("DELETE FROM body WHERE entry = ?1", [n]).map(drop)
    }

    /// Forgets content of ours that was refused for good and is nowhere on the log, but for the last `keep`, and the last of each
    /// type for each document: how that is sealed again goes by it.
    pub fn forget_refused(&self, ws: WorkspaceId, keep: u32) -> Result<(), StoreError> {
        let sql = "DELETE FROM entry WHERE n IN (
                       SELECT n FROM entry WHERE ws = ?1 AND state = 3 AND state <> 1 AND lane = 1 AND pos IS NULL
                       ORDER BY n DESC LIMIT -1 OFFSET ?2)
                   AND n NOT IN (
                       SELECT max(n) FROM entry WHERE ws = ?1 AND state = 3 AND state <> 1 AND lane = 1 AND pos IS NULL
                       GROUP BY doc, type)";
        self.change(sql, (ws.as_bytes(), keep)).map(drop)
    }

    /// Notes what became of an entry, its position staying what it is.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`]; [`StoreError::Refused`] if a reason is missing or superfluous, if an entry without a
    /// position were on the log, or one with a position offered.
    pub fn set_entry_state(
        &self,
        n: EntryN,
        state: EntryState,
        reason: Option<&StoredReason>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE entry SET state = ?2, reason = ?3, detail = ?4 WHERE n = ?1";
        let number = reason.map(|reason| reason.number);
        let detail = reason.and_then(|reason| reason.detail.as_deref());
        self.change_one("entry", sql, params![n, state.number(), number, detail])
    }

    /// Puts an entry of the log aside, with or without a body: nothing of it counts, and none is waited for.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`].
    pub fn put_aside(&self, n: EntryN, reason: &StoredReason) -> Result<(), StoreError> {
        self.set_entry_state(n, EntryState::Quarantined, Some(reason))?;
        self.change("DELETE FROM withheld WHERE entry = ?1", [n]).map(drop)
    }

    /// Notes which document an entry is about, when that is learned after the entry was stored.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`]; [`StoreError::Refused`] if there is no such document.
    pub fn set_entry_doc(&self, n: EntryN, doc: DocN) -> Result<(), StoreError> {
        self.change_one("entry", "UPDATE entry SET doc = ?2 WHERE n = ?1", (n, doc))
    }

    /// The documents of these entries have their content now.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`].
    pub fn mark_applied(&self, entries: &[EntryN]) -> Result<(), StoreError> {
        let sql = "UPDATE entry SET applied = TRUE WHERE n = ?1";
        entries.iter().try_for_each(|n| self.change_one("entry", sql, [n]))
    }
}

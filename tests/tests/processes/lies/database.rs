//! A relay's database in other hands: entries are taken out, moved and altered, and what the relay derives from them is made to fit, so
//! that it serves and signs what is there.

use std::path::Path;

use bowline_relay::keys::{Identity, LogKey, LogSecret};
use bowline_wire::codec::encode;
use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::hash::{log_hash, log_seed};
use bowline_wire::ids::{EntryId, LogHash, LogTime, Position, Signature, WorkspaceId};
use bowline_wire::log::Log;
use bowline_wire::signed::Signed;
use bowline_wire::successor::Successor;
use rusqlite::Connection;

/// A stopped relay's database with one log.
pub(super) struct Forger {
    db: Connection,
    workspace: WorkspaceId,
}

/// An entry as it is stored.
#[derive(Clone)]
pub(super) struct Stored {
    kind: i64,
    chain: i64,
    seq: i64,
    id: EntryId,
    signature: Signature,
    header: Vec<u8>,
    body: Option<Vec<u8>>,
    pub(super) time: u64,
}

impl Stored {
    fn entry(&self, workspace: WorkspaceId) -> Option<Entry> {
        let header = Signed::from_parts(self.header.clone(), self.signature);
        SignedEntry::from_parts(header, self.body.clone()).verify(workspace).ok()
    }
}

impl Forger {
    pub(super) fn open(data: &Path) -> Self {
        let db = Connection::open(data.join("relay.db")).unwrap();
        let workspace = db.query_row("SELECT workspace FROM log WHERE n = 1", (), |row| row.get(0)).unwrap();
        Self { db, workspace: WorkspaceId::from_bytes(workspace) }
    }

    /// Runs a statement that changes one row.
    pub(super) fn change(&self, sql: &str) {
        assert_eq!(self.db.execute(sql, ()).unwrap(), 1, "{sql}");
    }

    pub(super) fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// The key that signs for the log.
    pub(super) fn key(&self) -> LogKey {
        let secret = self.db.query_row("SELECT secret FROM log WHERE n = 1", (), |row| row.get(0)).unwrap();
        LogKey::from(&LogSecret::from_bytes(secret))
    }

    /// Changes the log and puts it in the place of the log.
    pub(super) fn rewritten(&self, change: fn(&mut Vec<Stored>)) {
        let mut entries = self.entries();
        change(&mut entries);
        self.rewrite(&entries);
    }

    /// Lets the log go on under another key, by the word of the log's key and of an identity that is not the relay's.
    pub(super) fn continue_without_the_identity(&self) {
        let (old, new) = (self.key(), LogKey::from(&LogSecret::from_bytes([9; 32])));
        let sql = "SELECT position, hash FROM log WHERE n = 1";
        let (position, hash): (i64, [u8; 32]) =
            self.db.query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let (position, hash) = (Position(position.unsigned_abs()), LogHash::from_bytes(hash));
        let successor = Successor { workspace: self.workspace, old: old.id(), position, hash, new: new.id() };
        let said = Identity::from_secret(&[8; 32]).sign_successor(successor, &old).unwrap();
        self.db.execute("INSERT INTO successor (log, n, said) VALUES (1, 0, ?1)", [encode(&said)]).unwrap();
        let secret = new.secret();
        self.db.execute("UPDATE log SET secret = ?1 WHERE n = 1", [secret.as_bytes()]).unwrap();
    }

    /// Has everybody have written as much as any document may be.
    pub(super) fn raise_weights(&self) {
        assert!(self.db.execute("UPDATE weight SET sum = 1 << 40 WHERE log = 1", ()).unwrap() > 0);
    }

    /// Puts another workspace's log under this one's id.
    pub(super) fn take_another_log(&self) {
        self.change("UPDATE log SET workspace = zeroblob(length(workspace)) WHERE n = 1");
        let sql = "UPDATE log SET workspace = ?1 WHERE n = 2";
        assert_eq!(self.db.execute(sql, [self.workspace.as_bytes()]).unwrap(), 1);
    }

    /// The log's entries, in order.
    fn entries(&self) -> Vec<Stored> {
        let sql = "SELECT type, chain, seq, id, signature, header, body, time
                   FROM entry WHERE entry.log = 1 ORDER BY position";
        let mut statement = self.db.prepare(sql).unwrap();
        let rows = statement.query_map((), |row| {
            Ok(Stored {
                kind: row.get(0)?,
                chain: row.get(1)?,
                seq: row.get(2)?,
                id: EntryId::from_bytes(row.get(3)?),
                signature: Signature::from_bytes(row.get(4)?),
                header: row.get(5)?,
                body: row.get(6)?,
                time: u64::try_from(row.get::<_, i64>(7)?).unwrap(),
            })
        });
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// Puts these entries in the place of the log: positions, hashes, the head and the tips of all chains are those of a log of them.
    fn rewrite(&self, entries: &[Stored]) {
        self.db.execute("DELETE FROM entry WHERE log = 1", ()).unwrap();
        let mut log = Log::new(self.workspace, self.key().id());
        let mut hashes = vec![log_seed(self.workspace, self.key().id())];
        for (at, stored) in entries.iter().enumerate() {
            let time = LogTime::new(stored.time).unwrap();
            let hash = log_hash(*hashes.last().unwrap(), stored.id, time);
            self.insert(at + 1, stored, hash);
            hashes.push(hash);
            let known = |position: Position| hashes.get(usize::try_from(position.0).unwrap()).copied();
            let entry = stored.entry(self.workspace);
            let accepted = entry.as_ref().map(|entry| log.check(entry, time, known));
            match accepted {
                Some(Ok(accepted)) => drop(log.append(accepted)),
                _ => drop(log.pass(stored.id, time)),
            }
        }
        let last = entries.last().unwrap();
        let sql = "UPDATE log SET position = ?1, hash = ?2, time = ?3 WHERE n = 1";
        let (position, time) = (i64::try_from(entries.len()).unwrap(), i64::try_from(last.time).unwrap());
        self.db.execute(sql, (position, hashes.last().unwrap().as_bytes(), time)).unwrap();
        self.rewrite_tips(&log);
    }

    fn insert(&self, position: usize, stored: &Stored, hash: LogHash) {
        let sql =
            "INSERT INTO entry (log, position, type, chain, seq, hash, id, signature, header, body, time)
                   VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let (position, time) = (i64::try_from(position).unwrap(), i64::try_from(stored.time).unwrap());
        let Stored { kind, chain, seq, id, signature, header, body, .. } = stored;
        let (hash, id, signature) = (hash.as_bytes(), id.as_bytes(), signature.as_bytes());
        self.db.execute(sql, (position, kind, chain, seq, hash, id, signature, header, body, time)).unwrap();
    }

    fn rewrite_tips(&self, log: &Log) {
        self.db.execute("DELETE FROM chain WHERE n NOT IN (SELECT chain FROM entry)", ()).unwrap();
        for (chain, tip) in log.tips() {
            let sql =
                "UPDATE chain SET tip = ?1 WHERE log = 1 AND device = ?2 AND incarnation = ?3 AND lane = ?4";
            let of = (chain.device.as_bytes(), chain.incarnation.as_bytes(), chain.lane.number());
            self.db.execute(sql, (encode(tip), of.0, of.1, of.2)).unwrap();
        }
    }
}

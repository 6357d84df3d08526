//! One device: its documents, its workspaces, and what it says to their relays. Synchronous and without sockets, clock
//! or randomness of its own; the host hands frames in and takes frames out.
//!
//! After an [`Error::Store`] the device has to be opened anew: what it believed to have stored may not be there.
//!
//! Architecture Invariant: nothing in here uses tokio; the manifest has no line for it.

mod apart;
mod documents;
mod draft;
mod error;
mod import;
mod lent;
mod merging;
mod notice;
mod rows;
mod workspace;

use bowline_core::document::Kind;
use bowline_core::sync::{Inquiry, InquiryFailed, Invitation};
use bowline_crypto::{DeviceKeys, RecoveryPhrase};
use bowline_store::Store;
use bowline_wire::ids::{DeviceId, DocId, LineKey, Millis, TicketKey, WorkspaceId};
use rand_core::{CryptoRng, Rng as _};

use apart::Parts;
use documents::held::Documents;
use import::at_work::Import;
use import::knowledge::Knowledge;
use lent::Lent;
use merging::{Looked, Merging};
use notice::Notices;
use workspace::{Workspaces, inquiry};

pub use bowline_core::document::Marks;
pub use bowline_core::sync::{Clocks, Token, WrongClock};
pub use bowline_store::{OnlyHere, Withheld};
pub use documents::agents::ShownAgent;
pub use documents::edit::Shown;
pub use documents::edited::Went;
pub use documents::found::{Found, Which};

pub use documents::listed::Listed;
pub use documents::memories::ShownMemory;
pub use documents::overlaps::Overlapping;
pub use documents::own_names::OwnNames;
pub use documents::sharing::{Kept, Shared};
pub use documents::skills::ShownSkill;
pub use documents::versions::{FilesEdit, Versions};
pub use documents::writers::WrittenBy;
pub use draft::OtherDraft;
pub use error::{Damage, Error, Unmergeable};
pub use import::{
    BOWLINE, DryRun, FilesImport, ImportTarget, ImportedFiles, ImportedSession, LeftLine, LineVerdict,
    Outcome, SessionFile, SessionImport, SourceFile, SourceSession, Verdict, Why, composed,
};
pub use merging::Merged;
pub use notice::Notice;
pub use workspace::behind::Behind;
pub use workspace::code::{Code, CodeError, CodeKind, Lifetime};
pub use workspace::connection::{Outstanding, Parting};
pub use workspace::decisions::{Cancelling, OpenCode, PendingDecision};
pub use workspace::evidence::Caught;
pub use workspace::going_on::{Look, Looking, Missing};
pub use workspace::intent;
pub use workspace::line_failure::{LineFailure, LineReason};
pub use workspace::membership::{Membership, RelaySays, Removal};
pub use workspace::not_here::{Lacks, NotHere};
pub use workspace::owed::Owed;
pub use workspace::quarantine::QuarantineReason;
pub use workspace::recovery::{Departure, Entrance, Newcomer, PhraseInHand};
pub use workspace::report::{LineReport, LineStage, Stuck, SyncReport};
pub use workspace::status::put_aside::{PutAside, Says};
pub use workspace::status::{DocumentState, MemberStatus, Quarantined, WorkspaceStatus};
pub use workspace::stored_log::StoredLog;
pub use workspace::stored_log::audit::{Audit, Audited, AuditedDocument, Counts, Did, GaveUp};
pub use workspace::stored_log::check::{Check, Checked, CheckedState, Fault, LogFault};
pub use workspace::stored_log::comings::{Coming, Step};
pub use workspace::stored_log::compare::{Comparable, Compared, Since};
pub use workspace::withheld::WithheldStatus;

/// Name of the value that says whose database this is.
const DEVICE: &str = "device";

/// Where randomness comes from; a host passes the operating system's, a simulation a seeded one.
pub type Random = Box<dyn CryptoRng + Send>;

/// One device. See the module's text.
pub struct Device {
    store: Store,
    keys: DeviceKeys,
    random: Random,
    documents: Documents,
    workspaces: Workspaces,
    notices: Notices,
    looked: Looked,
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// Who else has the database open at the moment a device is opened on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// No other process: whatever is marked as under way was so when a process died.
    Nobody,
    /// Another process, whose work under way is not a crash.
    Others,
}

impl Device {
    /// 64 random bits, for waits.
    pub fn draw(&mut self) -> u64 {
        self.random.next_u64()
    }

    /// A number that changes when another connection to the database, of any process, has committed.
    pub fn data_version(&self) -> Result<i64, Error> {
        Ok(self.store.read().data_version()?)
    }

    /// Opens a device on its database, which may be new and which no other process has open.
    pub fn open(store: Store, keys: DeviceKeys, random: Random) -> Result<Self, Error> {
        Self::open_beside(store, keys, random, Beside::Nobody)
    }

    /// Opens a device on its database, which may be new.
    pub fn open_beside(
        mut store: Store,
        keys: DeviceKeys,
        mut random: Random,
        beside: Beside,
    ) -> Result<Self, Error> {
        let id = keys.id();
        let known = store.read().meta(DEVICE)?;
        if known.as_ref().is_some_and(|found| found != id.as_bytes()) {
            return Err(Error::OtherKey);
        }
        if known.is_none() || beside == Beside::Nobody {
            store.transaction(|tx| {
                tx.put_meta(DEVICE, id.as_bytes())?;
                match beside {
                    Beside::Nobody => tx.count_crashes(),
                    Beside::Others => Ok(()),
                }
            })?;
        }
        let mut process = [0; 8];
        random.fill_bytes(&mut process);
        let mut device = Self {
            documents: Documents::new(process),
            store,
            keys,
            random,
            workspaces: Workspaces::default(),
            notices: Notices::default(),
            looked: Looked::default(),
        };
        device.workspaces.link_up_all(device.store.read(), &device.keys, &mut device.notices)?;
        device.workspaces.retry_after_update(&mut device.store, &device.keys)?;
        Ok(device)
    }

    /// Which device this is.
    pub fn id(&self) -> DeviceId {
        self.keys.id()
    }

    /// The device's database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The device's database, to close it or to open the device anew.
    pub fn into_store(self) -> Store {
        self.store
    }

    /// The log of a workspace as it is stored here, to look at.
    pub fn stored_log(&self, workspace: WorkspaceId) -> StoredLog<'_> {
        StoredLog::new(self.store.read(), &self.workspaces, workspace)
    }

    /// Remembers that two people have compared what stands here and found the same: the roster, and with `with_log` the log as well.
    pub fn remember_compared(
        &mut self,
        workspace: WorkspaceId,
        compared: &Comparable,
        with_log: bool,
        now: Millis,
    ) -> Result<(), Error> {
        self.workspaces.replica(workspace)?;
        workspace::stored_log::compare::remember(&mut self.store, workspace, compared, with_log, now)
    }

    /// Lets the recovery device of this person's phrase into a workspace: a code for it alone, of whose secret the phrase knows. The code
    /// is ready once the relay has signed for it: see [`Device::code`].
    ///
    /// # Errors
    /// [`Error::PhraseSpent`]; as of any decision.
    pub fn make_recovery_code(
        &mut self,
        workspace: WorkspaceId,
        phrase: &RecoveryPhrase,
        now: Millis,
    ) -> Result<TicketKey, Error> {
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        let secret = workspaces.phrase_secret((lent.read(), lent.keys), workspace, phrase)?;
        let lifetime = Lifetime::usual(CodeKind::Recovery);
        let key = workspaces.open_with(&mut lent, workspace, lifetime, secret.ok_or(Error::PhraseSpent)?)?;
        workspaces.drive(&mut lent, documents, workspace)?;
        Ok(key)
    }

    /// Workspaces in the database that are too damaged to be used.
    pub fn damaged_workspaces(&self) -> Result<Vec<WorkspaceId>, Error> {
        let stored = self.store.read().workspaces()?.into_iter().map(|row| row.id);
        Ok(stored.filter(|id| self.workspaces.check_known(*id).is_err()).collect())
    }

    /// The next thing a person may want to know.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop()
    }

    /// Whether the database failed in the middle of something, so that nothing more is sent or taken in before the
    /// device is opened anew. Edits that were answered with `Ok` are durable all the same.
    pub fn needs_reopening(&self) -> bool {
        self.workspaces.are_broken()
    }

    /// The device's parts, to be used side by side.
    fn parts(&mut self, now: Millis) -> Parts<'_> {
        let Self { store, keys, random, documents, workspaces, notices, .. } = self;
        Parts { documents, workspaces, lent: Lent { store, keys, random: &mut **random, notices, now } }
    }

    /// What this device knows of sources that could be imported.
    fn knowledge(&self) -> Knowledge<'_> {
        Knowledge { read: self.store.read(), device: self.id(), workspaces: &self.workspaces }
    }

    /// Begins to import a session: hand over its lines, in order from the first, then finish.
    ///
    /// # Errors
    /// [`Error::Edit`] for names longer than [`NAME_MAX`](bowline_core::document::limits::NAME_MAX); the database's.
    pub fn begin_import(&mut self, session: &SourceSession, now: Millis) -> Result<SessionImport, Error> {
        self.import(now, |import| import.begin(session))
    }

    /// Takes one line, without its `\n`. Commits by itself, a batch at a time: what is remembered of the session is
    /// always what is in the document.
    pub fn import_line(
        &mut self,
        session: &mut SessionImport,
        line: &[u8],
        now: Millis,
    ) -> Result<LineVerdict, Error> {
        self.import(now, |import| import.line(session, line))
    }

    /// Notes a line that is not to be had in memory: it stays in the file.
    pub fn skip_line(
        &mut self,
        session: &mut SessionImport,
        line: LeftLine,
        now: Millis,
    ) -> Result<LineVerdict, Error> {
        self.import(now, |import| import.skip_line(session, line))
    }

    /// Stores what is left, and what is said about the session. `ends_with_newline`: whether the last line ends with a line
    /// end, which is not one of the lines that were handed over.
    pub fn finish_import(
        &mut self,
        session: SessionImport,
        ends_with_newline: bool,
        now: Millis,
    ) -> Result<ImportedSession, Error> {
        self.import(now, |import| import.finish(session, ends_with_newline))
    }

    /// Imports an agent, a skill or personal files, or what is new of them. What was changed here stays, and what was changed
    /// on both sides comes beside it. Nothing is removed here for being gone there.
    ///
    /// # Errors
    /// [`Error::OtherKind`] if the source was a document of another kind the last time; as of any edit.
    pub fn import_files(&mut self, files: &FilesImport<'_>, now: Millis) -> Result<ImportedFiles, Error> {
        self.import(now, |import| import.files(files))
    }

    fn import<T>(
        &mut self,
        now: Millis,
        step: impl FnOnce(&mut Import<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut import = Import::into(self.parts(now));
        let done = step(&mut import);
        let workspace = import.into_edited();
        self.drive_after_edit(workspace, now);
        done
    }

    /// Puts a document into a workspace: one that is on this device only moves there with all its history, of one that is
    /// there already everything that is only here goes there too, and of one in another workspace a copy under an id of its
    /// own. What others wrote elsewhere travels in this device's name, with a note of who wrote it.
    ///
    /// What was imported from another application on this device, and on another device of the same person that has shared it
    /// before, becomes one document with that.
    ///
    /// # Errors
    /// [`Error::NoDocument`]; as of any edit.
    pub fn share(&mut self, id: DocId, workspace: WorkspaceId, now: Millis) -> Result<Shared, Error> {
        self.workspaces.replica(workspace)?;
        if let Some(joined) = self.merging(now, |merging| merging.share_into_twin(id, workspace))? {
            return Ok(Shared::Joined { into: joined.into, differ: joined.differ() });
        }
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        let (shared, edited) = documents.share(&mut lent, workspaces, id, workspace)?;
        workspaces.note_edited(&edited);
        workspaces.drive(&mut lent, documents, workspace)?;
        Ok(shared)
    }

    /// Makes one document of two agents, skills or memories. The first takes in all that the second holds, as an import
    /// would: what differs stays as the first has it, and files of the second come beside. The second goes to the trash, and
    /// what was imported as it is imported into the first from then on.
    ///
    /// # Errors
    /// [`Error::Unmergeable`]; [`Error::OtherKind`] for a document of another kind than the first, or one that has no files;
    /// as of any edit.
    pub fn merge(
        &mut self,
        first: impl Into<Which>,
        second: impl Into<Which>,
        now: Millis,
    ) -> Result<Merged, Error> {
        let (first, second) = (self.find(first)?, self.find(second)?);
        self.check_merge(&first, &second)?;
        self.merging(now, |merging| merging.join(&first.row, &second.row))
    }

    /// Whether [`Device::merge`] would make one of two documents.
    ///
    /// # Errors
    /// As [`Device::merge`], but for what only shows when it is done: that both hold too much.
    pub fn check_merge(&self, first: &Found, second: &Found) -> Result<(), Error> {
        merging::check_merge(first, second)
    }

    /// Looks in the workspaces that are in step with their relays, if anything has come, for a document that this device has
    /// imported and shared, and another device of the same person before it: the two become one. Whether there may be more.
    pub fn join_twins(&mut self, now: Millis) -> Result<bool, Error> {
        let mut looked = std::mem::take(&mut self.looked);
        let done = self.merging(now, |merging| merging.join_twins(&mut looked));
        self.looked = looked;
        done
    }

    /// Documents of this device's person in the same place with the same name and of the same kind: those that a person may
    /// want to merge with this one. None for a kind without files. Two that came from one home of another application are two.
    pub fn namesakes(&self, which: impl Into<Which>) -> Result<Vec<DocId>, Error> {
        let found = self.find(which)?;
        merging::namesakes((self.store.read(), &self.workspaces, self.id()), &found)
    }

    /// Who shared a document of a workspace; `None` if nothing of it is on the log yet.
    pub fn shared_by(&mut self, which: impl Into<Which>, now: Millis) -> Result<Option<WrittenBy>, Error> {
        let found = self.find(which)?;
        self.merging(now, |merging| merging.shared_by(&found))
    }

    fn merging<T>(
        &mut self,
        now: Millis,
        step: impl FnOnce(&mut Merging<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut merging = Merging::of(self.parts(now));
        let done = step(&mut merging);
        for edited in merging.into_edits() {
            self.send_edit(Some(edited), now);
        }
        done
    }

    /// The document that a session of an application is, on every device: here or not.
    pub fn session_doc(app: &str, session: &str) -> DocId {
        import::sessions::session_doc(app, session)
    }

    /// Whether this device has a session of an application, one in the trash included.
    pub fn knows_session(&self, app: &str, session: &str) -> Result<bool, Error> {
        Ok(self.store.read().find_doc(Self::session_doc(app, session))?.is_some())
    }

    /// All documents of a kind, newest first: those in view, or those in the trash. Loads none of them.
    pub fn list_kind(&self, kind: Kind, trash: bool) -> Result<Vec<Listed>, Error> {
        documents::listed::list(self.store.read(), kind, trash)
    }

    /// All conversations, as [`Device::list_kind`] lists them.
    pub fn list(&self, trash: bool) -> Result<Vec<Listed>, Error> {
        self.list_kind(Kind::Conversation, trash)
    }

    /// All agents, as [`Device::list_kind`] lists them.
    pub fn agents(&self, trash: bool) -> Result<Vec<Listed>, Error> {
        self.list_kind(Kind::Agent, trash)
    }

    /// All skills, as [`Device::list_kind`] lists them.
    pub fn skills(&self, trash: bool) -> Result<Vec<Listed>, Error> {
        self.list_kind(Kind::Skill, trash)
    }

    /// The personal files of all agents, one document for each agent, as [`Device::list_kind`] lists them.
    pub fn memories(&self, trash: bool) -> Result<Vec<Listed>, Error> {
        self.list_kind(Kind::Memory, trash)
    }

    /// Whether a document was taken over from another application: on this device or, if it is a conversation, anywhere.
    pub fn is_imported(&mut self, found: &Found, now: Millis) -> Result<bool, Error> {
        if self.store.read().is_imported(found.id())? {
            return Ok(true);
        }
        Ok(found.kind() == Kind::Conversation && self.session_file(found.id(), now)?.app.is_some())
    }

    /// A conversation as the file that its application reads: for an imported one the bytes that came in, and what was
    /// added since.
    pub fn session_file(&mut self, id: DocId, now: Millis) -> Result<SessionFile, Error> {
        self.show_as(id, now)
    }

    /// Takes in everything that came for documents nobody has looked at since, one document at a time: lists and search
    /// are right afterwards, and what cannot be applied is found. Whether there is more to do.
    pub fn index_one(&mut self, now: Millis) -> Result<bool, Error> {
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        documents.index_one(&mut lent, workspaces.keyrings())
    }

    /// As [`Self::index_one`], of documents into which this device has written: what others wrote there meanwhile is found.
    pub fn index_own(&mut self, now: Millis) -> Result<bool, Error> {
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        documents.index_own(&mut lent, workspaces)
    }

    /// Something that this device and others changed at the same time, and that was not asked for since it was found.
    pub fn poll_overlap(&mut self, now: Millis) -> Result<Option<Overlapping>, Error> {
        let found = self.documents.overlaps.pop_front();
        Ok(self.told(found.into_iter().collect(), now)?.pop())
    }

    /// All that this device and others changed at the same time, of documents in view at which no person has looked since.
    pub fn overlaps(&mut self, now: Millis) -> Result<Vec<Overlapping>, Error> {
        self.told(documents::overlaps::kept(self.store.read())?, now)
    }

    /// A person has looked at a document: [`Self::overlaps`] has what was found of it no more.
    pub fn note_overlaps_seen(&mut self, id: DocId) -> Result<(), Error> {
        documents::overlaps::seen(&mut self.store, id)
    }

    /// An error if this device cannot join by a code because the workspace is here already.
    pub fn check_joinable(&self, code: &Code) -> Result<(), Error> {
        inquiry::check_joinable(self.store.read(), code)
    }

    /// Begins to ask what the record of a code says, on a line to its relay that is up. Nothing is stored, and nothing is written into
    /// the log. `line` is the key of the relay's certificate as the line has proven it.
    pub fn inquire(&mut self, code: &Code, line: Option<LineKey>, now: Millis) -> Inquiry {
        inquiry::begin(&mut self.parts(now).lent, code, line)
    }

    /// A frame has come on a line on which the record of a code is asked for. Gives what it says once that is known.
    pub fn hear_inquired(
        &mut self,
        inquiry: &mut Inquiry,
        bytes: &[u8],
        now: Millis,
    ) -> Result<Option<Invitation>, InquiryFailed> {
        inquiry::hear(&mut self.parts(now).lent, inquiry, bytes)
    }

    fn told(&mut self, all: Vec<documents::overlaps::Kept>, now: Millis) -> Result<Vec<Overlapping>, Error> {
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        let writers = documents::writers::Writers::known(documents, &mut lent, workspaces)?;
        documents::overlaps::told(lent.read(), all, |actor| writers.somebody(actor))
    }
}

//! An agent's conversations: the transcripts in its database, those in files, and those in both while OpenClaw is on its way
//! from files to a database.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::chain::Chain;
use super::copies;
use super::files::{self, Name, broken};
use super::merged::Merged;
use crate::openclaw::home::index::{self, About, INDEX_MAX, Index};
use crate::openclaw::home::left_out::{list, report_database_secrets, report_skipped};
use crate::openclaw::home::skip;
use crate::openclaw::transcripts::database::{self, Archive, DATABASE, Place, Stored, StoredLines};
use crate::spelling::known_as;
use crate::tree::{Found, Refused, Sort, Tree};
use crate::{Import, ImportError, Item, Reporter, Source, SourceError, Transcript, What, is_uuid};
use bowline_device::SourceSession;

/// What the report calls the application.
const APP: &str = "openclaw";

/// Everything of one agent that is a transcript.
pub(crate) struct Conversations {
    /// The agent.
    id: String,
    /// `agents/<id>/sessions`, with the files in it.
    folder: Option<Tree>,
    database: Option<Connection>,
    transcripts: Vec<Located>,
    /// Bytes of all transcripts.
    pub(crate) bytes: u64,
}

/// A transcript, and where its lines are.
struct Located {
    transcript: Transcript,
    from: From,
}

/// Where its lines are.
enum From {
    /// In the database.
    Rows(String),
    Cold(Archive),
    Reset(Archive),
    /// In a file.
    File(String),
    /// In a packed file.
    Packed(String),
    /// In the database, and perhaps more of them in a file.
    RowsAndFile(String, String),
    ColdAndFile(Archive, String),
    /// In several places, by name: what the session was before, and what it is now.
    Chain(Vec<(String, From)>),
    /// In one of these places, and more of them in copies that a program has made which keeps folders in step.
    Copies(Box<From>, Vec<String>),
}

/// What is known before it is clear where each transcript is.
#[derive(Default)]
struct Known {
    stored: Vec<Stored>,
    index: Index,
    live: BTreeMap<String, Found>,
    /// By session id: files of what a session was before it was begun anew.
    before: BTreeMap<String, Vec<Found>>,
    /// By session id: copies of its file.
    copies: BTreeMap<String, Vec<Found>>,
}

impl Conversations {
    /// Finds all transcripts without reading any, and reports what will not be imported.
    pub(crate) fn find(
        report: &mut Reporter<'_>,
        id: &str,
        agent_folder: Option<(&Tree, &str)>,
        sessions: Option<(Tree, &str)>,
    ) -> Self {
        let (database, stored) = match agent_folder {
            Some((tree, path)) => open_database(report, tree, path),
            None => (None, Vec::new()),
        };
        let mut known = Known { stored, ..Known::default() };
        let path = sessions.as_ref().map_or("", |(_, path)| *path);
        if let Some((tree, path)) = &sessions {
            known.look_at_files(report, tree, path);
        }
        let Gathered { transcripts, bytes, .. } =
            known.gather(report, agent_folder.map_or("", |(_, path)| path), path);
        Self { id: id.to_owned(), folder: sessions.map(|(tree, _)| tree), database, transcripts, bytes }
    }

    /// Imports the transcripts that were found.
    pub(crate) fn import(
        self,
        import: &mut Import<'_>,
        report: &mut Reporter<'_>,
    ) -> Result<(), ImportError> {
        tracing::debug!(transcripts = self.transcripts.len(), "importing an agent's conversations");
        for Located { transcript, from } in &self.transcripts {
            let mut transcript = transcript.clone();
            transcript.session.agent = Some(self.id.clone());
            import.transcript(report, &transcript, &mut || self.open(from))?;
        }
        Ok(())
    }

    fn open<'a>(&'a self, from: &'a From) -> Result<Box<dyn Source + 'a>, SourceError> {
        let database = || self.database.as_ref().ok_or_else(|| broken(&Refused::Missing));
        let folder = || self.folder.as_ref().ok_or_else(|| broken(&Refused::Missing));
        let rows = |id: &str| -> Result<Box<dyn Source + 'a>, SourceError> {
            Ok(Box::new(StoredLines::new(database()?, id)?))
        };
        Ok(match from {
            From::Rows(id) => rows(id)?,
            From::Cold(archive) => database::cold(database()?, self.folder.as_ref(), archive)?,
            From::Reset(archive) => database::archived(database()?, archive)?,
            From::File(name) => Box::new(files::open(folder()?, name)?),
            From::Packed(name) => {
                database::packed_file(folder()?.file(name).map_err(|why| broken(&why))?, true)?
            }
            From::RowsAndFile(id, name) => {
                Box::new(Merged::new(rows(id)?, Box::new(files::open(folder()?, name)?)))
            }
            From::ColdAndFile(archive, name) => {
                let cold = database::cold(database()?, self.folder.as_ref(), archive)?;
                Box::new(Merged::new(cold, Box::new(files::open(folder()?, name)?)))
            }
            From::Chain(parts) => {
                let names = parts.iter().map(|(name, _)| name.as_str()).collect();
                let gone = || broken(&Refused::Missing);
                let open = move |part: usize| self.open(&parts.get(part).ok_or_else(gone)?.1);
                Box::new(Chain::new(names, Box::new(open)))
            }
            From::Copies(own, copies) => {
                let mut source = self.open(own)?;
                for name in copies {
                    let is_plain = unpacked(name) == name;
                    let copy: Box<dyn Source + 'a> = if is_plain {
                        Box::new(files::open(folder()?, name)?)
                    } else {
                        database::packed_file(folder()?.file(name).map_err(|why| broken(&why))?, true)?
                    };
                    source = Box::new(Merged::new(source, copy));
                }
                source
            }
        })
    }
}

/// Opens an agent's database and lists its transcripts. What cannot be read is reported.
fn open_database(report: &mut Reporter<'_>, tree: &Tree, folder: &str) -> (Option<Connection>, Vec<Stored>) {
    let path = format!("{folder}/{DATABASE}");
    if tree.sort_of(DATABASE) == Err(Refused::Missing) {
        return (None, Vec::new());
    }
    let read = database::open(tree, DATABASE).and_then(|connection| {
        let has = database::has_transcripts(&connection).map_err(|error| database::reason(&error))?;
        let found = if has { Some(database::transcripts(&connection)) } else { None };
        Ok((connection, found.transpose().map_err(|error| database::reason(&error))?))
    });
    match read {
        Err(why) => {
            report.item(&Item::failed(What::File, path, why));
            (None, Vec::new())
        }
        Ok((connection, found)) => {
            report_database_secrets(report, &connection, &path);
            let Some(found) = found else {
                report.item(&Item::skipped(What::File, path, "there are no transcripts in it"));
                return (None, Vec::new());
            };
            if found.deleted > 0 {
                let why = format!("{} transcripts that were deleted in OpenClaw", found.deleted);
                report.item(&Item::skipped(What::File, path, why).at("session_transcript_archives"));
            }
            (Some(connection), found.sessions)
        }
    }
}

impl Known {
    /// Sorts the files beside an agent's transcripts.
    fn look_at_files(&mut self, report: &mut Reporter<'_>, tree: &Tree, path: &str) {
        let listed = list(report, tree, path);
        let sessions: Vec<&str> =
            listed.iter().filter_map(|found| found.name.strip_suffix(".jsonl")).collect();
        let known_as = |session: &str| known_as(session, sessions.iter().copied()).into_owned();
        let (mut copies, mut indexes) = (Vec::new(), Vec::new());
        for found in &listed {
            let at = format!("{path}/{}", found.name);
            if found.name == "sessions.json" {
                indexes.insert(0, found);
                continue;
            }
            let is_file = found.is_text && found.sort == Sort::File;
            if is_file && copies::is_of_index(&found.name) {
                indexes.push(found);
                continue;
            }
            if let Some(session) = copies::session_of(&found.name).filter(|_| is_file) {
                copies.push((known_as(session), found));
                continue;
            }
            self.add_file(report, found, &at, &known_as);
        }
        for found in indexes {
            self.read_index(report, tree, &found.name, &format!("{path}/{}", found.name));
        }
        for (session, found) in copies {
            let own = self.live.get(&session).map(|own| own.name.as_str());
            if copies::is_of(tree, &found.name, &session, own) {
                self.copies.entry(session).or_default().push(found.clone());
            } else {
                self.add_file(report, found, &format!("{path}/{}", found.name), &known_as);
            }
        }
    }

    /// Adds a file by its name, or reports that it stays where it is.
    fn add_file(
        &mut self,
        report: &mut Reporter<'_>,
        found: &Found,
        at: &str,
        known_as: &dyn Fn(&str) -> String,
    ) {
        let name = found.is_text.then(|| Name::of(&found.name)).flatten();
        match name {
            Some(_) if found.sort != Sort::File => {
                let why = match found.sort {
                    Sort::Link => Refused::Link,
                    Sort::Folder => Refused::NotAFile,
                    Sort::Special | Sort::File => Refused::Special,
                };
                report.item(&Item::failed(What::Conversation, at, why.to_string()));
            }
            Some(Name::Live(session)) => drop(self.live.insert(known_as(session), found.clone())),
            Some(Name::Before(session)) => {
                self.before.entry(known_as(session)).or_default().push(found.clone());
            }
            None => report_skipped(report, found, at, skip::in_sessions(&found.name)),
        }
    }

    /// Reads an index. What an earlier one says of a session stays.
    fn read_index(&mut self, report: &mut Reporter<'_>, tree: &Tree, name: &str, path: &str) {
        let read = tree.read(name, INDEX_MAX).map_err(|refused| refused.to_string());
        match read.and_then(|bytes| index::read(&bytes)) {
            Ok((index, wrong)) => {
                for (session, about) in index {
                    self.index.entry(session).or_insert(about);
                }
                for key in wrong {
                    let why = "an entry that names no transcript";
                    report.item(&Item::failed(What::Setting, path, why).at(key));
                }
            }
            Err(why) => {
                let why = format!("{why}: its conversations are imported without titles, as archived ones");
                report.item(&Item::failed(What::File, path, why));
            }
        }
    }

    /// Decides where each transcript is read from and what is known about it.
    fn gather(mut self, report: &mut Reporter<'_>, agent_folder: &str, sessions: &str) -> Gathered {
        let mut gathered = Gathered::default();
        let (reset, stored) = std::mem::take(&mut self.stored)
            .into_iter()
            .partition::<Vec<_>, _>(|stored| matches!(stored.place, Place::Reset(_)));
        gathered.earlier = self.earlier(report, reset, agent_folder, sessions);
        (gathered.copies, gathered.folder) = (std::mem::take(&mut self.copies), sessions.to_owned());
        for stored in stored {
            self.add_stored(report, &mut gathered, stored, agent_folder, sessions);
        }
        for (id, file) in std::mem::take(&mut self.live) {
            gathered.bytes += file.len;
            let (about, path) = (self.about(&id), format!("{sessions}/{}", file.name));
            gathered.add(report, id, &about, path, None, From::File(file.name));
        }
        while let Some((id, mut parts)) = gathered.earlier.pop_first() {
            // The last part is what the session is now.
            let Some(last) = parts.pop() else { continue };
            gathered.earlier.insert(id.clone(), parts);
            gathered.bytes += last.bytes;
            gathered.add(report, id, &last.about, last.path, last.at, last.from);
        }
        while let Some((id, mut copies)) = gathered.copies.pop_first() {
            // Nothing is left of the session's own file, so that one of its copies takes its place.
            let own = copies.remove(0);
            gathered.copies.insert(id.clone(), copies);
            gathered.bytes += own.len;
            let (about, path) = (self.about(&id), format!("{sessions}/{}", own.name));
            gathered.add(report, id, &about, path, None, From::File(own.name));
        }
        self.report_missing(report, sessions, &gathered.named);
        gathered
    }

    /// Adds a transcript that the database knows.
    fn add_stored(
        &mut self,
        report: &mut Reporter<'_>,
        gathered: &mut Gathered,
        stored: Stored,
        agent_folder: &str,
        sessions: &str,
    ) {
        let Stored { id, about, place, bytes } = stored;
        let path = format!("{agent_folder}/{DATABASE}");
        let file = self.live.remove(&id);
        gathered.bytes += bytes + file.as_ref().map_or(0, |file| file.len);
        let from = match (place, file) {
            (Place::Nowhere, Some(file)) => {
                let path = format!("{sessions}/{}", file.name);
                return gathered.add(report, id, &about, path, None, From::File(file.name));
            }
            (Place::Nowhere, None) if gathered.earlier.contains_key(&id) => return,
            (Place::Nowhere | Place::Reset(_), None | Some(_)) => {
                let item = Item::skipped(What::Conversation, path, "nothing has been said in it yet");
                report.item(&item.at(&*id).titled(about.title()));
                gathered.named.insert(id);
                return;
            }
            (Place::Rows, None) => From::Rows(id.clone()),
            (Place::Rows, Some(file)) => From::RowsAndFile(id.clone(), file.name),
            (Place::Cold(archive), None) => From::Cold(archive),
            (Place::Cold(archive), Some(file)) => From::ColdAndFile(archive, file.name),
        };
        gathered.add(report, id.clone(), &about, path, Some(id), from);
    }

    /// By session id, what each session was before it was begun anew, the oldest first. Beginning anew mostly gives a session
    /// another id, so that there is one part and nothing after it. Where the id stayed, the parts are one conversation, just as
    /// they are if each part was imported while it was the session.
    fn earlier(
        &mut self,
        report: &mut Reporter<'_>,
        reset: Vec<Stored>,
        agent_folder: &str,
        sessions: &str,
    ) -> BTreeMap<String, Vec<Earlier>> {
        let mut earlier: BTreeMap<String, Vec<Earlier>> = BTreeMap::new();
        let mut stored = BTreeSet::new();
        for Stored { id, about, place, bytes } in reset {
            let Place::Reset(archive) = place else { continue };
            stored.insert(archive.name.clone());
            let (name, path) = (archive.name.clone(), format!("{agent_folder}/{DATABASE}"));
            let part = Earlier { name, path, at: Some(id.clone()), about, from: From::Reset(archive), bytes };
            earlier.entry(id).or_default().push(part);
        }
        for (id, files) in std::mem::take(&mut self.before) {
            for Found { name, len, .. } in files {
                let path = format!("{sessions}/{name}");
                if stored.contains(&name) {
                    let why = "the database holds it as well; it is imported from there";
                    report.item(&Item::skipped(What::File, path, why));
                    continue;
                }
                let about = About { archived: true, pinned: false, ..self.about(&id) };
                let is_packed = unpacked(&name) != name;
                let from = if is_packed { From::Packed(name.clone()) } else { From::File(name.clone()) };
                let part = Earlier { name, path, at: None, about, from, bytes: len };
                earlier.entry(id.clone()).or_default().push(part);
            }
        }
        for parts in earlier.values_mut() {
            // A packed part keeps its place.
            parts.sort_by(|a, b| unpacked(&a.name).cmp(unpacked(&b.name)));
        }
        earlier
    }

    /// What the index says about a transcript. One that is not in the index is an old one, and archived.
    fn about(&self, id: &str) -> About {
        self.index.get(id).cloned().unwrap_or(About { archived: true, ..About::default() })
    }

    fn report_missing(&self, report: &mut Reporter<'_>, sessions: &str, named: &BTreeSet<String>) {
        for (id, about) in &self.index {
            if !named.contains(id) && !about.is_incognito() {
                let path = format!("{sessions}/{id}.jsonl");
                let item = Item::skipped(What::Conversation, path, "it is listed and not there");
                report.item(&item.titled(about.title().or_else(|| Some(about.key.clone()))));
            }
        }
    }
}

/// The transcripts to be imported, as they are found.
#[derive(Default)]
struct Gathered {
    transcripts: Vec<Located>,
    /// The ids of all sessions that were met, imported or not.
    named: BTreeSet<String>,
    /// By session id, the earlier parts of the transcript that is added under that id.
    earlier: BTreeMap<String, Vec<Earlier>>,
    /// By session id, the copies of the transcript that is added under that id, and the folder they lie in.
    copies: BTreeMap<String, Vec<Found>>,
    folder: String,
    bytes: u64,
}

/// What a session was before it was begun anew.
struct Earlier {
    /// The name of the part's file, which ends in the time.
    name: String,
    path: String,
    at: Option<String>,
    about: About,
    from: From,
    bytes: u64,
}

/// The name of an archive's file, whether or not it is packed.
fn unpacked(name: &str) -> &str {
    name.strip_suffix(".zst").unwrap_or(name)
}

impl Gathered {
    /// Adds a transcript, unless somebody wanted no trace of it.
    fn add(
        &mut self,
        report: &mut Reporter<'_>,
        id: String,
        about: &About,
        path: String,
        at: Option<String>,
        from: From,
    ) {
        self.named.insert(id.clone());
        let earlier = self.earlier.remove(&id).unwrap_or_default();
        let copies = self.copies.remove(&id).unwrap_or_default();
        if about.is_incognito() {
            let why = "an incognito session, of which no trace is wanted";
            let mut item = Item::skipped(What::Conversation, path, why);
            item.at = at;
            return report.item(&item);
        }
        let from = self.after(report, earlier, &path, from);
        let from = self.with_copies(report, copies, from);
        let session = SourceSession {
            app: APP.to_owned(),
            id: session_of(id),
            key: Some(about.key.clone()).filter(|key| !key.is_empty()),
            title: about.title(),
            labels: about.labels(),
            pinned: about.pinned,
            archived: about.archived,
            agent: None,
            is_lines_only: false,
        };
        self.transcripts.push(Located { transcript: Transcript { path, at, session }, from });
    }

    /// The source of a transcript, with what only its copies have behind it.
    fn with_copies(&mut self, report: &mut Reporter<'_>, copies: Vec<Found>, from: From) -> From {
        let mut names = Vec::new();
        for Found { name, len, .. } in copies {
            self.bytes += len;
            let why = "a copy made where two devices had written into one file: what only it has is imported with the session";
            report.item(&Item::skipped(What::File, format!("{}/{name}", self.folder), why));
            names.push(name);
        }
        if names.is_empty() { from } else { From::Copies(Box::new(from), names) }
    }

    /// The source of a transcript, with the session's earlier parts before it.
    fn after(&mut self, report: &mut Reporter<'_>, earlier: Vec<Earlier>, path: &str, from: From) -> From {
        if earlier.is_empty() {
            return from;
        }
        let mut parts = Vec::new();
        for part in earlier {
            self.bytes += part.bytes;
            let why = "what a session was before it was begun anew under its id: it is imported with it";
            let mut item = Item::skipped(What::File, part.path, why);
            item.at = part.at;
            report.item(&item);
            parts.push((part.name, part.from));
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        parts.push((name.to_owned(), from));
        From::Chain(parts)
    }
}

/// The session whose transcript has this name. That of a topic of a group has its number after the session's id, which belongs to
/// it alone, and by which a database knows it.
fn session_of(name: String) -> String {
    match name.split_once("-topic-") {
        Some((session, _)) if is_uuid(session) => session.to_owned(),
        _ => name,
    }
}

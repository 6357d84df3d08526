//! What the demo finds on the devices and at the relay, for the checks to judge.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bowline_engine::document::Kind as DocumentKind;
use serde::Serialize;

use super::machine::Machine;
use super::scene::Scene;
use super::search::{Texts, everything_in, files_in, pieces};
use super::{sample, script};
use crate::documents::{self, workspace_of};
use crate::error::CommandError;
use crate::host::Host;

/// What stands for a secret in the sample home.
const SECRET: &str = "FAKE";

/// Where exports go on each machine: sessions as OpenClaw's files; every shared document, once all are in step; and
/// personal files.
const SESSIONS: &str = "exported-sessions";
const EXPORTS: &str = "exported";
const PERSONAL: &str = "exported-personal";

/// What one device has.
#[derive(Clone, Debug, Serialize)]
pub struct Has {
    /// Which machine.
    pub name: &'static str,
    /// Whose it is.
    pub user: &'static str,
    /// The device's id, in hex.
    pub device: String,
    /// Conversations in the workspace.
    pub conversations: usize,
    /// Agents in the workspace.
    pub agents: usize,
    /// Skills in the workspace.
    pub skills: usize,
    /// Agents whose personal files are here, in no workspace.
    pub personal: usize,
}

/// One document on one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Copy {
    pub(super) heads: Vec<u8>,
    /// Files as they are exported, by path; a conversation is one file without a path.
    pub(super) exported: BTreeMap<String, Vec<u8>>,
}

/// All that was found on the devices and the relay.
#[derive(Default)]
pub(super) struct Evidence {
    /// What OpenClaw wrote, and what another device exports: by name of the file.
    pub(super) came_in: BTreeMap<String, Vec<u8>>,
    pub(super) came_out: BTreeMap<String, Vec<u8>>,
    /// Shared documents on each device, by kind and id.
    pub(super) copies: Vec<(&'static str, BTreeMap<String, Copy>)>,
    /// Which edits each device lacks.
    pub(super) lacks: Vec<(&'static str, &'static str)>,
    /// Devices that have personal files, and of how many agents; and those in whose files anything of them is.
    pub(super) personal: Vec<(&'static str, usize)>,
    pub(super) knows_person: Vec<&'static str>,
    /// Texts that the first two devices have, and those of them that were found at the relay.
    pub(super) known: usize,
    pub(super) in_files: BTreeSet<String>,
    pub(super) on_wire: BTreeSet<String>,
    pub(super) frames: u64,
    /// Secrets of the sample home, and where any were found.
    pub(super) secrets: usize,
    pub(super) exposed: BTreeSet<String>,
    /// Devices on which what was written after the revocation can be shown, and in whose files it is.
    pub(super) shows_more: Vec<&'static str>,
    pub(super) holds_more: Vec<&'static str>,
}

impl Evidence {
    /// What OpenClaw wrote on the laptop, beside what `machine` exports.
    pub(super) fn came_out(&mut self, host: &mut Host, machine: &Machine) -> Result<(), CommandError> {
        let sessions = sample::FILES.iter().filter_map(|(path, bytes)| {
            let (folder, name) = path.rsplit_once('/')?;
            let is_session =
                folder.ends_with("/sessions") && Path::new(name).extension().is_some_and(|it| it == "jsonl");
            (is_session && !name.contains("trajectory")).then(|| (name.to_owned(), bytes.to_vec()))
        });
        self.came_in = sessions.collect();
        machine.must(host, &["export", "openclaw", "--all", "--output", &format!("~/{SESSIONS}")])?;
        self.came_out = files_in(&machine.path(SESSIONS))?;
        Ok(())
    }

    /// What one device has of what is shared, and what only it has.
    pub(super) fn compare(
        &mut self,
        host: &mut Host,
        machine: &Machine,
        scene: &Scene,
    ) -> Result<Has, CommandError> {
        let (mut copies, mut has) = (BTreeMap::new(), Has::none(machine));
        for (kind, id, is_shared) in everything(host, machine)? {
            *match (kind, is_shared) {
                (DocumentKind::Conversation, true) => &mut has.conversations,
                (DocumentKind::Agent, true) => &mut has.agents,
                (DocumentKind::Skill, true) => &mut has.skills,
                _ => &mut has.personal,
            } += 1;
            if is_shared {
                let name = format!("{} {id}", documents::command(kind));
                copies.insert(name, Copy { exported: export(host, machine, kind, &id)?, heads: Vec::new() });
            }
        }
        // Showing a document has brought its row up to date.
        let opened = machine.open(host)?;
        has.device = opened.device.id().to_string();
        for (id, _) in opened.device.find_by_prefix("")? {
            let row = opened.device.store().read().find_doc(id);
            let heads = row.map_err(bowline_engine::Error::from)?.map(|row| row.heads);
            let copy = copies.iter_mut().find(|(name, _)| name.ends_with(&id.to_string()));
            if let (Some((_, copy)), Some(heads)) = (copy, heads) {
                copy.heads = heads;
            }
        }
        drop(opened);
        self.lacks.extend(lacking(&copies, scene).map(|text| (machine.name, text)));
        self.personal.push((machine.name, has.personal));
        self.copies.push((machine.name, copies));
        Ok(has)
    }

    /// Looks for what nobody else may have. The relay has ended.
    pub(super) fn search(&mut self, host: &mut Host, scene: &Scene) -> Result<(), CommandError> {
        for machine in &scene.machines {
            for (kind, id, is_shared) in everything(host, machine)? {
                if !is_shared {
                    export(host, machine, kind, &id)?;
                }
            }
        }
        let (relay, wire) = (everything_in(&scene.relay)?, scene.wire.bytes());
        let [laptop, desktop, _] = &scene.machines;
        let mut known = known_texts(host, laptop)?;
        known.append(&mut known_texts(host, desktop)?);
        self.known = known.len();
        let known = Texts::new(known);
        (self.in_files, self.on_wire) = (known.found_in(&relay), known.found_in(&wire));
        self.frames = scene.wire.heard().frames;

        let secrets = secrets();
        self.secrets = secrets.values().sum();
        let secrets = Texts::new(secrets.into_keys().collect::<Vec<_>>());
        let personal = Texts::new(personal_texts());
        let mut places = vec![("the relay's files".to_owned(), relay), ("the wire".to_owned(), wire)];
        for machine in &scene.machines {
            let home = everything_in(&machine.home())?;
            if !personal.found_in(&home).is_empty() {
                self.knows_person.push(machine.name);
            }
            places.push((format!("{}'s home", machine.name), home));
            places.push((format!("{}'s exports", machine.name), exports_of(machine)?));
        }
        for (place, bytes) in places {
            if !secrets.found_in(&bytes).is_empty() {
                self.exposed.insert(place);
            }
        }
        self.look_for_more(host, scene)
    }

    /// On which devices there is what was written after the revocation.
    fn look_for_more(&mut self, host: &mut Host, scene: &Scene) -> Result<(), CommandError> {
        let more = Texts::new([script::AFTERWARDS.to_owned()]);
        for machine in &scene.machines {
            let shown = machine.must(host, &["chat", "show", &scene.chat])?;
            if shown.stdout.contains(script::AFTERWARDS) {
                self.shows_more.push(machine.name);
            }
            if !more.found_in(&everything_in(&machine.home())?).is_empty() {
                self.holds_more.push(machine.name);
            }
        }
        Ok(())
    }
}

impl Has {
    fn none(machine: &Machine) -> Self {
        Self {
            name: machine.name,
            user: machine.user,
            device: String::new(),
            conversations: 0,
            agents: 0,
            skills: 0,
            personal: 0,
        }
    }
}

/// Every document on a machine, and whether it is in a workspace.
fn everything(host: &mut Host, machine: &Machine) -> Result<Vec<(DocumentKind, String, bool)>, CommandError> {
    let opened = machine.open(host)?;
    let mut all = Vec::new();
    for (id, kind) in opened.device.find_by_prefix("")? {
        all.push((kind, id.to_string(), workspace_of(&opened.device, id)?.is_some()));
    }
    Ok(all)
}

/// Exports one document; gives its files.
fn export(
    host: &mut Host,
    machine: &Machine,
    kind: DocumentKind,
    id: &str,
) -> Result<BTreeMap<String, Vec<u8>>, CommandError> {
    let into = if kind == DocumentKind::Memory { PERSONAL } else { EXPORTS };
    let folder = machine.path(into);
    std::fs::create_dir_all(&folder).map_err(|error| CommandError::file("Making", &folder, &error))?;
    let name = if kind == DocumentKind::Conversation { format!("{id}.jsonl") } else { id.to_owned() };
    let output = format!("~/{into}/{name}");
    machine.must(host, &[documents::command(kind), "export", id, "--output", &output])?;
    let written = folder.join(name);
    if written.is_dir() {
        return files_in(&written);
    }
    let bytes = std::fs::read(&written).map_err(|error| CommandError::file("Reading", &written, &error))?;
    Ok(BTreeMap::from([(String::new(), bytes)]))
}

/// Which of the edits are not there.
fn lacking<'a>(
    copies: &'a BTreeMap<String, Copy>,
    scene: &'a Scene,
) -> impl Iterator<Item = &'static str> + 'a {
    let edits = [
        (&scene.agent, script::LAPTOP_RULE),
        (&scene.agent, script::DESKTOP_RULE),
        (&scene.chat, script::LAPTOP_SAYS),
        (&scene.chat, script::DESKTOP_SAYS),
    ];
    edits
        .into_iter()
        .filter(|(id, text)| {
            let copy = copies.iter().find(|(name, _)| name.ends_with(id.as_str()));
            let mut exported = copy.into_iter().flat_map(|(_, copy)| copy.exported.values());
            !exported.any(|bytes| String::from_utf8_lossy(bytes).contains(text))
        })
        .map(|(_, text)| text)
}

/// Texts, titles and names of the sample home and the demo that this machine really has.
fn known_texts(host: &mut Host, machine: &Machine) -> Result<BTreeSet<String>, CommandError> {
    let mut texts: BTreeSet<String> = BTreeSet::new();
    for (path, bytes) in sample::FILES {
        texts.extend(path.rsplit('/').next().map(str::to_owned));
        if let Ok(text) = std::str::from_utf8(bytes) {
            texts.extend(pieces(text).map(str::to_owned));
        }
    }
    let said = [script::LAPTOP_RULE, script::DESKTOP_RULE, script::LAPTOP_SAYS, script::DESKTOP_SAYS];
    texts.extend(said.map(str::to_owned));
    texts.extend(["laptop", "desktop", "notebook", sample::OWNER, script::GUEST].map(str::to_owned));
    let mut has = exports_of(machine)?;
    for list in [
        ["chat", "list"].as_slice(),
        &["chat", "list", "--archived"],
        &["agent", "list"],
        &["device", "list", "--all"],
    ] {
        has.extend(machine.must(host, &[list, &["--json"]].concat())?.stdout.into_bytes());
    }
    Ok(Texts::new(texts).found_in(&has))
}

/// What the sample home knows about its person, line by line.
fn personal_texts() -> impl Iterator<Item = String> {
    let is_personal = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or_default();
        matches!(name, "USER.md" | "MEMORY.md") || path.contains("/memory/")
    };
    let files = sample::FILES.iter().filter(move |(path, _)| is_personal(path));
    let texts = files.filter_map(|(_, bytes)| std::str::from_utf8(bytes).ok());
    texts.flat_map(|text| pieces(text).map(str::to_owned))
}

/// All that a machine has exported.
fn exports_of(machine: &Machine) -> Result<Vec<u8>, CommandError> {
    let mut all = Vec::new();
    for folder in [SESSIONS, EXPORTS, PERSONAL].map(|name| machine.path(name)) {
        if folder.exists() {
            all.append(&mut everything_in(&folder)?);
        }
    }
    Ok(all)
}

/// Everything in the sample home that stands for a secret, each with the number of its places: an import counts places.
fn secrets() -> BTreeMap<String, usize> {
    let mut secrets = BTreeMap::new();
    for text in sample::FILES.iter().filter_map(|(_, bytes)| std::str::from_utf8(bytes).ok()) {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_:".contains(c)));
        for word in words.filter(|word| word.contains(SECRET)) {
            *secrets.entry(word.to_owned()).or_default() += 1;
        }
    }
    secrets
}

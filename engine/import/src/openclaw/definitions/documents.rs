//! From what was read to documents: agents, skills, personal files.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bowline_core::document::{AgentValues, Json, Kind};

use crate::openclaw::definitions::agents::{self, Agent, Workspace};
use crate::openclaw::definitions::folder::{Kept, join};
use crate::openclaw::definitions::schedules::Job;
use crate::openclaw::definitions::skill_folders::{self, SkillFolder};
use crate::openclaw::definitions::skills;
use crate::openclaw::definitions::workspace;
use crate::openclaw::home::place::{Away, Home};
use crate::openclaw::home::settings::Settings;
use crate::spelling::known_as;
use crate::tree::Tree;
use crate::{Import, ImportError, Item, Outcome, Reporter, What, sentence};
use bowline_device::{FilesImport, ImportedFiles, SourceFile, Verdict};

/// The application that documents name as their origin.
const APP: &str = "openclaw";

/// What the report calls the application.
const APP_NAME: &str = "OpenClaw";

/// The part of an import that makes documents of definitions and their files.
pub(crate) struct Documents<'a, 'b, 'c> {
    import: &'a mut Import<'b>,
    report: &'a mut Reporter<'c>,
    profile: String,
    settings: &'a Settings,
    /// The settings' file.
    file: &'a str,
    jobs: Vec<Job>,
    /// Where the skills that were imported really are: the settings may name a folder twice, or one around a workspace.
    skills_read: BTreeSet<PathBuf>,
}

/// A document to be made or brought up to date.
struct Wanted<'a> {
    what: What,
    kind: Kind,
    source: String,
    /// How the report calls the folder it comes from.
    shown: &'a str,
    name: &'a str,
    description: Option<&'a str>,
    model: Option<&'a str>,
    values: &'a [(AgentValues, String, Json)],
    files: &'a [Kept],
}

impl<'a, 'b, 'c> Documents<'a, 'b, 'c> {
    pub(crate) fn new(
        import: &'a mut Import<'b>,
        report: &'a mut Reporter<'c>,
        profile: String,
        settings: &'a Settings,
        file: &'a str,
        jobs: Vec<Job>,
    ) -> Self {
        Self { import, report, profile, settings, file, jobs, skills_read: BTreeSet::new() }
    }

    /// Imports every agent with its workspace and its skills. Returns the folders in the state directory that are workspaces.
    pub(crate) fn agents(&mut self, home: Home<'_>, agents: Vec<Agent>) -> Result<Vec<String>, ImportError> {
        let mut workspaces = Vec::new();
        let ids: Vec<String> = agents.iter().map(|agent| agent.id.clone()).collect();
        let all = agents::workspaces(&agents);
        for agent in agents {
            if let Workspace::At(_, shown, true) = &agent.workspace {
                workspaces.push(shown.clone());
            }
            self.agent(home, agent, &all)?;
        }
        for job in std::mem::take(&mut self.jobs) {
            let agent = job.agent.as_deref().unwrap_or(&self.settings.default_agent);
            if !ids.iter().any(|id| id == agent) {
                let item = Item::failed(What::Schedule, job.file, "the agent it is for is not there");
                self.report.item(&item.at(job.id).titled(job.name));
            }
        }
        Ok(workspaces)
    }

    fn agent(
        &mut self,
        home: Home<'_>,
        mut agent: Agent,
        all: &BTreeSet<PathBuf>,
    ) -> Result<(), ImportError> {
        let id = agent.id.clone();
        let of_agent = |job: &Job| job.agent.as_deref().unwrap_or(&self.settings.default_agent) == id;
        let (jobs, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.jobs).into_iter().partition(of_agent);
        self.jobs = others;
        let definition = agents::definition(self.report, &agent, self.settings, self.file, &jobs);
        let nowhere = Workspace::Nowhere(String::new(), Away::Missing);
        let contents = workspace::read(self.report, std::mem::replace(&mut agent.workspace, nowhere), all);
        let folder = format!("agents/{id}");
        let shown = if contents.shown.is_empty() { &folder } else { &contents.shown };
        let wanted = Wanted {
            what: What::Agent,
            kind: Kind::Agent,
            source: self.source("agent", &id, ""),
            shown,
            name: &definition.name,
            description: None,
            model: definition.model.as_deref(),
            values: &definition.values,
            files: &contents.files.files,
        };
        if let Some(done) = self.document(&wanted)? {
            self.schedules(&jobs, &done);
        }
        if !contents.personal.files.is_empty() {
            self.document(&Wanted {
                what: What::Memory,
                kind: Kind::Memory,
                source: self.source("memory", &id, ""),
                model: None,
                values: &[],
                files: &contents.personal.files,
                ..wanted
            })?;
        }
        for (tree, path) in contents.skills {
            self.skills(&id, &join(shown, &path), tree)?;
        }
        let workshop = format!("agents/{id}/agent/workshop-skills");
        if let Ok(tree) = home.inside(&workshop) {
            self.skills(&format!("{id}/workshop"), &workshop, tree)?;
        }
        Ok(())
    }

    /// Imports the skills that all agents have.
    pub(crate) fn shared_skills(&mut self, home: Home<'_>) -> Result<(), ImportError> {
        for SkillFolder { tree, shown, owner } in
            skill_folders::all(self.report, home, self.settings, self.file)
        {
            self.skills(&owner, &shown, tree)?;
        }
        Ok(())
    }

    fn skills(&mut self, owner: &str, shown: &str, tree: Tree) -> Result<(), ImportError> {
        let skills = skills::read(self.report, tree, shown, &mut self.skills_read);
        for skill in &skills {
            let path = known_as(&skill.path, skills.iter().map(|other| other.path.as_str()));
            self.document(&Wanted {
                what: What::Skill,
                kind: Kind::Skill,
                source: self.source("skill", owner, &path),
                shown: &join(shown, &skill.path),
                name: &skill.name,
                description: skill.description.as_deref(),
                model: None,
                values: &[],
                files: &skill.files,
            })?;
        }
        Ok(())
    }

    /// The name under which this device remembers where a document came from.
    fn source(&self, sort: &str, owner: &str, path: &str) -> String {
        let source = format!("{APP}/{}/{sort}/{owner}", self.profile);
        if path.is_empty() { source } else { format!("{source}/{path}") }
    }

    /// Imports one document; `None` if the document itself is at fault, which is reported.
    fn document(&mut self, wanted: &Wanted<'_>) -> Result<Option<ImportedFiles>, ImportError> {
        let values: Vec<_> =
            wanted.values.iter().map(|(of, name, value)| (*of, name.as_str(), value.clone())).collect();
        let files: Vec<_> = wanted
            .files
            .iter()
            .map(|file| SourceFile { path: &file.path, content: &file.content, executable: file.executable })
            .collect();
        let import = FilesImport {
            source: &wanted.source,
            app: APP,
            kind: wanted.kind,
            name: Some(wanted.name),
            description: wanted.description,
            model: wanted.model,
            values: &values,
            files: &files,
        };
        let now = self.import.now();
        let done = match self.import.target.import_files(&import, now) {
            Ok(done) => done,
            Err(error) if error.is_of_one_document() => {
                let item = Item::failed(wanted.what, wanted.shown, error.to_string());
                self.report.item(&item.titled(Some(wanted.name)));
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let mut item = Item::new(wanted.what, done.outcome, wanted.shown).titled(Some(wanted.name));
        item.why = done.why.as_ref().map(|why| sentence(why, APP_NAME));
        self.report.item(&item);
        for (field, became) in &done.fields {
            if !field.starts_with(AgentValues::Schedules.as_str()) {
                self.field(wanted.shown, field, became);
            }
        }
        for (path, became) in &done.files {
            let (became, why) = said(became);
            let mut item = Item::new(What::File, became, join(wanted.shown, path.as_str()));
            item.why = why;
            self.report.item(&item);
        }
        Ok(Some(done))
    }

    /// Reports what became of a field, unless nothing did.
    fn field(&mut self, shown: &str, field: &str, verdict: &Verdict) {
        let (outcome, why) = said(verdict);
        if !matches!(outcome, Outcome::New | Outcome::Updated | Outcome::Unchanged) {
            let mut item = Item::new(What::Setting, outcome, shown).at(field);
            item.why = why;
            self.report.item(&item);
        }
    }

    /// Says what became of an agent's jobs.
    fn schedules(&mut self, jobs: &[Job], done: &ImportedFiles) {
        let prefix = format!("{}/", AgentValues::Schedules.as_str());
        for (field, became) in &done.fields {
            let Some(id) = field.strip_prefix(&prefix) else { continue };
            let job = jobs.iter().find(|job| job.id == id);
            let (became, why) = said(became);
            let file = job.map_or("", |job| job.file.as_str());
            let mut item = Item::new(What::Schedule, became, file).at(id);
            item.why = why;
            self.report.item(&item.titled(job.and_then(|job| job.name.as_ref())));
        }
    }
}

/// What the report says of a device's verdict on a field or file.
fn said(verdict: &Verdict) -> (Outcome, Option<String>) {
    (verdict.outcome, verdict.why.as_ref().map(|why| sentence(why, APP_NAME)))
}

//! An agent: what it is called, what it may do, and the files it works from. Where it runs and with which key is not in
//! here: a definition is shared, a runtime is not.

use std::collections::BTreeMap;

use super::json::Json;
use crate::document::edit::deletion::{self, ContentHash};
use crate::document::edit::fields::{Fields, Issue};
use crate::document::edit::files::{Files, TextFile};
use crate::document::kind::Kind;
use crate::document::limits::{DESCRIPTION_MAX, NAME_MAX, SUMMARY_PREVIEW_MAX, SUMMARY_TITLE_MAX};
use crate::document::loaded::{Document, OtherKind};
use crate::document::summary::{Summary, shortened};

/// A field of an agent that holds a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentField {
    /// What the agent is called. At most [`NAME_MAX`] bytes.
    Name,
    /// What the agent is for. At most [`DESCRIPTION_MAX`] bytes.
    Description,
    /// The model that the agent runs on, as its provider calls it. At most [`NAME_MAX`] bytes.
    Model,
}

impl AgentField {
    /// All fields, in the order of display.
    pub const ALL: [Self; 3] = [Self::Name, Self::Description, Self::Model];

    /// The field's name in the document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Description => "description",
            Self::Model => "model",
        }
    }

    pub(super) const fn limit(self) -> usize {
        match self {
            Self::Name | Self::Model => NAME_MAX,
            Self::Description => DESCRIPTION_MAX,
        }
    }
}

/// JSON values of an agent by their names: concurrent edits of two of them both stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentValues {
    /// What the agent can call, by the tool's name.
    Tools,
    /// What the agent has to keep to, by the rule's name.
    Guardrails,
    /// Parameters of the agent's model, as `temperature`.
    Params,
    /// What the agent does by itself and when, by the schedule's id.
    Schedules,
}

impl AgentValues {
    /// All maps of values, in the order of display.
    pub const ALL: [Self; 4] = [Self::Tools, Self::Guardrails, Self::Params, Self::Schedules];

    /// The map's name in the document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Guardrails => "guardrails",
            Self::Params => "params",
            Self::Schedules => "schedules",
        }
    }
}

/// An agent to be read. A field of the wrong type, a value that is not JSON and a path that leads elsewhere read as absent
/// and are among [`Agent::issues`]; of concurrent edits of one field all devices show the same.
#[derive(Clone, Copy, Debug)]
pub struct Agent<'a> {
    document: &'a Document,
}

impl Document {
    /// This document as an agent, to be read.
    pub fn agent(&self) -> Result<Agent<'_>, OtherKind> {
        self.expect(Kind::Agent).map(|()| Agent::new(self))
    }
}

impl<'a> Agent<'a> {
    pub(in crate::document) fn new(document: &'a Document) -> Self {
        Self { document }
    }

    /// One of the agent's texts; `None` if it has none or cannot be read.
    pub fn field(&self, field: AgentField) -> Option<String> {
        self.root().text(field.as_str()).ok().flatten()
    }

    /// JSON values by their names.
    pub fn values(&self, of: AgentValues) -> BTreeMap<String, Json> {
        self.read_values(of).filter_map(|(name, value)| Some((name, value.ok().flatten()?))).collect()
    }

    /// The agent's files, in order of their paths.
    ///
    /// A file is removed by noting what was in it: if it turns out that somebody wrote into it meanwhile, it is back, with
    /// all of its text.
    pub fn files(&self) -> Vec<TextFile> {
        Files::of(self.document).into_shown()
    }

    /// How many files the agent has.
    pub fn file_count(&self) -> usize {
        Files::of(self.document).shown().len()
    }

    /// What in the document could not be shown, or not as its authors meant it.
    pub fn issues(&self) -> Vec<Issue> {
        let root = self.root();
        let mut issues: Vec<Issue> =
            AgentField::ALL.iter().filter_map(|field| root.text(field.as_str()).err()).collect();
        issues.extend(deletion::issue_of(self.document));
        for of in AgentValues::ALL {
            issues.extend(self.read_values(of).filter_map(|(_, value)| value.err()));
        }
        issues.extend(Files::of(self.document).issues().iter().cloned());
        issues
    }

    /// What lists show: the agent's name, what it is for and how many files it has.
    pub(super) fn summary(self) -> Summary {
        let text = |field| self.field(field).unwrap_or_default();
        Summary {
            title: shortened(&text(AgentField::Name), SUMMARY_TITLE_MAX),
            updated_at: self.document.last_edit(),
            count: self.file_count() as u64,
            preview: shortened(&text(AgentField::Description), SUMMARY_PREVIEW_MAX),
        }
    }

    /// SHA-256, in hex, over every text in it: fields, then names and values, then paths and texts of files, each after
    /// its length in eight bytes; what is absent counts as empty.
    pub(super) fn content_hash(self) -> String {
        let mut hash = ContentHash::default();
        for field in AgentField::ALL {
            hash.add(self.field(field).unwrap_or_default().as_bytes());
        }
        for of in AgentValues::ALL {
            let values = self.values(of);
            hash.add(values.len().to_string().as_bytes());
            for (name, value) in values {
                hash.add(name.as_bytes());
                hash.add(value.as_str().as_bytes());
            }
        }
        for file in self.files() {
            hash.add(file.path.as_str().as_bytes());
            hash.add(file.text.as_bytes());
        }
        hash.finish()
    }

    fn read_values(self, of: AgentValues) -> impl Iterator<Item = (String, Result<Option<Json>, Issue>)> {
        let fields = Fields::container(self.document, of.as_str());
        fields.keys().collect::<Vec<_>>().into_iter().map(move |name| {
            let value = fields.text(&name).and_then(|text| match text.map(|text| Json::parse(&text)) {
                None => Ok(None),
                Some(Ok(json)) => Ok(Some(json)),
                Some(Err(_)) => Err(Issue::NotJson { field: format!("{}/{name}", of.as_str()) }),
            });
            (name, value)
        })
    }

    fn root(self) -> Fields<'a> {
        Fields::root(self.document)
    }
}

//! Where an imported conversation comes from.

use automerge::ScalarValue;

use super::field;
use crate::document::edit::commit::{EditError, bounded};
use crate::document::limits::{LINE_MAX, NAME_MAX};

/// Where an imported conversation comes from, and what its application says of it. Its title, agent and marks stand behind
/// what somebody says in Bowline, so that neither overwrites the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The application, as `openclaw`.
    pub app: Option<String>,
    /// Its id there.
    pub session: Option<String>,
    /// The first line of its file, byte for byte, if that is no entry.
    pub header: Option<String>,
    /// What it is called there besides, as `agent:main:main`.
    pub key: Option<String>,
    /// Its title there.
    pub title: Option<String>,
    /// The agent it is with, as it is called there.
    pub agent: Option<String>,
    /// Whether lists there show it first.
    pub pinned: bool,
    /// Whether lists there leave it out.
    pub archived: bool,
    /// Whether the last line of its file had no end.
    pub no_final_newline: bool,
}

impl Origin {
    fn texts(&self) -> [(&'static str, &Option<String>); 5] {
        [
            (field::APP, &self.app),
            (field::SESSION, &self.session),
            (field::KEY, &self.key),
            (field::TITLE, &self.title),
            (field::AGENT, &self.agent),
        ]
    }

    pub(super) fn check(&self) -> Result<(), EditError> {
        bounded("the origin", self.header.as_deref().unwrap_or_default(), LINE_MAX)?;
        self.texts()
            .iter()
            .try_for_each(|(_, text)| bounded("the origin", text.as_deref().unwrap_or_default(), NAME_MAX))
    }

    /// Keys and values of all but the header.
    pub(super) fn values(&self) -> Vec<(&'static str, Option<ScalarValue>)> {
        let texts = self.texts().map(|(key, text)| (key, text.as_deref().map(ScalarValue::from)));
        let flags = [
            (field::PINNED, self.pinned),
            (field::ARCHIVED, self.archived),
            (field::NO_FINAL_NEWLINE, self.no_final_newline),
        ];
        let flags = flags.map(|(key, flag)| (key, flag.then_some(ScalarValue::Boolean(true))));
        texts.into_iter().chain(flags).collect()
    }
}

//! Where an imported conversation comes from.

use automerge::ScalarValue;

use super::field;
use crate::document::edit::commit::{EditError, bounded};
use crate::document::edit::fields::Fields;
use crate::document::limits::{LINE_MAX, NAME_MAX};
use crate::document::loaded::Document;

/// Where an imported conversation comes from, and what its application says of it. Its title, agent and marks stand behind
/// what somebody says in Bowline, so that neither overwrites the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The application, as `openclaw`.
    pub app: Option<String>,
    /// The conversation's id in that application.
    pub session: Option<String>,
    /// The first line of the conversation's file, byte for byte, if that is not an entry.
    pub header: Option<String>,
    /// Another name that the application has for the conversation, as `agent:main:main`.
    pub key: Option<String>,
    /// The conversation's title in that application.
    pub title: Option<String>,
    /// The agent that the conversation is with, as the application calls it.
    pub agent: Option<String>,
    /// Whether the application's lists show the conversation first.
    pub pinned: bool,
    /// Whether the application's lists leave the conversation out.
    pub archived: bool,
    /// Whether the last line of the conversation's file had no line end.
    pub no_final_newline: bool,
}

/// What a conversation made in Bowline has as its application once it was exported and imported.
pub const BOWLINE: &str = "bowline";

impl Origin {
    pub(super) fn of(document: &Document) -> Self {
        let origin = Fields::container(document, field::ORIGIN);
        let text = |key| origin.text(key).ok().flatten();
        let flag = |key| origin.flag(key).unwrap_or(false);
        Self {
            app: text(field::APP),
            session: text(field::SESSION),
            header: text(field::HEADER),
            key: text(field::KEY),
            title: text(field::TITLE),
            agent: text(field::AGENT),
            pinned: flag(field::PINNED),
            archived: flag(field::ARCHIVED),
            no_final_newline: flag(field::NO_FINAL_NEWLINE),
        }
    }

    /// Whether the conversation's file begins with a header: one that came in, or one that is made.
    pub(super) fn has_header(&self) -> bool {
        self.header.is_some() || self.app.as_deref().is_none_or(|app| app == BOWLINE)
    }

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

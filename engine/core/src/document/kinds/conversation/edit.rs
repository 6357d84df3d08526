//! Editing a conversation.

use automerge::ScalarValue;
use bowline_wire::ids::Millis;
use serde::Serialize;

use super::entry::Entry;
use super::field;
use super::key;
use super::line::{Line, format_time};
use super::origin::Origin;
use super::transcript::Transcript;
use crate::document::edit::commit::{EditError, Pen, bounded};
use crate::document::edit::fields::{Fields, container};
use crate::document::edit::write::{is_already, write};
use crate::document::kind::{ENTRIES, Kind};
use crate::document::limits::{LINE_ID_MAX, LINE_MAX, NAME_MAX};
use crate::document::loaded::{Document, OtherKind};

/// Who speaks in a message made through Bowline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The person.
    User,
    /// The assistant.
    Assistant,
}

impl Role {
    /// As OpenClaw writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// The id of a message made through Bowline: 8 hex digits, drawn at random, as OpenClaw's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageId([u8; 4]);

impl MessageId {
    /// Takes random bytes.
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Display for MessageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// OpenClaw's transcript line for a message, members in its order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageLine<'a> {
    r#type: &'static str,
    id: &'a str,
    parent_id: Option<&'a str>,
    timestamp: &'a str,
    message: Message<'a>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: [TextBlock<'a>; 1],
    timestamp: u64,
}

#[derive(Serialize)]
struct TextBlock<'a> {
    r#type: &'static str,
    text: &'a str,
}

/// The raw bytes of the one change an edit made, to be stored; `None` if there was nothing to change.
type Edited = Result<Option<Vec<u8>>, EditError>;

/// A conversation to be edited.
#[derive(Debug)]
pub struct ConversationMut<'a> {
    pub(super) document: &'a mut Document,
    pub(super) pen: Pen,
}

impl Document {
    /// Edits it as a conversation.
    pub fn conversation_mut(&mut self, pen: Pen) -> Result<ConversationMut<'_>, OtherKind> {
        self.expect(Kind::Conversation).map(|()| ConversationMut::new(self, pen))
    }
}

impl<'a> ConversationMut<'a> {
    pub(in crate::document) fn new(document: &'a mut Document, pen: Pen) -> Self {
        Self { document, pen }
    }

    /// Appends a transcript line as it is: one JSON object on one line, without its line end. A line that is there
    /// already at this place is not appended again.
    pub fn append_raw(&mut self, line: &str) -> Edited {
        if line.len() > LINE_MAX {
            return Err(EditError::TooLong { what: "the line", limit: LINE_MAX });
        }
        if line.contains(['\n', '\r']) {
            return Err(EditError::NotALine("it has a line end"));
        }
        let parsed = Line::parse(line).ok_or(EditError::NotALine("it is not a JSON object"))?;
        let id = parsed.id().ok_or(EditError::NotALine("its id is not a string"))?;
        bounded("the id", &id, LINE_ID_MAX)?;
        self.append(&id, line)
    }

    /// Appends a message under the active leaf. `time` is when it was said, [`Pen::now`] when it is written down.
    /// An id that an entry has already is refused, so that "which one is meant" never arises by accident.
    pub fn append_message(&mut self, id: MessageId, role: Role, text: &str, time: Millis) -> Edited {
        let parent = Transcript::append_to_in(self.document);
        self.append_below(parent.as_deref(), id, role, text, time)
    }

    /// Appends a message below the entry with this id, wherever that stands in the tree: the way on from there is the active
    /// one afterwards.
    pub fn append_message_after(
        &mut self,
        after: &str,
        id: MessageId,
        role: Role,
        text: &str,
        time: Millis,
    ) -> Edited {
        if after.is_empty() || !self.document.outline().has(after) {
            return Err(EditError::NoEntry);
        }
        self.append_below(Some(after), id, role, text, time)
    }

    fn append_below(
        &mut self,
        parent: Option<&str>,
        id: MessageId,
        role: Role,
        text: &str,
        time: Millis,
    ) -> Edited {
        let id = id.to_string();
        if self.document.outline().has(&id) {
            return Err(EditError::IdTaken);
        }
        let line = MessageLine {
            r#type: "message",
            id: &id,
            parent_id: parent,
            timestamp: &format_time(time).ok_or(EditError::Time)?,
            message: Message {
                role: role.as_str(),
                content: [TextBlock { r#type: "text", text }],
                timestamp: time.0,
            },
        };
        let line = serde_json::to_string(&line).map_err(|_| EditError::NotALine("it is not JSON"))?;
        if line.len() > LINE_MAX {
            return Err(EditError::TooLong { what: "the message", limit: LINE_MAX });
        }
        self.append(&id, &line)
    }

    /// Sets the title, or removes it.
    pub fn set_title(&mut self, title: Option<&str>) -> Edited {
        self.set_text(field::TITLE, "the title", title)
    }

    /// Pins or unpins it.
    pub fn set_pinned(&mut self, pinned: bool) -> Edited {
        self.set_flag(field::PINNED, pinned)
    }

    /// Archives it or takes it back.
    pub fn set_archived(&mut self, archived: bool) -> Edited {
        self.set_flag(field::ARCHIVED, archived)
    }

    /// Puts a label on or takes it off.
    pub fn set_label(&mut self, label: &str, on: bool) -> Edited {
        bounded("the label", label, NAME_MAX)?;
        let labels = container(Kind::Conversation, field::LABELS);
        self.document.put(self.pen, &labels, label, on.then_some(ScalarValue::Boolean(true)))
    }

    /// Says where it comes from: what is `None` or false is removed.
    pub fn set_origin(&mut self, origin: &Origin) -> Edited {
        origin.check()?;
        let map = container(Kind::Conversation, field::ORIGIN);
        let mut values = origin.values();
        values.push((field::HEADER, origin.header.as_deref().map(ScalarValue::from)));
        values.retain(|(key, value)| !is_already(self.document.automerge(), &map, key, value.as_ref()));
        if values.is_empty() {
            return Ok(None);
        }
        self.document.commit(self.pen, |tx| {
            values.into_iter().try_for_each(|(key, value)| write(tx, &map, key, value))
        })
    }

    fn append(&mut self, id: &str, line: &str) -> Edited {
        let position = Transcript::next_position(self.document).ok_or(EditError::Full)?;
        let entries = container(Kind::Conversation, ENTRIES);
        let Some(key) = key::place(self.document.automerge(), &entries, position, id, line) else {
            return Ok(None);
        };
        let change =
            self.document.commit(self.pen, |tx| write(tx, &entries, &key, Some(ScalarValue::from(line))))?;
        self.document.note_appended(Entry::alone(&key, line).as_ref());
        Ok(change)
    }

    fn set_text(&mut self, key: &str, what: &'static str, text: Option<&str>) -> Edited {
        bounded(what, text.unwrap_or_default(), NAME_MAX)?;
        self.document.put(self.pen, &automerge::ROOT, key, text.map(ScalarValue::from))
    }

    fn set_flag(&mut self, key: &str, flag: bool) -> Edited {
        // A no is written down only where a yes would show otherwise.
        let origin = Fields::container(self.document, field::ORIGIN);
        let is_said = flag || origin.flag(key).unwrap_or(false);
        self.document.put(self.pen, &automerge::ROOT, key, is_said.then_some(ScalarValue::Boolean(flag)))
    }
}

//! Reading single values, which a hostile member may have set to anything: what has the wrong type counts as absent and
//! is reported.

use automerge::{Automerge, ObjId, ObjType, ReadDoc, ScalarValue, Value};

use crate::document::intake::first::FirstChange;
use crate::document::kind::Kind;
use crate::document::loaded::Document;

/// Something in a document that its readers leave out or cannot fully show. Never a reason to refuse the document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Issue {
    /// A field holds something else than it should; it counts as absent.
    WrongType {
        /// Path of the field, as `labels/work`.
        field: String,
    },
    /// A field holds a text that is not a JSON value; it counts as absent.
    NotJson {
        /// Path of the field, as `tools/search`.
        field: String,
    },
    /// A file whose path is not a safe one, or for which there is no other name left; it is ignored.
    BadPath {
        /// The path.
        path: String,
    },
    /// A transcript value that is not what its key says; it is ignored.
    KeyMismatch {
        /// The key.
        key: String,
    },
    /// Several transcript entries have one id; all of them are shown.
    SameId {
        /// The id.
        id: String,
        /// Keys of the entries with that id, in display order.
        keys: Vec<String>,
    },
    /// A transcript entry hangs on one that is not there or comes after it; it is shown as a beginning.
    NoParent {
        /// Key of the entry.
        key: String,
        /// The id it names.
        parent: String,
    },
    /// A `leaf` entry points to nothing; it is shown and moves nothing.
    NoTarget {
        /// Key of the entry.
        key: String,
        /// The id it names.
        target: String,
    },
}

/// One map of a document.
pub(in crate::document) struct Fields<'a> {
    automerge: &'a Automerge,
    object: ObjId,
    path: String,
}

impl<'a> Fields<'a> {
    pub(in crate::document) fn root(document: &'a Document) -> Self {
        Self { automerge: document.automerge(), object: automerge::ROOT, path: String::new() }
    }

    /// One of the maps that the first change made.
    pub(in crate::document) fn container(document: &'a Document, name: &str) -> Self {
        let object = container(document.kind(), name);
        Self { automerge: document.automerge(), object, path: format!("{name}/") }
    }

    /// The string under `key`.
    pub(in crate::document) fn text(&self, key: &str) -> Result<Option<String>, Issue> {
        self.scalar(key, |value| match value {
            ScalarValue::Str(text) => Some(text.to_string()),
            _ => None,
        })
    }

    /// The boolean under `key`, false if there is none.
    pub(in crate::document) fn flag(&self, key: &str) -> Result<bool, Issue> {
        Ok(self.said(key)?.unwrap_or(false))
    }

    /// The boolean under `key`; `None` if there is none.
    pub(in crate::document) fn said(&self, key: &str) -> Result<Option<bool>, Issue> {
        self.scalar(key, |value| match value {
            ScalarValue::Boolean(flag) => Some(*flag),
            _ => None,
        })
    }

    /// Milliseconds under `key`.
    pub(in crate::document) fn time(&self, key: &str) -> Result<Option<u64>, Issue> {
        self.scalar(key, |value| match value {
            ScalarValue::Timestamp(millis) => u64::try_from(*millis).ok(),
            _ => None,
        })
    }

    /// The highest of the numbers that concurrent edits left under `key`.
    pub(in crate::document) fn highest(&self, key: &str) -> Option<u64> {
        let values = self.automerge.get_all(&self.object, key).unwrap_or_default();
        let number = |(value, _): (Value<'_>, ObjId)| match value {
            Value::Scalar(value) => value.as_u64(),
            Value::Object(_) => None,
        };
        values.into_iter().filter_map(number).max()
    }

    /// All strings that concurrent edits left under `key`.
    pub(in crate::document) fn texts(&self, key: &str) -> Vec<String> {
        let values = self.automerge.get_all(&self.object, key).unwrap_or_default();
        let text = |(value, _): (Value<'_>, ObjId)| value.into_string().ok();
        values.into_iter().filter_map(text).collect()
    }

    /// The keys, in order.
    pub(in crate::document) fn keys(&self) -> impl Iterator<Item = String> {
        self.automerge.keys(&self.object)
    }

    /// The maps under `key`, the one that counts first: devices that each made one apart have several.
    pub(in crate::document) fn maps(&self, key: &str) -> Result<Vec<Self>, Issue> {
        let found = self.automerge.get_all(&self.object, key).unwrap_or_default();
        let is_absent = found.is_empty();
        let map = |(value, id): (Value<'_>, ObjId)| (value == Value::Object(ObjType::Map)).then_some(id);
        // Automerge lists the winner last.
        let maps: Vec<_> = found.into_iter().rev().filter_map(map).collect();
        if maps.is_empty() && !is_absent {
            return Err(self.wrong_type(key));
        }
        let path = format!("{}{key}/", self.path);
        Ok(maps
            .into_iter()
            .map(|object| Self { automerge: self.automerge, object, path: path.clone() })
            .collect())
    }

    fn scalar<T>(&self, key: &str, read: impl Fn(&ScalarValue) -> Option<T>) -> Result<Option<T>, Issue> {
        match self.automerge.get(&self.object, key) {
            Ok(Some((Value::Scalar(value), _))) => match read(&value) {
                Some(value) => Ok(Some(value)),
                None => Err(self.wrong_type(key)),
            },
            Ok(Some((Value::Object(_), _))) => Err(self.wrong_type(key)),
            Ok(None) | Err(_) => Ok(None),
        }
    }

    fn wrong_type(&self, key: &str) -> Issue {
        Issue::WrongType { field: format!("{}{key}", self.path) }
    }
}

/// Address of one of the maps that the kind's first change made.
pub(in crate::document) fn container(kind: Kind, name: &str) -> ObjId {
    FirstChange::of(kind).map(name)
}

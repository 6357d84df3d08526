//! `sessions.json`: what generation A knows about its transcripts besides their lines.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::json;

/// Bytes of an index that is read. OpenClaw keeps long prompts in it: 15 KB for each session.
pub(super) const INDEX_MAX: u64 = 64 << 20;

/// Bytes of an index that is not plain JSON, which only happens by hand: its reader takes ten times as much memory.
const INDEX_JSON5_MAX: usize = 4 << 20;

/// What an index, or a database, says about one transcript.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct About {
    pub(super) key: String,
    pub(super) label: Option<String>,
    pub(super) display_name: Option<String>,
    pub(super) pinned: bool,
    pub(super) archived: bool,
}

impl About {
    /// What people call it: the label somebody gave it, else the name OpenClaw shows.
    pub(super) fn title(&self) -> Option<String> {
        self.label.clone().or_else(|| self.display_name.clone())
    }

    /// A name beside the title.
    pub(super) fn labels(&self) -> Vec<String> {
        let other =
            self.display_name.iter().filter(|name| self.label.as_ref().is_some_and(|label| label != *name));
        other.cloned().collect()
    }

    /// Whether OpenClaw keeps it in memory only, because somebody wants no trace of it.
    pub(super) fn is_incognito(&self) -> bool {
        self.key.split(':').any(|part| part.starts_with("incognito-") || part == "incognito")
    }
}

/// The members of an entry that are looked at; each is left out if it has another type than it should.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(borrow)]
    session_id: Option<&'a RawValue>,
    session_file: Option<&'a RawValue>,
    label: Option<&'a RawValue>,
    display_name: Option<&'a RawValue>,
    pinned_at: Option<&'a RawValue>,
    archived_at: Option<&'a RawValue>,
}

/// An index: by the name of its file without `.jsonl`, what is said about each transcript.
pub(super) type Index = BTreeMap<String, About>;

/// Reads an index. What is wrong with a single entry is in the list: its key, and why.
pub(super) fn read(bytes: &[u8]) -> Result<(Index, Vec<(String, String)>), String> {
    let is_json = serde_json::from_slice::<&RawValue>(bytes).is_ok();
    let rewritten;
    let bytes = if is_json {
        bytes
    } else if bytes.len() > INDEX_JSON5_MAX {
        return Err("it is not JSON".to_owned());
    } else {
        rewritten = json::parse(bytes).map_err(|error| error.to_string())?.to_string();
        rewritten.as_bytes()
    };
    let entries: BTreeMap<String, &RawValue> =
        serde_json::from_slice(bytes).map_err(|_| "it is not an object of sessions".to_owned())?;
    let (mut index, mut wrong) = (Index::new(), Vec::new());
    for (key, entry) in entries {
        match about(&key, entry.get()) {
            Some((name, about)) => drop(index.entry(name).or_insert(about)),
            None => wrong.push((key, "an entry that names no transcript".to_owned())),
        }
    }
    Ok((index, wrong))
}

fn about(key: &str, entry: &str) -> Option<(String, About)> {
    let entry: Entry<'_> = serde_json::from_str(entry).ok()?;
    let text = |value: Option<&RawValue>| {
        let text: String = serde_json::from_str(value?.get()).ok()?;
        Some(text).filter(|text| !text.trim().is_empty())
    };
    let is_set = |value: Option<&RawValue>| {
        let value: Option<Value> = value.and_then(|value| serde_json::from_str(value.get()).ok());
        value.is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false)))
    };
    // The path is absolute on the machine where it was written, which may have had other separators.
    let file = text(entry.session_file).and_then(|path| {
        let name = path.rsplit(['/', '\\']).next()?.strip_suffix(".jsonl")?;
        Some(name.to_owned()).filter(|name| !name.is_empty())
    });
    let name = file.or_else(|| text(entry.session_id))?;
    let about = About {
        key: key.to_owned(),
        label: text(entry.label),
        display_name: text(entry.display_name),
        pinned: is_set(entry.pinned_at),
        archived: is_set(entry.archived_at),
    };
    Some((name, about))
}

/// What a database says in `entry_json` of a session.
pub(super) fn about_entry(key: &str, entry: &str) -> Option<About> {
    about(key, entry).map(|(_, about)| about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_by_the_name_of_its_file_or_its_session_id() {
        let (index, wrong) = read(
            br#"{"agent:main:main": {"sessionId": "a", "sessionFile": "/home/ada/.openclaw/agents/main/sessions/a-topic-1.jsonl",
                "label": "Garden", "displayName": "garden", "pinnedAt": 5},
               "cron:1": {"sessionId": "b", "archivedAt": 7, "label": 8, "pinnedAt": null},
               "odd": 5, "none": {"label": "x"}}"#,
        )
        .unwrap();
        let topic = &index["a-topic-1"];
        assert_eq!((topic.title().as_deref(), topic.labels()), (Some("Garden"), vec!["garden".to_owned()]));
        assert!(topic.pinned && !topic.archived);
        let cron = &index["b"];
        assert_eq!(
            (cron.key.as_str(), cron.title(), cron.archived, cron.pinned),
            ("cron:1", None, true, false)
        );
        assert_eq!(wrong.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["none", "odd"]);
    }

    #[test]
    fn an_index_edited_by_hand_is_read_and_a_torn_one_is_not() {
        let (index, _) = read(b"{'agent:main:main': {sessionId: 'a', displayName: 'x'},}").unwrap();
        assert_eq!(index["a"].title().as_deref(), Some("x"));
        assert!(read(br#"{"agent:main:main": {"sessionId": "a","#).is_err());
        assert!(read(b"[]").is_err());
    }

    #[test]
    fn an_incognito_session_is_told_by_its_key() {
        let with = |key: &str| About { key: key.to_owned(), ..About::default() };
        assert!(with("agent:main:dashboard:incognito-7").is_incognito());
        assert!(!with("agent:main:telegram:group:7").is_incognito());
    }
}

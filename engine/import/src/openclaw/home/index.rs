//! `sessions.json`: what generation A knows about its transcripts besides their lines.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::fmt;

use bowline_device::composed;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{encoding, json};

/// Bytes of an index that is read, and held in memory meanwhile. OpenClaw keeps long prompts in it, 15 KB for each session, so
/// this is some 17,000 sessions.
pub(crate) const INDEX_MAX: u64 = 256 << 20;

/// Bytes of an index that is not plain JSON, which only happens by hand: its reader takes ten times as much memory.
const INDEX_JSON5_MAX: usize = 4 << 20;

/// Sessions in an index. Somebody with a hundred a day has that many after three years, and OpenClaw forgets old ones.
const SESSIONS_MAX: usize = 100_000;

/// Entries that name no transcript and are reported one by one; of more, only how many there are.
const WRONG_MAX: usize = 20;

/// What an index, or a database, says about one transcript.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) key: String,
    pub(crate) label: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) pinned: bool,
    pub(crate) archived: bool,
}

impl About {
    /// What people call the session: the label that somebody gave it, else the name that OpenClaw shows.
    pub(crate) fn title(&self) -> Option<String> {
        self.label.clone().or_else(|| self.display_name.clone())
    }

    /// The session's names beside its title.
    pub(crate) fn labels(&self) -> Vec<String> {
        let other =
            self.display_name.iter().filter(|name| self.label.as_ref().is_some_and(|label| label != *name));
        other.cloned().collect()
    }

    /// Whether OpenClaw keeps the session in memory only, because somebody wants no trace of it.
    pub(crate) fn is_incognito(&self) -> bool {
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
pub(crate) type Index = BTreeMap<String, About>;

/// Reads an index. The second part of the result has the keys of entries that name no transcript.
pub(crate) fn read(bytes: &[u8]) -> Result<(Index, Vec<String>), String> {
    let text = encoding::text(bytes).ok_or_else(|| json::NotRead::NotText.to_string())?;
    let is_json = serde_json::from_str::<&RawValue>(&text).is_ok();
    let rewritten;
    let bytes = if is_json {
        text.as_bytes()
    } else if text.len() > INDEX_JSON5_MAX {
        return Err("it is not JSON".to_owned());
    } else {
        rewritten = json::parse(text.as_bytes()).map_err(|error| error.to_string())?.to_string();
        rewritten.as_bytes()
    };
    let entries: Entries =
        serde_json::from_slice(bytes).map_err(|_| "it is not an object of sessions".to_owned())?;
    if entries.beyond > 0 {
        return Err(format!("it has more than {SESSIONS_MAX} sessions"));
    }
    let mut wrong = entries.wrong;
    if entries.more_wrong > 0 {
        wrong.push(format!("{} more", entries.more_wrong));
    }
    Ok((entries.index, wrong))
}

/// An index while it is read, one entry at a time, so that what is not kept takes no memory.
#[derive(Default)]
struct Entries {
    index: Index,
    /// Keys of entries that name no transcript.
    wrong: Vec<String>,
    more_wrong: usize,
    /// Entries beyond [`SESSIONS_MAX`].
    beyond: usize,
}

impl Entries {
    fn add(&mut self, key: String, entry: &str) {
        match about(&key, entry) {
            _ if self.index.len() + self.wrong.len() + self.more_wrong == SESSIONS_MAX => self.beyond += 1,
            Some((name, about)) => match self.index.entry(name) {
                Slot::Vacant(slot) => drop(slot.insert(about)),
                // If two keys name one transcript, the same key counts whatever their order.
                Slot::Occupied(mut slot) if about.key < slot.get().key => drop(slot.insert(about)),
                Slot::Occupied(_) => {}
            },
            None if self.wrong.len() < WRONG_MAX => self.wrong.push(key),
            None => self.more_wrong += 1,
        }
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of sessions")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Entries::default();
                while let Some((key, entry)) = map.next_entry::<String, &RawValue>()? {
                    entries.add(key, entry.get());
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_map(InOrder)
    }
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
    Some((composed(&name).into_owned(), about))
}

/// What a database says in `entry_json` of a session.
pub(crate) fn about_entry(key: &str, entry: &str) -> Option<About> {
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
        assert_eq!(wrong, ["odd", "none"]);
    }

    #[test]
    fn an_index_edited_by_hand_is_read_and_a_torn_one_is_not() {
        let (index, _) = read(b"{'agent:main:main': {sessionId: 'a', displayName: 'x'},}").unwrap();
        assert_eq!(index["a"].title().as_deref(), Some("x"));
        assert!(read(br#"{"agent:main:main": {"sessionId": "a","#).is_err());
        assert!(read(b"[]").is_err());
    }

    #[test]
    fn an_index_of_nonsense_is_said_in_a_few_lines_and_one_beyond_all_measure_is_not_read() {
        let of = |count: usize, entry: &str| {
            let entries: Vec<_> =
                (0..count).map(|n| format!("\"{n}\":{}", entry.replace('#', &n.to_string()))).collect();
            format!("{{{}}}", entries.join(","))
        };
        let (index, wrong) = read(of(1_000, "1").as_bytes()).unwrap();
        assert!(index.is_empty());
        assert_eq!((wrong.len(), wrong.last().unwrap().as_str()), (WRONG_MAX + 1, "980 more"));
        let sessions = |count| read(of(count, "{\"sessionId\":\"#\"}").as_bytes());
        assert_eq!(sessions(SESSIONS_MAX).unwrap().0.len(), SESSIONS_MAX);
        assert_eq!(sessions(SESSIONS_MAX + 1).unwrap_err(), "it has more than 100000 sessions");
    }

    #[test]
    fn of_two_keys_of_one_transcript_the_same_counts_in_any_order() {
        for text in [
            r#"{"a": {"sessionId": "s", "label": "A"}, "b": {"sessionId": "s", "label": "B"}}"#,
            r#"{"b": {"sessionId": "s", "label": "B"}, "a": {"sessionId": "s", "label": "A"}}"#,
        ] {
            assert_eq!(read(text.as_bytes()).unwrap().0["s"].label.as_deref(), Some("A"));
        }
    }

    #[test]
    fn an_incognito_session_is_told_by_its_key() {
        let with = |key: &str| About { key: key.to_owned(), ..About::default() };
        assert!(with("agent:main:dashboard:incognito-7").is_incognito());
        assert!(!with("agent:main:telegram:group:7").is_incognito());
    }
}

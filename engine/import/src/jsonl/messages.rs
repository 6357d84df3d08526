//! Lines of a transcript, made of the messages of a conversation that has none: the same lines on every device.

use std::collections::HashSet;
use std::fmt;

use bowline_wire::hash::sha256;
use jiff::civil::DateTime;
use jiff::{Timestamp, tz::TimeZone};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::{Piece, Source, SourceError, hex};

/// Messages of one conversation: the longest that people have are a hundredth of that.
const MESSAGES_MAX: usize = 250_000;

/// Label of the hash that entry ids are made of.
const LABEL: &[u8] = b"bowline/jsonl/1";

/// A conversation in one line. Its messages are still text, so that a long one takes little memory.
#[derive(Debug)]
pub(crate) struct Conversation<'a> {
    /// The conversation's id, or the hash of its line if it has none.
    pub(crate) id: String,
    pub(crate) title: Option<String>,
    messages: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Line<'a> {
    id: Option<Value>,
    title: Option<Value>,
    #[serde(borrow)]
    messages: Messages<'a>,
}

/// Messages that are still text; `None` if there are more than [`MESSAGES_MAX`], so that many small ones take little memory.
struct Messages<'a>(Option<Vec<&'a RawValue>>);

impl<'de: 'a, 'a> Deserialize<'de> for Messages<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Option<Vec<&'de RawValue>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of messages")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut messages = Vec::new();
                while messages.len() < MESSAGES_MAX {
                    match list.next_element()? {
                        Some(message) => messages.push(message),
                        None => return Ok(Some(messages)),
                    }
                }
                let mut is_over = false;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    is_over = true;
                }
                Ok((!is_over).then_some(messages))
            }
        }
        deserializer.deserialize_seq(InOrder).map(Self)
    }
}

impl<'a> Conversation<'a> {
    /// Takes a line apart; an error says why it is not a conversation.
    pub(crate) fn parse(line: &'a [u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8")?;
        let parsed: Line<'a> =
            serde_json::from_str(text).map_err(|_| "it is not a JSON object with a list of messages")?;
        let messages = parsed.messages.0.ok_or("it has more than 250,000 messages")?;
        let id = match parsed.id {
            Some(Value::String(id)) if !id.is_empty() => id,
            Some(Value::Number(id)) => id.to_string(),
            None | Some(Value::Null) => hex(&sha256(&[line])),
            Some(_) => return Err("its id is not text"),
        };
        let title = parsed.title.and_then(|title| title.as_str().map(str::to_owned));
        Ok(Self { id, title: title.filter(|title| !title.trim().is_empty()), messages })
    }
}

/// The messages of a conversation as lines of a transcript.
pub(crate) struct Made<'a> {
    conversation: &'a Conversation<'a>,
    /// How many messages were made into lines.
    at: usize,
    used: HashSet<String>,
    parent: Option<String>,
    line: Vec<u8>,
}

impl<'a> Made<'a> {
    pub(crate) fn new(conversation: &'a Conversation<'a>) -> Self {
        Self { conversation, at: 0, used: HashSet::new(), parent: None, line: Vec::new() }
    }

    /// The id of the entry with this number: eight hex digits, as OpenClaw's are, made of what is the same on every device.
    /// If two entries would get one id, the second gets another.
    fn entry_id(&mut self, number: usize) -> String {
        let mut again = 0_u64;
        loop {
            let (number, again_bytes) = ((number as u64).to_be_bytes(), again.to_be_bytes());
            let parts: [&[u8]; 4] = [LABEL, &number, &again_bytes, self.conversation.id.as_bytes()];
            let id: String = hex(&sha256(&parts)).chars().take(8).collect();
            if self.used.insert(id.clone()) {
                return id;
            }
            again += 1;
        }
    }
}

impl Source for Made<'_> {
    fn next(&mut self) -> Result<Option<Piece<'_>>, SourceError> {
        let Some(raw) = self.conversation.messages.get(self.at) else { return Ok(None) };
        let number = self.at;
        self.at += 1;
        let id = self.entry_id(number);
        let Some(line) = line(raw.get(), &id, self.parent.as_deref()) else {
            return Ok(Some(Piece::Unreadable(
                "a message that is not an object with a text or content in it",
            )));
        };
        self.parent = Some(id);
        self.line = line;
        Ok(Some(Piece::Line(&self.line)))
    }
}

/// A transcript line, members in OpenClaw's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageLine<'a> {
    r#type: &'static str,
    id: &'a str,
    parent_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    message: Message,
    /// What else the message said about itself.
    #[serde(skip_serializing_if = "Map::is_empty")]
    source: Map<String, Value>,
}

#[derive(Serialize)]
struct Message {
    role: String,
    content: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
}

fn line(message: &str, id: &str, parent_id: Option<&str>) -> Option<Vec<u8>> {
    let mut members: Map<String, Value> = serde_json::from_str(message).ok()?;
    let content = ["text", "content"].iter().find_map(|name| {
        members.get(*name).filter(|content| content.is_string() || content.is_array())?;
        members.remove(*name)
    })?;
    let sender = members.get("sender").and_then(Value::as_str);
    let role = match members.get("role").and_then(Value::as_str) {
        Some(role) => known_role(role).unwrap_or(role),
        None => sender.and_then(known_role).unwrap_or("user"),
    }
    .to_owned();
    let time = members.get("timestamp").and_then(time);
    if time.is_some() {
        members.remove("timestamp");
    }
    members.remove("role");
    let line = MessageLine {
        r#type: "message",
        id,
        parent_id,
        timestamp: time.map(|time| format!("{time:.3}")),
        message: Message { role, content, timestamp: time.map(Timestamp::as_millisecond) },
        source: members,
    };
    serde_json::to_vec(&line).ok()
}

/// OpenClaw's name for who speaks.
fn known_role(name: &str) -> Option<&'static str> {
    match name.to_lowercase().as_str() {
        "user" | "human" => Some("user"),
        "assistant" | "bot" | "ai" | "model" => Some("assistant"),
        "system" => Some("system"),
        _ => None,
    }
}

/// A time as ISO 8601, UTC if it names no zone. Numbers are left alone: nobody can tell seconds from milliseconds.
fn time(value: &Value) -> Option<Timestamp> {
    let text = value.as_str()?.trim();
    let zoned = text.parse::<Timestamp>().ok();
    zoned.or_else(|| Some(text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(line: &str) -> Vec<Result<Value, &'static str>> {
        let conversation = Conversation::parse(line.as_bytes()).unwrap();
        let mut made = Made::new(&conversation);
        let mut lines = Vec::new();
        while let Some(piece) = made.next().unwrap() {
            lines.push(match piece {
                Piece::Line(line) => Ok(serde_json::from_slice(line).unwrap()),
                Piece::Unreadable(why) => Err(why),
                Piece::TooLong(_) => panic!("nothing is too long here"),
            });
        }
        lines
    }

    #[test]
    fn a_conversation_of_more_messages_than_anybody_writes_is_none() {
        let of = |count: usize| {
            let line = format!(r#"{{"id":"c","messages":[{}]}}"#, vec!["7"; count].join(","));
            Conversation::parse(line.as_bytes()).map(|conversation| conversation.messages.len())
        };
        assert_eq!(of(MESSAGES_MAX), Ok(MESSAGES_MAX));
        assert_eq!(of(MESSAGES_MAX + 1), Err("it has more than 250,000 messages"));
        assert_eq!(of(0), Ok(0));
    }

    #[test]
    fn messages_become_a_chain_of_entries() {
        let made = lines(
            r#"{"id":"c","messages":[{"sender":"human","text":"Hi","timestamp":"2018-05-18T21:02:03.5+02:00"},
                {"role":"model","content":[{"type":"text","text":"Yes"}],"mood":"good"},{"sender":"Ada","text":"x","timestamp":7}]}"#,
        );
        let made: Vec<_> = made.into_iter().map(Result::unwrap).collect();
        assert_eq!(made[0]["parentId"], Value::Null);
        assert_eq!(made[1]["parentId"], made[0]["id"]);
        assert_eq!(made[2]["parentId"], made[1]["id"]);
        assert_eq!(made[0]["timestamp"], "2018-05-18T19:02:03.500Z");
        assert_eq!(made[0]["message"]["timestamp"], 1_526_670_123_500_i64);
        let roles: Vec<_> = made.iter().map(|line| line["message"]["role"].as_str().unwrap()).collect();
        assert_eq!(roles, ["user", "assistant", "user"]);
        assert_eq!(made[1]["message"]["content"][0]["text"], "Yes");
        assert_eq!(made[1]["source"], serde_json::json!({"mood": "good"}));
        assert_eq!(made[2]["source"], serde_json::json!({"sender": "Ada", "timestamp": 7}));
        assert!(made[2].get("timestamp").is_none());
    }

    #[test]
    fn two_devices_make_the_same_lines_and_other_conversations_other_ids() {
        let with = |id: &str| lines(&format!(r#"{{"id":"{id}","messages":[{{"text":"Hi"}}]}}"#));
        assert_eq!(with("a"), with("a"));
        assert_ne!(with("a")[0].as_ref().unwrap()["id"], with("b")[0].as_ref().unwrap()["id"]);
        let id = with("a")[0].as_ref().unwrap()["id"].as_str().unwrap().to_owned();
        assert!(id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn every_entry_of_a_long_conversation_has_an_id_of_its_own() {
        let messages = vec![r#"{"text":"x"}"#; 100_000].join(",");
        let line = format!(r#"{{"id":"long","messages":[{messages}]}}"#);
        let conversation = Conversation::parse(line.as_bytes()).unwrap();
        let mut made = Made::new(&conversation);
        while made.next().unwrap().is_some() {}
        assert_eq!(made.used.len(), 100_000);
    }

    #[test]
    fn a_conversation_without_an_id_is_known_by_its_line() {
        let parse = |line: &'static str| Conversation::parse(line.as_bytes()).unwrap().id;
        assert_eq!(parse(r#"{"messages":[]}"#).len(), 64);
        assert_eq!(parse(r#"{"id":7,"messages":[]}"#), "7");
    }

    #[test]
    fn what_is_no_conversation_is_refused_and_a_bad_message_costs_only_itself() {
        for line in [&b"[]"[..], b"{}", b"{\"messages\":{}}", b"\xff", b"{\"id\":[],\"messages\":[]}"] {
            assert!(Conversation::parse(line).is_err());
        }
        let made = lines(r#"{"messages":[{"text":"a"},7,{"content":{}},{"text":"b"}]}"#);
        assert_eq!(made.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false, true]);
        assert_eq!(made[3].as_ref().unwrap()["parentId"], made[0].as_ref().unwrap()["id"]);
    }
}

//! Reading one raw transcript line: OpenClaw's JSON, of which only what is needed is looked at and nothing is changed.

use std::collections::HashMap;

use bowline_wire::ids::Millis;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// The members of a JSON object, each still as its own text. A member that occurs twice counts as its last, as in
/// JavaScript.
pub(super) struct Line<'a>(HashMap<String, &'a RawValue>);

/// `parentId` of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ParentId {
    /// There is no `parentId`: in a transcript without ids each line hangs on the one before.
    Absent,
    /// `null`: a beginning.
    Null,
    Of(String),
}

impl<'a> Line<'a> {
    /// `None` unless `line` is one JSON object, a byte-order mark before it left out of account.
    pub(super) fn parse(line: &'a str) -> Option<Self> {
        serde_json::from_str(line.trim_start_matches('\u{feff}')).ok().map(Self)
    }

    /// The string member `name`; `None` if it is absent or something else.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name)
    }

    /// The entry's id, empty if it has none; `None` if it has one that is not a string.
    pub(super) fn id(&self) -> Option<String> {
        if self.0.contains_key("id") { self.text("id") } else { Some(String::new()) }
    }

    pub(super) fn parent_id(&self) -> ParentId {
        match self.0.get("parentId") {
            None => ParentId::Absent,
            Some(_) => self.text("parentId").map_or(ParentId::Null, ParentId::Of),
        }
    }

    /// The entry's time: `timestamp` as ISO 8601 text or as milliseconds, else that of its message.
    pub(super) fn time(&self) -> Option<Millis> {
        let own = |line: &Line<'_>| match line.text("timestamp") {
            Some(iso) => parse_time(&iso),
            None => line.get::<u64>("timestamp").map(Millis),
        };
        own(self).or_else(|| own(&self.member("message")?))
    }

    /// Role and text of a message; text is what its `text` blocks hold, one below the other.
    pub(super) fn message(&self) -> Option<(String, String)> {
        let message = self.member("message")?;
        let text = match message.get::<String>("content") {
            Some(text) => text,
            None => message.blocks().join("\n"),
        };
        Some((message.text("role").unwrap_or_default(), text))
    }

    fn blocks(&self) -> Vec<String> {
        let Some(content) = self.0.get("content") else {
            return Vec::new();
        };
        let blocks: Vec<&RawValue> = serde_json::from_str(content.get()).unwrap_or_default();
        let text = |block: &RawValue| {
            let block = Line::parse(block.get())?;
            (block.text("type")? == "text").then(|| block.text("text"))?
        };
        blocks.into_iter().filter_map(text).collect()
    }

    fn member(&self, name: &str) -> Option<Line<'a>> {
        Line::parse(self.0.get(name)?.get())
    }

    fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.0.get(name)?.get()).ok()
    }
}

fn parse_time(iso: &str) -> Option<Millis> {
    let time: Timestamp = iso.parse().ok()?;
    u64::try_from(time.as_millisecond()).ok().map(Millis)
}

/// As JavaScript's `toISOString` writes it: `2026-01-31T09:05:00.250Z`. `None` beyond the year 9999.
pub(super) fn format_time(time: Millis) -> Option<String> {
    let time = Timestamp::from_millisecond(i64::try_from(time.0).ok()?).ok()?;
    Some(format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_javascript_writes_them_and_read_back() {
        assert_eq!(format_time(Millis(1_769_850_300_250)).unwrap(), "2026-01-31T09:05:00.250Z");
        assert_eq!(parse_time("2026-01-31T09:05:00.250Z"), Some(Millis(1_769_850_300_250)));
        assert_eq!(format_time(Millis(0)).unwrap(), "1970-01-01T00:00:00.000Z");
        assert_eq!(format_time(Millis(u64::MAX)), None);
    }

    #[test]
    fn a_byte_order_mark_is_not_a_part_of_a_line() {
        let line = Line::parse("\u{feff}{\"id\":\"a\"}\r").unwrap();
        assert_eq!(line.id().as_deref(), Some("a"));
    }

    #[test]
    fn a_line_without_a_time_of_its_own_has_that_of_its_message() {
        let line = Line::parse(r#"{"type":"message","message":{"timestamp":12}}"#).unwrap();
        assert_eq!(line.time(), Some(Millis(12)));
    }

    #[test]
    fn the_text_of_a_message_is_its_text_blocks_or_its_plain_content() {
        let blocks = r#"{"message":{"role":"assistant","content":[{"type":"text","text":"one"},{"type":"toolCall","name":"x"},
            {"type":"text","text":"two"}]}}"#;
        assert_eq!(Line::parse(blocks).unwrap().message().unwrap(), ("assistant".into(), "one\ntwo".into()));
        let plain = r#"{"message":{"role":"user","content":"hello"}}"#;
        assert_eq!(Line::parse(plain).unwrap().message().unwrap(), ("user".into(), "hello".into()));
    }

    #[test]
    fn members_of_the_wrong_type_are_absent_and_members_that_occur_twice_are_their_last() {
        let line = Line::parse(r#"{"id":7,"type":"a","type":"b","timestamp":{},"message":[]}"#).unwrap();
        assert_eq!(line.id(), None);
        assert_eq!(line.text("type").unwrap(), "b");
        assert_eq!((line.time(), line.message()), (None, None));
    }

    #[test]
    fn nesting_ten_thousand_deep_is_no_stack_overflow() {
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(Line::parse(&deep).is_none_or(|line| line.id() == Some(String::new())));
    }
}

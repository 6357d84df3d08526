//! JSON and JSON5 that other programs and people wrote, into values, without trusting how deep they go.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::{encoding, secrets};

/// What stands in a path in the place of a name that is a secret itself.
pub(crate) const HIDDEN: &str = "[…]";

/// Nesting that is read. The JSON5 reader recurses, and a stack is finite; `serde_json` stops there as well.
pub(crate) const DEPTH_MAX: usize = 120;

/// Why a text was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotRead {
    #[error("it is not text in UTF-8")]
    NotText,
    #[error("it is nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// The text stops being JSON5 at this place. What stands there is not shown, since it may be a secret.
    #[error("it is not JSON5 (line {line}, column {column})")]
    Syntax { line: usize, column: usize },
    #[error("it is not JSON5")]
    Unknown,
}

/// Reads JSON or JSON5.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, NotRead> {
    parse_as(bytes)
}

/// Reads JSON or JSON5 and loses nothing: if a member is there more than once, all but one get a number after their name.
pub(crate) fn parse_whole(bytes: &[u8]) -> Result<Value, NotRead> {
    parse_as(bytes).map(|Whole(value)| value)
}

fn parse_as<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, NotRead> {
    let text = &*encoding::text(bytes).ok_or(NotRead::NotText)?;
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    if depth(text) > DEPTH_MAX {
        return Err(NotRead::TooDeep);
    }
    json5::from_str(text).map_err(|error| match error.position() {
        Some(at) => NotRead::Syntax { line: at.line + 1, column: at.column + 1 },
        None => NotRead::Unknown,
    })
}

/// A value of any format with all its members, also those whose name occurs more than once.
pub(crate) struct Whole(pub(crate) Value);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WholeVisitor).map(Self)
    }
}

struct WholeVisitor;

impl<'de> Visitor<'de> for WholeVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Whole(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((mut name, Whole(value))) = map.next_entry::<String, Whole>()? {
            while members.contains_key(&name) {
                name = format!("{name}#{}", members.len());
            }
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

/// How deep the brackets of a text go, those in its strings and comments left out. Brackets that do not match count as they
/// come, so whatever the reader makes of the text, it recurses no deeper.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '[' | '{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            ']' | '}' => depth = depth.saturating_sub(1),
            '"' | '\'' => {
                while let Some(inner) = chars.next() {
                    match inner {
                        '\\' => drop(chars.next()),
                        _ if inner == char => break,
                        _ => {}
                    }
                }
            }
            '/' if chars.peek() == Some(&'/') => {
                let _ = chars.by_ref().find(|char| matches!(char, '\n' | '\r' | '\u{2028}' | '\u{2029}'));
            }
            '/' if chars.peek() == Some(&'*') => {
                chars.next();
                let mut last = ' ';
                let _ =
                    chars.by_ref().find(|char| std::mem::replace(&mut last, *char) == '*' && *char == '/');
            }
            _ => {}
        }
    }
    deepest
}

/// The path of a member of the object at `path`, as people write it: `.name`, `["odd name"]`. A name that is a secret is not
/// shown.
pub(crate) fn member(path: &str, name: &str) -> String {
    if secrets::has_secret_shape(name) {
        return format!("{path}{HIDDEN}");
    }
    let is_plain =
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-' || c == '$');
    match (is_plain, path.is_empty()) {
        (true, true) => name.to_owned(),
        (true, false) => format!("{path}.{name}"),
        (false, _) => format!("{path}[{}]", Value::from(name)),
    }
}

/// The path of an element of the array at `path`.
pub(crate) fn element(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json5_and_json_are_read_with_or_without_a_byte_order_mark() {
        let value = json!({"a": [1, "b"]});
        assert_eq!(parse(b"\xef\xbb\xbf{\"a\":[1,\"b\"]}"), Ok(value.clone()));
        assert_eq!(parse(b"// mine\n{a: [1, 'b',],}"), Ok(value.clone()));
        let wide: Vec<u8> = "\u{feff}{\"a\":[1,\"b\"]}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(parse(&wide), Ok(value));
    }

    #[test]
    fn nothing_is_lost_of_members_with_one_name() {
        let value = parse_whole(br#"{"a": 1, "a#1": 2, "a": 3, "b": null}"#).unwrap();
        assert_eq!(value, json!({"a": 1, "a#1": 2, "a#2": 3, "b": null}));
        assert_eq!(
            parse_whole(b"{a: 'x', a: [true, -1, 0.5]}"),
            Ok(json!({"a": "x", "a#1": [true, -1, 0.5]}))
        );
    }

    #[test]
    fn an_error_says_where_and_not_what() {
        let error = parse(b"{token: 'abc' secret-value}").unwrap_err();
        assert!(matches!(error, NotRead::Syntax { line: 1, .. }));
        assert!(!error.to_string().contains("secret-value"));
        assert_eq!(parse(b"\xff"), Err(NotRead::NotText));
    }

    #[test]
    fn deep_nesting_is_refused_before_anything_recurses() {
        for deep in ["[".repeat(1_000_000), "{a:".repeat(300_000), format!("[']', {}", "[".repeat(200_000))] {
            assert_eq!(parse(deep.as_bytes()), Err(NotRead::TooDeep));
        }
        let brackets_in_strings =
            format!("{{a: '{}', /* {} */}} // {}", "[".repeat(500), "{".repeat(500), "[".repeat(500));
        assert!(parse(brackets_in_strings.as_bytes()).is_ok());
        let escaped = format!("['\\'{}']", "[".repeat(500));
        assert!(parse(escaped.as_bytes()).is_ok());
    }

    #[test]
    fn paths_of_members_read_as_people_write_them() {
        assert_eq!(member(&member("", "gateway"), "token"), "gateway.token");
        assert_eq!(member("profiles", "mock:default"), r#"profiles["mock:default"]"#);
        assert_eq!(member(&element("list", 2), "trip-planner"), "list[2].trip-planner");
    }
}

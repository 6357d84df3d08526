//! JSON as an agent's fields hold it: one text for one value.

use std::fmt;

use serde_json::Value;

use crate::document::limits::JSON_MAX;

/// A JSON value in its one form: no white space, members of objects in order of their names, the last of two that have one
/// name. At most [`JSON_MAX`] bytes, nested at most 128 deep.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Json(String);

/// Why a text is not a JSON value. The fault is with whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotJson {
    /// The text is not JSON, or is nested too deep.
    #[error("not JSON: {0}")]
    Syntax(String),
    /// Longer than its limit.
    #[error("a value may have {JSON_MAX} bytes")]
    TooLong,
}

impl Json {
    /// Takes JSON however it is laid out.
    pub fn parse(text: &str) -> Result<Self, NotJson> {
        let value: Value = serde_json::from_str(text).map_err(|error| NotJson::Syntax(error.to_string()))?;
        Self::of(&value)
    }

    /// The text of a value.
    pub fn of(value: &Value) -> Result<Self, NotJson> {
        let text = value.to_string();
        if text.len() > JSON_MAX { Err(NotJson::TooLong) } else { Ok(Self(text)) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value.
    pub fn to_value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default() // it was made from a value
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Json {
    /// Content never reaches a trace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ways_to_write_one_value_are_one_text() {
        let json = Json::parse(" { \"b\" : [1, 2.50],\n \"a\": \"\\u00e9\" } ").unwrap();
        assert_eq!(json.as_str(), r#"{"a":"é","b":[1,2.5]}"#);
        assert_eq!(Json::of(&json.to_value()), Ok(json));
    }

    #[test]
    fn what_is_no_json_or_too_much_of_it_is_refused() {
        assert!(matches!(Json::parse("{"), Err(NotJson::Syntax(_))));
        assert!(matches!(Json::parse(&"[".repeat(1000)), Err(NotJson::Syntax(_))));
        assert!(Json::parse(&format!("\"{}\"", "x".repeat(JSON_MAX - 2))).is_ok());
        assert_eq!(Json::parse(&format!("\"{}\"", "x".repeat(JSON_MAX - 1))), Err(NotJson::TooLong));
    }
}

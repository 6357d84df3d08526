//! Secrets in a text that a person writes, line by line.

use std::borrow::Cow;

use super::rules::has_private_key;
use super::shapes::has_secret_shape;

/// A place at which there is a secret, without the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretPlace {
    /// The line or the path of the member; `None` if it is the whole file.
    pub at: Option<String>,
    /// Why it is taken for a secret.
    pub why: &'static str,
}

/// The lines of a text that have something in them that looks like a secret.
pub(crate) fn in_text(text: &str) -> Vec<SecretPlace> {
    let mut found = Vec::new();
    let mut is_in_key = false;
    for (number, line) in (1..).zip(text.lines()) {
        let is_key_begun = has_private_key(line);
        // Of a key in several lines, the first stands for all.
        let is_secret = is_key_begun || (!is_in_key && has_secret_shape(&without_gaps(line)));
        is_in_key = (is_in_key || is_key_begun) && !line.contains("END ");
        if is_secret {
            let why = if is_key_begun { "a private key is in it" } else { "it looks like a secret" };
            found.push(SecretPlace { at: Some(format!("line {number}")), why });
        }
    }
    found
}

/// A line without what stands in angle brackets for something to be filled in.
fn without_gaps(line: &str) -> Cow<'_, str> {
    let Some((before, rest)) = line.split_once('<') else { return line.into() };
    match rest.split_once('>') {
        Some((gap, after)) if !gap.contains('<') => format!("{before}{}", without_gaps(after)).into(),
        _ => line.into(),
    }
}

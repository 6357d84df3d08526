//! Secrets in TOML, by the names of its tables and keys, each with the line that it is in.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Around;
use super::lines::{in_comment, is_comment, is_secret_setting, section_of};
use super::names::is_secret_name;
use super::shapes::has_secret_shape;
use super::words::is_plain_in_file;
use crate::json::member;

/// Bytes of a document that is read. Tables between braces take 150 bytes of memory for each byte of theirs.
const BYTES_MAX: usize = 128 << 10;

/// The lines of a TOML document that hold secrets, one place a line; `None` if the text is not TOML, or too long.
pub(super) fn in_toml(text: &str) -> Option<Vec<String>> {
    let document = DeTable::parse(Some(text).filter(|text| text.len() <= BYTES_MAX)?).ok()?;
    let mut search = Search { text, found: Vec::new() };
    search.table(document.get_ref(), &Place::default());
    Some(search.by_lines())
}

/// Where in a document a key is.
#[derive(Default)]
struct Place {
    /// The name in the header above, with all its parts.
    section: String,
    /// The parts of a dotted key that come before.
    key: String,
    around: Around,
    /// Whether keys are names of packages here.
    is_package: bool,
}

impl Place {
    fn of_section(section: String) -> Self {
        let is_package = section.to_lowercase().contains("dependencies") || section == "features";
        let around = if is_package { Around::Nothing } else { Around::Nothing.below_in_file(&section) };
        Self { section, key: String::new(), around, is_package }
    }

    fn below(&self, name: &str, key: String) -> Self {
        let around = if self.is_package { Around::Nothing } else { self.around.below_in_file(name) };
        Self { section: self.section.clone(), key, around, is_package: self.is_package }
    }
}

/// A search through a document.
struct Search<'a> {
    text: &'a str,
    /// Each secret's offset and name.
    found: Vec<(usize, String)>,
}

impl Search<'_> {
    fn table(&mut self, table: &DeTable<'_>, place: &Place) {
        for (name, value) in table {
            let key = joined(&place.key, name.get_ref());
            match value.get_ref() {
                DeValue::Table(below) if self.is_section(value) => {
                    self.table(below, &Place::of_section(joined(&place.section, &key)));
                }
                DeValue::Array(items) if items.iter().any(|item| self.is_section(item)) => {
                    let below = Place::of_section(joined(&place.section, &key));
                    items
                        .iter()
                        .filter_map(|item| item.get_ref().as_table())
                        .for_each(|item| self.table(item, &below));
                }
                // A part of a header or of a dotted key stands where its name does.
                DeValue::Table(below) if value.span() == name.span() => {
                    self.table(below, &place.below(name.get_ref(), key));
                }
                value if !place.is_package => self.value(name.span().start, &key, value, place),
                _ => {}
            }
        }
    }

    /// Looks at the value of a key. In tables between braces it looks at every member, unless the key says it all.
    fn value(&mut self, at: usize, key: &str, value: &DeValue<'_>, place: &Place) {
        match value {
            DeValue::Table(members) if !is_secret_name(key) => {
                self.table(members, &place.below(key, String::new()));
            }
            DeValue::Array(items)
                if !is_secret_name(key) && items.iter().any(|item| item.get_ref().is_table()) =>
            {
                items.iter().for_each(|item| self.value(at, key, item.get_ref(), place));
            }
            _ => {
                let is_secret = |text: &str| {
                    is_plain_in_file(text) && is_secret_setting(key, text.trim(), place.around, true)
                };
                if any_text(value, &is_secret) {
                    self.found.push((at, key.to_owned()));
                }
            }
        }
    }

    /// Whether a table has a header rather than braces.
    fn is_section(&self, value: &Spanned<DeValue<'_>>) -> bool {
        value.get_ref().is_table() && self.text.as_bytes().get(value.span().start) == Some(&b'[')
    }

    /// The places that were found, and each line besides that is a comment with a secret in it or looks like one.
    fn by_lines(mut self) -> Vec<String> {
        self.found.sort();
        let mut named = self.found.into_iter().peekable();
        let (mut places, mut begin) = (Vec::new(), 0);
        for (number, line) in (1..).zip(self.text.split('\n')) {
            let end = begin + line.len();
            let trimmed = line.trim();
            let mut name = None;
            while let Some((_, next)) = named.next_if(|(at, _)| *at <= end) {
                name.get_or_insert(next);
            }
            let name = name.or_else(|| in_comment(trimmed).map(str::to_owned));
            let is_setting = !is_comment(trimmed) && section_of(trimmed).is_none();
            match name {
                Some(name) => places.push(format!("line {number}: {}", member("", &name))),
                None if is_setting && has_secret_shape(trimmed) => places.push(format!("line {number}")),
                None => {}
            }
            begin = end + 1;
        }
        places
    }
}

fn joined(before: &str, name: &str) -> String {
    if before.is_empty() { name.to_owned() } else { format!("{before}.{name}") }
}

/// Whether a text or number in a value fits, however deep it is.
fn any_text(value: &DeValue<'_>, fits: &dyn Fn(&str) -> bool) -> bool {
    let text = match value {
        DeValue::String(text) => Cow::Borrowed(text.as_ref()),
        DeValue::Integer(number) => Cow::Borrowed(number.as_str()),
        DeValue::Float(number) => Cow::Borrowed(number.as_str()),
        DeValue::Datetime(time) => Cow::Owned(time.to_string()),
        DeValue::Boolean(_) => return false,
        DeValue::Array(items) => return items.iter().any(|item| any_text(item.get_ref(), fits)),
        DeValue::Table(members) => return members.iter().any(|(_, value)| any_text(value.get_ref(), fits)),
    };
    fits(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_with_their_lines_however_they_are_written() {
        for (text, at) in [
            ("a = 1\n[server]\n'api_key' = 'abc'\n", "line 3: api_key"),
            ("[server]\nauth . token = \"abc\"\n", "line 2: [\"auth.token\"]"),
            ("server = { auth = { token = 'abc' } }\n", "line 1: token"),
            ("users = [\n  { name = 'ada', token = 'abc' },\n]\n", "line 2: token"),
            ("[[users]]\nname = 'ada'\n[[users]]\npassword = 'abc'\n", "line 4: password"),
            ("apiKeys = [\n  'abc',\n]\n", "line 1: apiKeys"),
            ("[env]\nA = 'abc'\n", "line 2: A"),
            ("env.A = 'abc'\n", "line 1: [\"env.A\"]"),
            ("[deep.secrets]\na = [['abc']]\n", "line 2: a"),
            ("token = '''\nabc'''\n", "line 1: token"),
            ("feed = 'https://ada:pw@example.org'\n", "line 1"),
            ("a = 1 # ghp_0123456789abcdefg\n", "line 1"),
            ("# token = 'abc123'\na = 1\n", "line 1: token"),
            ("pin = 4821\n", "line 1: pin"),
        ] {
            assert_eq!(in_toml(text), Some(vec![at.to_owned()]), "{text}");
        }
    }

    #[test]
    fn names_of_packages_counts_and_stand_ins_are_not_secrets() {
        let text = "name = 'x'\nmax_tokens = 4_096\ntokens = []\npass = true\npassword = '${PASSWORD}'\n\
            text = \"\"\"\ntoken: the one that you were given\n\"\"\"\n[dependencies]\nsecret-token = '1'\n\
            [dev-dependencies.js-tokens]\nversion = '1'\n[features]\ntoken = ['x']\n[env.production]\nroute = 'x'\n";
        assert_eq!(in_toml(text), Some(Vec::new()));
    }

    #[test]
    fn what_is_not_toml_or_too_long_is_left_to_others() {
        let (lists, keys, long) = ("x = [".repeat(20_000), "a.".repeat(60_000), "#".repeat(BYTES_MAX + 1));
        for text in ["a = [", "token = abc\n", "a = 1\na = 2\n", &lists, &keys, &long] {
            assert_eq!(in_toml(text), None);
        }
        assert_eq!(in_toml(&long[1..]), Some(Vec::new()));
    }
}

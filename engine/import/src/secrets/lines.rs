//! Secrets in files that have a name and a value in each line: INI, properties, dot-env files, and TOML that cannot be read.

use super::Around;
use super::names::{is_name_of_count, is_secret_map, is_secret_name};
use super::shapes::has_secret_shape;
use super::words::{is_harmless, is_plain_in_file, is_strong};
use crate::json::{HIDDEN, member};

/// Letters of a name in a line; what is longer is a sentence.
const NAME_MAX: usize = 128;

/// The lines that hold a secret, as `name = value` or `name: value`, with sections as in INI. Lines that go on count as one.
pub(super) fn in_lines(text: &str, around: Around) -> Vec<String> {
    let (mut found, mut section, mut is_package) = (Vec::new(), Around::Nothing, false);
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let at = |name: &str| format!("line {}: {}", index + 1, member("", name));
        let trimmed = line.trim();
        if trimmed.is_empty() {
            continue;
        }
        if let Some(name) = section_of(trimmed) {
            // In these, names are names of packages, and of parts of them.
            is_package = name.to_lowercase().contains("dependencies") || name == "features";
            section = if is_package { Around::Nothing } else { Around::Nothing.below_in_file(name) };
            continue;
        }
        if let Some(name) = in_comment(trimmed) {
            found.push(at(name));
        }
        if is_comment(trimmed) {
            continue;
        }
        let goes_on = lines.get(index + 1..).unwrap_or_default().iter().find(|next| !next.trim().is_empty());
        let goes_on = goes_on.is_some_and(|next| indent(next) > indent(line));
        let around = if is_package { Around::Nothing } else { around.max(section) };
        match in_line(trimmed, goes_on, around, !is_package) {
            Some(name) => found.push(at(name)),
            None if has_secret_shape(trimmed) => found.push(format!("line {}", index + 1)),
            None => {}
        }
    }
    found
}

/// The name in a line whose value is a secret.
fn in_line(line: &str, goes_on: bool, around: Around, names: bool) -> Option<&str> {
    let line = ["export ", "set ", "- "].iter().find_map(|begin| line.strip_prefix(begin)).unwrap_or(line);
    let (name, value) = match line.split_once(['=', ':']) {
        Some((name, value)) => (name, value),
        // `requirepass …`, as some programs have it.
        None if line.split_whitespace().count() == 2 => line.split_once(char::is_whitespace)?,
        None => return None,
    };
    let name = name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '{' | ','));
    let value = value.trim().trim_start_matches(['=', ':']);
    let value = value.split(" #").next().unwrap_or_default().trim_end_matches(',').trim();
    if let Some(inner) = value.strip_prefix(['{', '[']).filter(|_| names && !is_secret_name(name)) {
        let below = around.below_in_file(name);
        return inner
            .split([',', '{', '}', '[', ']'])
            .find_map(|part| in_line(part.trim(), false, below, names));
    }
    let is_list = matches!(value, "[]" | "{}");
    let bare = value.trim_matches(['"', '\'']);
    let is_map = names && value.is_empty() && is_secret_map(name);
    let is_secret = is_map || is_secret_setting(name, bare, around, names);
    // A text of several lines begins.
    let is_opened = matches!(value, "\"\"\"" | "'''");
    let is_set = if value.is_empty() { goes_on } else { is_opened || is_plain_in_file(bare) };
    let is_name = !name.is_empty() && name.len() <= NAME_MAX;
    (is_name && is_secret && is_set && !is_list).then_some(name)
}

/// Whether a value that stands for itself is a secret, by its name if names count, or by the place that it has.
pub(super) fn is_secret_setting(name: &str, value: &str, around: Around, names: bool) -> bool {
    let is_count = value.parse::<f64>().is_ok() && is_name_of_count(name) && around < Around::All;
    let is_variable = around == Around::Variables && !is_harmless(value);
    !is_count && ((names && is_secret_name(name)) || is_variable || around >= Around::Texts)
}

/// The name of a section that begins in a line, as `[name]` or `[[name]]`.
pub(super) fn section_of(trimmed: &str) -> Option<&str> {
    let (name, rest) = trimmed.strip_prefix('[')?.split_once(']')?;
    (!rest.contains(['=', ':', ','])).then_some(name.trim_start_matches('['))
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

pub(super) fn is_comment(trimmed: &str) -> bool {
    ["#", ";", "//", "/*", "*"].iter().any(|begin| trimmed.starts_with(begin))
}

/// Settings that were taken out of use by making them comments, with the line of each.
pub(super) fn in_comments(text: &str) -> Vec<String> {
    let lines = (1..).zip(text.lines());
    let named = lines.filter_map(|(number, line)| Some((number, in_comment(line.trim())?)));
    named.map(|(number, name)| format!("line {number}: {}", member("", name))).collect()
}

/// The name in a comment after which there is one word that people do not write in a sentence.
pub(super) fn in_comment(trimmed: &str) -> Option<&str> {
    if !is_comment(trimmed) {
        return None;
    }
    let text = trimmed.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '#' | ';' | '/' | '*'));
    let (name, value) = text.split_once(['=', ':'])?;
    let name = name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
    let value = value.trim().trim_end_matches(',').trim_matches(['"', '\'']);
    let is_value = !value.contains(char::is_whitespace) && is_strong(value) && is_plain_in_file(value);
    let is_name = !name.contains(char::is_whitespace) && (is_secret_name(name) || is_secret_map(name));
    let is_count = is_name_of_count(name) && value.parse::<f64>().is_ok();
    (is_name && is_value && !is_count).then_some(name)
}

/// The names in a dot-env file, each with its line, counted from 1.
pub(crate) fn dot_env_names(text: &str) -> Vec<(usize, String)> {
    let mut names = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = line.split_once('=') else { continue };
        let name = name.trim();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        // The last line of a key in several lines looks like a name with nothing behind it.
        let is_set = !value.trim_matches('=').trim().is_empty();
        if begins && is_set && name.len() <= NAME_MAX && name.chars().all(is_name) {
            names.push((number, if has_secret_shape(name) { HIDDEN.to_owned() } else { name.to_owned() }));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_key_in_several_lines_is_not_a_name() {
        let text =
            "KEY=\"-----BEGIN EC PRIVATE KEY-----\nAbC123==\nXyZ=\n-----END EC PRIVATE KEY-----\"\nOTHER=1\n";
        let names: Vec<String> = dot_env_names(text).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["KEY", "OTHER"]);
    }

    #[test]
    fn a_dot_env_file_gives_its_names_and_no_values() {
        let names = dot_env_names("# comment\nA_KEY=1\n export B=two=three\nno name here\n=x\nbad name=1\n");
        assert_eq!(names, [(2, "A_KEY".to_owned()), (3, "B".to_owned())]);
    }
}

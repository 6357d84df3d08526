//! Secrets in files: by what a file is called, and by what is in it, each format in its own way.

use serde_json::Value;

use super::lines::{in_comments, in_lines};
use super::names::is_secret_name;
use super::shapes::{has_certain_secret, has_private_key};
use super::tables::in_toml;
use super::{Around, Rules, Search};
use crate::json::{self, DEPTH_MAX, Whole};

/// Aliases of YAML that are followed: each can stand for most of the file.
const ALIASES_MAX: usize = 200;

/// Why a file cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hidden {
    /// The file as a whole is a secret, for this reason.
    File(&'static str),
    /// Secrets are in the file, at these places: the paths of members, or lines.
    Members(Vec<String>),
    /// The file cannot be read, for this reason, so whether secrets are in it cannot be told.
    Unknown(String),
}

/// The format by which a file is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    JsonLines,
    Yaml,
    Toml,
    /// A name and a value in each line: INI, properties, files of shells.
    Lines,
    /// What people write for people.
    Prose,
    /// Sources of programs, and anything else.
    Other,
}

/// Endings of files that are looked at line by line, or at names and values.
const FORMATS: [(&str, Format); 42] = [
    ("json", Format::Json),
    ("json5", Format::Json),
    ("jsonc", Format::Json),
    ("har", Format::Json),
    ("code-workspace", Format::Json),
    ("webmanifest", Format::Json),
    ("jsonl", Format::JsonLines),
    ("jsonlines", Format::JsonLines),
    ("ndjson", Format::JsonLines),
    ("yaml", Format::Yaml),
    ("yml", Format::Yaml),
    ("toml", Format::Toml),
    ("ini", Format::Lines),
    ("cfg", Format::Lines),
    ("cnf", Format::Lines),
    ("conf", Format::Lines),
    ("config", Format::Lines),
    ("properties", Format::Lines),
    ("props", Format::Lines),
    ("prefs", Format::Lines),
    ("tfvars", Format::Lines),
    ("md", Format::Prose),
    ("markdown", Format::Prose),
    ("mdx", Format::Prose),
    ("mdown", Format::Prose),
    ("txt", Format::Prose),
    ("text", Format::Prose),
    ("rst", Format::Prose),
    ("org", Format::Prose),
    ("adoc", Format::Prose),
    ("asciidoc", Format::Prose),
    ("tex", Format::Prose),
    ("html", Format::Prose),
    ("htm", Format::Prose),
    ("csv", Format::Prose),
    ("tsv", Format::Prose),
    ("log", Format::Prose),
    ("srt", Format::Prose),
    ("vtt", Format::Prose),
    ("ics", Format::Prose),
    ("vcf", Format::Prose),
    ("eml", Format::Prose),
];

/// Endings of files that hold nothing but a secret when they are called like one.
const HOLDERS: [&str; 19] = [
    "txt", "text", "dat", "data", "bin", "csv", "tsv", "xml", "plist", "asc", "b64", "base64", "enc", "bak",
    "old", "orig", "save", "backup", "local",
];

/// Files in which names are names of packages.
const LISTS_OF_PACKAGES: [&str; 8] = [
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "composer.json",
    "deno.json",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    "pubspec.yaml",
];

/// Looks for secrets in a file; `None` if it can be imported. `name` is what it is called, without folders.
pub(crate) fn hidden_in(name: &str, content: &[u8]) -> Option<Hidden> {
    let lower = name.to_lowercase();
    let text = text_of(content);
    let format = format_of(&lower);
    let is_called = is_called_like_a_secret(name);
    let has_members = matches!(format, Format::Json | Format::JsonLines | Format::Yaml);
    if is_called && !has_members && !text.starts_with("#!") && !content.is_empty() {
        return Some(Hidden::File("it is called like a secret"));
    }
    if has_private_key(&text) {
        return Some(Hidden::File("a private key is in it"));
    }
    if format != Format::Prose && has_certain_secret(&text) {
        return Some(Hidden::File("a key of a well-known service is in it"));
    }
    // Tokens are also what designers call their colours.
    let all = is_called && !stem(&lower).ends_with("tokens");
    let around = if all { Around::All } else { Around::Nothing };
    let rules = if LISTS_OF_PACKAGES.contains(&lower.as_str()) { Rules::Packages } else { Rules::File };
    let found = match format {
        Format::Json => in_json(&text, rules, around),
        Format::JsonLines => in_json_lines(&text, around),
        Format::Yaml => Ok(in_yaml(&text, rules, around)),
        Format::Toml => Ok(in_toml(&text).unwrap_or_else(|| in_lines(&text, Around::Nothing))),
        Format::Lines => Ok(in_lines(&text, Around::Nothing)),
        Format::Prose | Format::Other => Ok(Vec::new()),
    };
    match found {
        Err(why) => Some(Hidden::Unknown(why)),
        Ok(found) => (!found.is_empty()).then_some(Hidden::Members(found)),
    }
}

/// What is written in a file, whatever the encoding: UTF-16 as it says by its first bytes or by where its NULs are. NULs
/// are left out, so that nothing hides behind them, and all line ends are made one.
pub(crate) fn text_of(content: &[u8]) -> String {
    let nuls = |from: usize| content.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let is_wide = |count: usize| count * 3 > content.len();
    let units = |from: fn([u8; 2]) -> u16| {
        let (pairs, _) = content.as_chunks::<2>();
        let units = pairs.iter().map(|pair| from(*pair));
        char::decode_utf16(units).map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>()
    };
    let text = match content {
        [0xff, 0xfe, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] => units(u16::from_be_bytes),
        _ if is_wide(nuls(1)) => units(u16::from_le_bytes),
        _ if is_wide(nuls(0)) => units(u16::from_be_bytes),
        _ => String::from_utf8_lossy(content).into_owned(),
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    text.replace('\0', "").replace("\r\n", "\n").replace('\r', "\n")
}

fn format_of(lower: &str) -> Format {
    let of_shells = |name: &str| name.ends_with("rc") || name.ends_with("profile") || name.ends_with("shenv");
    match lower.rsplit_once('.') {
        Some(("", name)) if of_shells(name) => Format::Lines,
        Some((_, ending)) => {
            FORMATS.iter().find(|(of, _)| *of == ending).map_or(Format::Other, |(_, format)| *format)
        }
        None => Format::Other,
    }
}

/// The name of a file without a dot before it and without endings that say only how it is stored.
fn stem(name: &str) -> &str {
    let mut stem = name.strip_prefix('.').unwrap_or(name);
    while let Some((rest, ending)) = stem.rsplit_once('.') {
        let ending = ending.to_lowercase();
        let is_format = FORMATS.iter().any(|(of, format)| *of == ending && is_of_data(*format));
        if rest.is_empty() || !(is_format || HOLDERS.contains(&ending.as_str())) {
            break;
        }
        stem = rest;
    }
    stem
}

fn is_of_data(format: Format) -> bool {
    !matches!(format, Format::Prose | Format::Other)
}

/// Whether a file is called as one that holds a secret: `token.txt`, `.api_key`, `github.token`, but not `token.md` or `token.py`.
fn is_called_like_a_secret(name: &str) -> bool {
    let stem = stem(name);
    match stem.rsplit_once('.') {
        Some((_, ending)) => is_secret_name(ending),
        None => is_secret_name(stem),
    }
}

fn in_value(mut value: Value, rules: Rules, around: Around) -> Vec<String> {
    let mut search = Search { rules, remove: false, found: Vec::new() };
    search.root(&mut value, "", around);
    search.found
}

fn in_json(text: &str, rules: Rules, around: Around) -> Result<Vec<String>, String> {
    match json::parse_whole(text.as_bytes()) {
        Ok(value) => Ok(in_value(value, rules, around).into_iter().chain(in_comments(text)).collect()),
        Err(why) if text.trim_start().starts_with(['{', '[']) => {
            in_json_lines(text, around).map_err(|_| why.to_string())
        }
        Err(_) if text.trim().is_empty() => Ok(Vec::new()),
        Err(why) => Err(why.to_string()),
    }
}

fn in_json_lines(text: &str, around: Around) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let value = json::parse_whole(line.as_bytes()).map_err(|_| format!("line {number} is not JSON"))?;
        let at = in_value(value, Rules::File, around);
        found.extend(at.into_iter().map(|at| format!("line {number}: {at}")));
    }
    Ok(found)
}

/// Secrets in all documents of a YAML file. What its reader does not take is looked at line by line.
fn in_yaml(text: &str, rules: Rules, around: Around) -> Vec<String> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: DEPTH_MAX, max_aliases: ALIASES_MAX },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
        with_snippet: false
    };
    match serde_saphyr::from_multiple_with_options::<Whole>(text, options) {
        Ok(documents) => {
            let found = documents.into_iter().flat_map(|Whole(value)| in_value(value, rules, around));
            found.chain(in_comments(text)).collect()
        }
        Err(_) => in_lines(text, around),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(name: &str, content: impl AsRef<[u8]>) -> Vec<String> {
        match hidden_in(name, content.as_ref()) {
            None => Vec::new(),
            Some(Hidden::Members(places)) => places,
            Some(Hidden::File(why)) => vec![why.to_owned()],
            Some(Hidden::Unknown(_)) => vec!["unknown".to_owned()],
        }
    }

    #[test]
    fn names_and_values_are_found_in_every_format() {
        for (name, content, at) in [
            ("a.json", r#"{"apiKey": "abc"}"#, "apiKey"),
            ("a.json", r#"{"apiKey": "abc", "apiKey": "${KEY}"}"#, "apiKey"),
            ("a.json", r#"{"apiKey": "${KEY}", "apiKey": "abc"}"#, "[\"apiKey#1\"]"),
            ("a.json5", "{\n// password: 'hunter2',\na: 1}", "line 2: password"),
            ("a.json", "{\"a\": 1}\n{\"token\": \"abc\"}", "line 2: token"),
            ("a.jsonl", "{\"a\": 1}\n\n{\"token\": \"abc\"}\n", "line 3: token"),
            ("a.yaml", "service:\n  api_key: abc\n", "service.api_key"),
            ("a.yml", "a: 1\n---\npassword: |\n  abc\n", "password"),
            ("a.yml", "x: &x {token: abc}\n", "x.token"),
            ("a.yml", "token: abc\ntoken: ${TOKEN}\n", "token"),
            ("a.yml", "# token: abc123\na: 1\n", "line 1: token"),
            ("broken.yml", "a: [\napi_key: abc\n", "line 2: api_key"),
            ("broken.yml", "a: [\npassword:\n  of: abc\n", "line 2: password"),
            ("a.toml", "[server]\napi_key = \"abc\"\n", "line 2: api_key"),
            ("a.toml", "server = { host = \"x\", token = \"abc\" }\n", "line 1: token"),
            ("a.toml", "auth.token = \"\"\"\nabc\n\"\"\"\n", "line 1: [\"auth.token\"]"),
            ("a.json", r#"{"env": {"A": "abc", "B": "1.2"}}"#, "env.A"),
            ("a.toml", "[env]\nA = \"abc\"\nB = \"1\"\n", "line 2: A"),
            ("a.toml", "[secrets]\nmine = \"abc\"\n", "line 2: mine"),
            ("a.ini", "[x]\nPassword = hunter2\n", "line 2: Password"),
            ("a.ini", "[x]\nfeed = https://ada:pw@example.org\n", "line 2"),
            ("a.cfg", "[x]\ntoken =\n\n  abc\n", "line 2: token"),
            ("a.ini", "[x]\r\nuser = ada\rpassword = abc\r", "line 3: password"),
            ("my.conf", "password abc\n", "line 1: password"),
            ("a.properties", "db.password=abc\n", "line 1: [\"db.password\"]"),
            (".zshrc", "export GITHUB_TOKEN=abc\n", "line 1: GITHUB_TOKEN"),
        ] {
            assert_eq!(places(name, content), [at], "{name}: {content}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_let_through() {
        for (name, content) in [
            ("a.json", "{\"token\": \"abc\""),
            ("a.json", "{\"a\": 1} and more"),
            ("a.json", "words"),
            ("a.jsonl", "{\"a\": 1}\n{\"token\": \"ab"),
        ] {
            assert_eq!(places(name, content), ["unknown"], "{content}");
        }
        assert_eq!(places("deep.json", "[".repeat(10_000)), ["unknown"]);
        assert_eq!(places("empty.json", "\n"), Vec::<String>::new());
    }

    #[test]
    fn files_called_like_secrets_are_secrets() {
        for name in [
            "token.txt",
            ".token",
            "api_key",
            "API_KEY.TXT",
            "passwords.csv",
            "cookies.txt",
            "github.token",
            "bot_token.txt.bak",
            "password.cfg",
            ".password",
        ] {
            assert_eq!(places(name, "abc"), ["it is called like a secret"], "{name}");
        }
        assert_eq!(places("cookies.json", r#"[{"domain": true, "v": "abc"}]"#), ["[0].v"]);
        assert_eq!(places("password.yaml", "abc"), ["all of it"]);
        for name in [
            "token.md",
            "tokenizer.txt",
            "get_token.py",
            "cookies.html",
            "password.png",
            "keys",
            "monkey.txt",
        ] {
            assert_eq!(places(name, "abc"), Vec::<String>::new(), "{name}");
        }
        assert_eq!(places("get-token", "#!/bin/sh\necho"), Vec::<String>::new());
        assert_eq!(places("tokens.json", r#"{"color": {"red": "f00"}}"#), Vec::<String>::new());
    }

    #[test]
    fn what_people_and_programs_write_is_let_through() {
        for (name, content) in [
            (
                "package.json",
                r#"{"name": "x", "keywords": ["token", "secret"], "scripts": {"test:cookies": "TOKEN=$TOKEN node ."},
                    "dependencies": {"js-tokens": "^4.0.0", "tokenizer": "1"}}"#,
            ),
            (
                "package-lock.json",
                r#"{"packages": {"node_modules/js-tokens": {"version": "4.0.0", "integrity": "sha512-ab=="}}}"#,
            ),
            (
                "Cargo.toml",
                "[dependencies]\nsecret-token = \"1\"\n[dependencies.js-tokens]\nversion = \"1\"\n",
            ),
            ("tsconfig.json", "{// mine\n\"strict\": true,}"),
            ("schema.json", r#"{"token": {"type": "string", "description": "Who asks"}}"#),
            ("usage.json", r#"{"tokens": {"input": 12, "output": 30}, "max_tokens": 4096}"#),
            (
                "ci.yml",
                "env:\n  FLAGS: -D warnings\n  THREADS: 1\npermissions:\n  id-token: write\nci-pass:\n  on: x\n",
            ),
            ("table.json", r#"{"headers": ["Name", "Date"], "keys": ["a"]}"#),
            ("config.example.yaml", "api_key: YOUR_API_KEY\npassword: <password>\ncookies: true\n"),
            ("a.yaml", "# token: the one you were given\nmax_tokens: 4096\ntokens: 7\n"),
            ("a.toml", "max_tokens = 4096 # enough\ntokenizer = \"bpe\"\ntokens = []\npass=true\n"),
            ("run.py", "token = os.environ['TOKEN']\npassword = 'abc'\n"),
            ("run.sh", "curl -H \"Authorization: Bearer $TOKEN\"\nAPI_KEY=abc\n"),
            ("notes.txt", "the password: hunter2\nghp_Ab3dEf6hIj9lMn2pQr5tUv8xYz1bCd4fGh7j\n"),
            ("SKILL.md", "---\nmetadata: {\"env\": [\"API_KEY\"]}\n---\nSet `API_KEY=abc`\n"),
        ] {
            assert_eq!(places(name, content), Vec::<String>::new(), "{name}: {content}");
        }
    }

    #[test]
    fn sources_are_searched_for_what_cannot_be_anything_else() {
        let found = places("run.py", "KEY = 'ghp_Ab3dEf6hIj9lMn2pQr5tUv8xYz1bCd4fGh7j'");
        assert_eq!(found, ["a key of a well-known service is in it"]);
        assert_eq!(places("notes.md", "-----BEGIN RSA PRIVATE KEY-----\nabc"), ["a private key is in it"]);
    }

    #[test]
    fn the_encoding_hides_nothing() {
        let utf16 = |text: &str, mark: bool, of: fn(u16) -> [u8; 2]| -> Vec<u8> {
            let mark = mark.then_some('\u{feff}');
            mark.into_iter().chain(text.chars()).collect::<String>().encode_utf16().flat_map(of).collect()
        };
        let (key, json) = ("-----BEGIN PRIVATE KEY-----\nabc", r#"{"€": 1, "apiKey": "abc"}"#);
        for of in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
            for mark in [true, false] {
                assert_eq!(places("x.bin", utf16(key, mark, of)), ["a private key is in it"]);
                assert_eq!(places("a.json", utf16(json, mark, of)), ["apiKey"]);
            }
        }
        assert_eq!(places("x.dat", b"\0\xff-----BEGIN PRIV\0ATE KEY-----"), ["a private key is in it"]);
        assert_eq!(places("a.json", "{\"apiKey\": \"abc\"}\0"), ["apiKey"]);
        assert_eq!(places("logo.png", b"\x89PNG\0\xff"), Vec::<String>::new());
    }

    #[test]
    fn names_that_are_secrets_are_not_said() {
        let token = "ghp_Ab3dEf6hIj9lMn2pQr5tUv8xYz1bCd4fGh7j";
        for (name, content) in [
            ("a.json", format!(r#"{{"gho_{}": {{"user": "ada"}}}}"#, &token[4..])),
            ("a.json", r#"{"sk-Ab3d-0000-ada-key": true}"#.to_owned()),
            ("a.yaml", "sk-Ab3d-0000-ada-key: 1\n".to_owned()),
            ("a.yaml", "tokens:\n  Ab3dEf6hIj9lMn2pQr5tUv8x:\n    user: ada\n".to_owned()),
            ("a.ini", "[secrets]\nsk-Ab3d-0000-ada-key = 1\n".to_owned()),
        ] {
            let found = format!("{:?}", hidden_in(name, content.as_bytes()).unwrap());
            assert!(!found.contains("Ab3d"), "{found}");
        }
        let of_variables = crate::secrets::dot_env_names(&format!("{token}=1\n"));
        assert_eq!(of_variables, [(1, "[…]".to_owned())]);
    }

    #[test]
    fn looking_at_bombs_ends() {
        let aliases = format!("a: &a {}\nb: [{}]\n", "x".repeat(200_000), "*a,".repeat(90_000));
        for (name, content) in [
            ("a.json", format!("{{\"a\": 1{}}}", ", \"a\": 1".repeat(60_000))),
            ("a.yaml", aliases),
            ("a.yaml", "a:\n".repeat(10) + &"[".repeat(100_000)),
            ("a.toml", "x = [".repeat(90_000)),
            ("a.ini", "\n".repeat(400_000) + "a"),
            ("a.ini", "token=\n".repeat(60_000)),
        ] {
            assert_eq!(places(name, content), Vec::<String>::new());
        }
    }
}

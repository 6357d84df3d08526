//! What a folder or a text that a person hands over has in it: the files that may come along, and what is withheld for a
//! secret or stays for another reason. Nothing is imported here; that is for the caller.

use std::path::Path;

use bowline_core::document::FilePath;

use crate::openclaw::{Descend, Kit, walk};
use crate::secrets::{Hidden, hidden_in};
use crate::tree::{Sort, Tree};
use crate::{Event, ImportError, Item, Reporter};

pub use crate::secrets::SecretPlace;

/// Which files a document takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Texts alone, as an agent and a memory.
    Texts,
    /// Files of every sort, as a skill.
    Files,
}

/// A file that may come along.
#[derive(Clone, PartialEq, Eq)]
pub struct OfferedFile {
    /// The path of the file, seen from the folder.
    pub path: FilePath,
    /// What is in it.
    pub content: Vec<u8>,
    /// Whether it can be run.
    pub executable: bool,
}

impl std::fmt::Debug for OfferedFile {
    /// Content stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OfferedFile").field("len", &self.content.len()).finish_non_exhaustive()
    }
}

/// What a folder has in it.
#[derive(Debug)]
pub struct Offered {
    /// The files that may come along, the near ones first.
    pub files: Vec<OfferedFile>,
    /// What does not, each thing with its path from the folder and the reason. What is withheld for a secret is a
    /// [`What::Secret`](crate::What::Secret); what a person would miss has [failed](crate::Outcome::Failed).
    pub left: Vec<Item>,
}

/// Reads a folder as an import reads a workspace: no link is followed, secrets stay where they are, and so does what programs
/// make.
///
/// # Errors
/// [`ImportError::Unreadable`] if the folder cannot be read at all.
pub fn in_folder(folder: &Path, takes: Takes) -> Result<Offered, ImportError> {
    let unreadable = |source| ImportError::Unreadable { path: folder.to_owned(), source };
    let tree = Tree::open(folder).map_err(unreadable)?;
    let mut left = Vec::new();
    let mut on = |event: Event<'_>| {
        if let Event::Item(item) = event {
            left.push(item.clone());
        }
    };
    let mut report = Reporter::new(&mut on);
    let mut kit = match takes {
        Takes::Texts => Kit::of_texts("an agent"),
        Takes::Files => Kit::of_files("a skill"),
    };
    walk(&mut report, tree, "", &mut |report, tree, found, path| {
        if found.sort == Sort::File {
            kit.take(report, tree, found, path, path);
        }
        Descend::Yes
    });
    kit.report_beyond(&mut report);
    report.finish();
    let file = |kept: crate::openclaw::Kept| OfferedFile {
        path: kept.path,
        content: kept.content,
        executable: kept.executable,
    };
    Ok(Offered { files: kit.files.into_iter().map(file).collect(), left })
}

/// Where secrets are in one file that a person hands over, by its name and content; empty if it may be taken.
pub fn secrets_in_file(name: &str, content: &[u8]) -> Vec<SecretPlace> {
    match hidden_in(name, content) {
        Some(Hidden::File(why)) => vec![SecretPlace { at: None, why }],
        Some(Hidden::Members(places)) => places
            .into_iter()
            .map(|at| SecretPlace { at: Some(at), why: "it is called like a secret or looks like one" })
            .collect(),
        // What cannot be read by its format is looked at as a text.
        Some(Hidden::Unknown(_)) | None => {
            std::str::from_utf8(content).map(secrets_in_text).unwrap_or_default()
        }
    }
}

/// Where something looks like a secret in a text that a person writes, by line. It errs towards a warning: commands,
/// headers, settings and web addresses count, and words such as `<token>` or `YOUR_KEY` do not.
pub fn secrets_in_text(text: &str) -> Vec<SecretPlace> {
    crate::secrets::in_text(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Outcome, What};
    use std::fs;

    fn lines(text: &str) -> Vec<String> {
        secrets_in_text(text).into_iter().map(|place| place.at.unwrap_or_default()).collect()
    }

    #[test]
    fn a_folder_offers_its_files_and_withholds_what_is_secret_or_of_no_use() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, content: &[u8]| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        write("AGENTS.md", b"rules");
        write(".prettierrc", b"tabWidth: 2\n");
        write("notes/tea.md", b"brew");
        write("device.key", b"\x01\x02");
        write(".env", b"API_KEY=FAKE\n");
        write("settings.json", br#"{"apiKey": "FAKE"}"#);
        write("photo.jpg", b"\xff\xd8\xff\x00");
        write("latin.md", b"caf\xe9");
        write(".git/HEAD", b"ref");
        let paths = |offered: &Offered| -> Vec<String> {
            offered.files.iter().map(|file| file.path.to_string()).collect()
        };
        let offered = in_folder(folder.path(), Takes::Texts).unwrap();
        assert_eq!(paths(&offered), [".prettierrc", "AGENTS.md", "notes/tea.md"]);
        let left: Vec<_> =
            offered.left.iter().map(|item| (item.path.as_str(), item.what, item.outcome)).collect();
        assert_eq!(
            left,
            [
                (".env", What::Secret, Outcome::Skipped),
                (".git/", What::File, Outcome::Skipped),
                ("device.key", What::Secret, Outcome::Skipped),
                ("latin.md", What::File, Outcome::Failed),
                ("photo.jpg", What::File, Outcome::Failed),
                ("settings.json", What::Secret, Outcome::Skipped),
            ]
        );
        assert!(!format!("{offered:?}").contains("FAKE"));
        let offered = in_folder(folder.path(), Takes::Files).unwrap();
        assert!(paths(&offered).contains(&"photo.jpg".to_owned()));
        assert!(in_folder(&folder.path().join("gone"), Takes::Files).is_err());
    }

    #[test]
    fn a_text_is_searched_line_by_line_and_nothing_of_a_secret_is_repeated() {
        let text = "My notes\nexport API_KEY='abc123'\n\nthe password: hunter2x9, please\nsee https://ada:pw12@example.org\n\
                    ghp_0123456789abcdefghij is the token\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE\n\
                    -----END OPENSSH PRIVATE KEY-----\n";
        assert_eq!(lines(text), ["line 2", "line 4", "line 5", "line 6", "line 7"]);
        assert!(!format!("{:?}", secrets_in_text(text)).contains("hunter2"));
    }

    #[test]
    fn what_people_say_about_secrets_is_not_one() {
        for text in [
            "How do I rotate an API key?",
            "Set `API_KEY=<your key>` and run it.",
            "Run it with `--api-key KEY`",
            "token: YOUR_TOKEN",
            "The password is in the safe; ask Ben: he knows.",
            "export TOKEN=$GITHUB_TOKEN",
            "max_tokens = 4096",
            "",
        ] {
            assert_eq!(lines(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_file_is_searched_by_its_format_and_else_as_a_text() {
        let at = |name: &str, content: &str| -> Vec<Option<String>> {
            secrets_in_file(name, content.as_bytes()).into_iter().map(|place| place.at).collect()
        };
        let line = |text: &str| vec![Some(text.to_owned())];
        assert_eq!(at("a.json", r#"{"apiKey": "abc"}"#), line("apiKey"));
        assert_eq!(at("AGENTS.md", "Use:\nexport API_KEY=abc123\n"), line("line 2"));
        assert_eq!(at("half.json", "{\"a\": \n\"Bearer abc123def456\""), line("line 2"));
        assert_eq!(at("token.txt", "abc"), [None]);
        assert_eq!(at("AGENTS.md", "Be kind.\n"), []);
    }
}

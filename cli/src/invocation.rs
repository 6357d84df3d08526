//! One invocation: which home it is about, and how it speaks. Answers go to stdout, as text or JSON; talk, questions and
//! errors to stderr.

use std::fmt::{Arguments, Display, Write as _};
use std::io::{self, BufRead, Write};
use std::path::PathBuf;

use bowline_engine::ids::Millis;
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::error::{CommandError, ErrorCode, ErrorLine};
use crate::host::{Host, Stderr};
use crate::qr::{Ink, Qr};
use crate::text::json_safe;

/// The folder of a home, in the folder of its user.
const HOME: &str = ".bowline";

/// What shows long answers if `PAGER` names nothing else.
const PAGER: &str = "less";

/// Columns of lists, where the width of a terminal is not known: what every terminal shows.
const COLUMNS: usize = 80;

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const CYAN: &str = "\x1b[1;36m";
const PLAIN: &str = "\x1b[0m";

/// Options that every command has.
#[derive(Args, Debug, Default)]
pub(crate) struct Global {
    /// Where this device keeps everything [default: `$BOWLINE_HOME`, else `~/.bowline`]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub(crate) home: Option<PathBuf>,
    /// Print answers as JSON
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Global options")]
    pub(crate) color: Color,
    /// Print answers, warnings and errors only
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,
    /// Say what goes on behind the scenes; twice for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub(crate) verbose: u8,
}

/// When words like "Error" are coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always, also into a file.
    Always,
    /// Never, also on a terminal.
    Never,
}

/// One invocation of the program.
pub(crate) struct Invocation<'h> {
    pub(crate) host: &'h mut Host,
    home: Option<PathBuf>,
    json: bool,
    talk: Talk,
    color: bool,
}

/// How much talk is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Talk {
    /// Answers, warnings and errors only.
    Quiet,
    /// What a person may want to know.
    Usual,
    /// Everything there is to say.
    Verbose,
}

impl<'h> Invocation<'h> {
    pub(crate) fn new(host: &'h mut Host, global: &Global) -> Self {
        let color = match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let no_color = (host.env)("NO_COLOR").is_some_and(|value| !value.is_empty());
                let dumb = (host.env)("TERM").is_some_and(|term| term == "dumb");
                host.terminal.stderr && !no_color && !dumb
            }
        };
        let talk = match global {
            Global { quiet: true, .. } => Talk::Quiet,
            Global { verbose: 1.., .. } => Talk::Verbose,
            _ => Talk::Usual,
        };
        Self { host, home: global.home.clone(), json: global.json, talk, color }
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Millis {
        (self.host.clock)()
    }

    /// The folder this invocation is about, whether or not there is a home in it.
    pub(crate) fn folder(&self) -> Result<PathBuf, CommandError> {
        let set = |name| (self.host.env)(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let chosen = self.home.clone().or_else(|| set("BOWLINE_HOME"));
        chosen.or_else(|| set("HOME").map(|user| user.join(HOME))).ok_or_else(|| {
            CommandError::new(ErrorCode::NoUserFolder, "It is not known where this user's home is")
                .hint("say where with --home DIR or BOWLINE_HOME")
        })
    }

    /// Whether answers are for a program.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether talk is unwanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.talk == Talk::Quiet
    }

    /// Whether more talk is wanted than there is by default.
    pub(crate) fn is_verbose(&self) -> bool {
        self.talk == Talk::Verbose
    }

    /// Whether a person looks at the talk as it comes, and wants it.
    pub(crate) fn shows_progress(&self) -> bool {
        self.host.terminal.stderr && !self.is_quiet()
    }

    /// Shows a QR code beside an answer, if a person looks at the talk; says so if the terminal is too narrow for it.
    pub(crate) fn show_qr(&mut self, text: &str) {
        if !self.shows_progress() || self.json {
            return;
        }
        let Some(qr) = Qr::of(text) else { return };
        let (needed, there) = (qr.columns(), self.host.terminal.columns.unwrap_or(COLUMNS));
        if needed > there {
            return self.hint(format_args!(
                "as a QR code this takes {needed} columns, and the terminal has {there}: make it wider and run this again, or take the line"
            ));
        }
        self.line(&qr.draw(if self.color { Ink::Colors } else { Ink::Plain }));
    }

    /// How wide answers are for people.
    fn columns(&self) -> usize {
        let terminal = self.host.terminal;
        terminal.columns.filter(|_| terminal.stdout).unwrap_or(COLUMNS)
    }

    fn word(&self, color: &str, word: &str) -> String {
        if self.color { format!("{color}{word}{PLAIN}") } else { word.to_owned() }
    }

    /// The answer this invocation was for.
    pub(crate) fn answer(&mut self, answer: &(impl Display + Serialize)) -> Result<(), CommandError> {
        if !self.json {
            // Tables fit into that.
            return self.print(format!("{answer:columns$}", columns = self.columns()).as_bytes());
        }
        let json = serde_json::to_string_pretty(answer).map_err(|error| {
            CommandError::new(ErrorCode::Bug, "The answer cannot be written as JSON").because(&error)
        })?;
        self.print((json_safe(&json) + "\n").as_bytes())
    }

    /// A long answer: on a terminal page by page, elsewhere as [`Self::answer`] gives it.
    pub(crate) fn answer_in_pages(
        &mut self,
        answer: &(impl Display + Serialize),
    ) -> Result<(), CommandError> {
        let pager = (self.host.env)("PAGER").unwrap_or_else(|| PAGER.into());
        if self.json || !self.host.terminal.stdout || pager.is_empty() {
            return self.answer(answer);
        }
        match (self.host.page)(&pager, answer.to_string().as_bytes()) {
            Ok(()) => Ok(()),
            // Without its program a page is better shown at once than not at all.
            Err(error) => {
                tracing::debug!(%error, "the pager cannot be run");
                self.answer(answer)
            }
        }
    }

    /// An answer for programs only: what a person needs to know was said on the way.
    pub(crate) fn answer_in_json(&mut self, answer: &impl Serialize) -> Result<(), CommandError> {
        if self.json { self.answer(&Silent(answer)) } else { Ok(()) }
    }

    /// Bytes for stdout.
    pub(crate) fn print(&mut self, bytes: &[u8]) -> Result<(), CommandError> {
        let written = self.host.stdout.write_all(bytes).and_then(|()| self.host.stdout.flush());
        written.map_err(|error| CommandError::output(&error))
    }

    /// Talk: what a person may want to know beside the answer.
    pub(crate) fn say(&mut self, text: Arguments<'_>) {
        if !self.is_quiet() {
            self.line(&text.to_string());
        }
    }

    /// What to do next.
    pub(crate) fn hint(&mut self, text: Arguments<'_>) {
        if !self.is_quiet() {
            let word = self.word(CYAN, "Hint:");
            self.line(&format!("{word} {text}"));
        }
    }

    /// Something that is not as it should be, and did not stop the command.
    pub(crate) fn warn(&mut self, text: Arguments<'_>) {
        let word = self.word(YELLOW, "Warning:");
        self.line(&format!("{word} {text}"));
    }

    /// Why the command did not do what was asked.
    pub(crate) fn error(&mut self, error: &CommandError) {
        if self.json {
            return write_error_line(&mut self.host.stderr, error);
        }
        let mut text = format!("{} {}", self.word(RED, "Error:"), error.message);
        match error.causes.as_slice() {
            [] => {}
            [cause] => {
                let _ = write!(text, "\nCaused by: {cause}");
            }
            causes => {
                text.push_str("\nCaused by:");
                for (index, cause) in causes.iter().enumerate() {
                    let _ = write!(text, "\n{}: {cause}", index + 1);
                }
            }
        }
        for hint in &error.hints {
            let _ = write!(text, "\n{} {hint}", self.word(CYAN, "Hint:"));
        }
        self.line(&text);
    }

    /// Talk that cannot be written is not worth failing for: the answer and the exit code still say what happened.
    fn line(&mut self, text: &str) {
        if let Err(error) = writeln!(self.host.stderr, "{text}") {
            tracing::debug!(%error, "stderr cannot be written");
        }
    }

    /// Whether there is a person to ask.
    pub(crate) fn can_ask(&self) -> bool {
        self.host.terminal.stdin && self.host.terminal.stderr
    }

    /// Asks a question that is answered with yes or no; no is the default. `None` if there is nobody to ask.
    pub(crate) fn ask(&mut self, question: &str) -> Result<Option<bool>, CommandError> {
        if !self.can_ask() {
            return Ok(None);
        }
        let unread = |error: io::Error| {
            CommandError::new(ErrorCode::InputFailed, "The answer could not be read").because(&error)
        };
        let asked = write!(self.host.stderr, "{question} [y/N] ");
        asked.and_then(|()| self.host.stderr.flush()).map_err(unread)?;
        let mut answer = String::new();
        self.host.stdin.read_line(&mut answer).map_err(unread)?;
        let answer = answer.trim().to_lowercase();
        Ok(Some(answer == "y" || answer == "yes"))
    }

    /// Goes on only if a person says so, now or with `--yes`.
    pub(crate) fn confirm(&mut self, yes: bool, question: &str) -> Result<(), CommandError> {
        if yes {
            return Ok(());
        }
        match self.ask(question)? {
            Some(true) => Ok(()),
            Some(false) => Err(CommandError::new(ErrorCode::Unconfirmed, "Nothing was changed")),
            None => {
                let message = format!("This needs a yes, and there is nobody to ask: {question}");
                Err(CommandError::new(ErrorCode::Unconfirmed, message).hint("run it again with --yes"))
            }
        }
    }
}

/// An error for programs, as one line of JSON.
pub(crate) fn write_error_line(stderr: &mut Stderr, error: &CommandError) {
    let line = serde_json::to_string(&ErrorLine::from(error)).map(|json| json_safe(&json));
    let written = line.map_err(io::Error::other).and_then(|json| writeln!(stderr, "{json}"));
    if let Err(error) = written {
        tracing::debug!(%error, "stderr cannot be written");
    }
}

/// An answer without words.
#[derive(Serialize)]
#[serde(transparent)]
struct Silent<'a, T>(&'a T);

impl<T> Display for Silent<'_, T> {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

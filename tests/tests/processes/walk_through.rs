//! docs/WORKSPACES.md, as a person would follow it: its commands over real binaries and TLS, and what they print against what the page shows.

use std::fmt::Write;
use std::process::Stdio;

use tempfile::TempDir;

use super::readme::{Group, shell};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/WORKSPACES.md");

/// What begins a block of the page whose commands are run.
const BLOCK: &str = "```console\n";

/// A command of the page, and what it prints.
struct Step {
    command: String,
    output: String,
}

/// The steps of all blocks of the page, in order.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in page.split(BLOCK).skip(1) {
        let (block, _) = block.split_once("```").expect("a block ends");
        for line in block.lines() {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push(Step { command: command.to_owned(), output: String::new() }),
                (None, Some(step)) => writeln!(step.output, "{line}").expect("a string takes everything"),
                (None, None) => panic!("a block begins with a command: {line}"),
            }
        }
    }
    steps
}

/// Runs all commands in one shell, one after the other; gives what each prints, talk and answers as they come.
fn run(steps: &[Step]) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let mut script = String::new();
    for (n, step) in steps.iter().enumerate() {
        let (command, file) = (&step.command, out.join(n.to_string()));
        // Not in a subshell: what a command sets, later ones use. The code by which it ends stands at the end.
        write!(script, "{{ {command}\n}} >{0} 2>&1; echo \"exit $?\" >>{0}\n", file.display()).unwrap();
    }
    let mut command = shell(folder.path());
    command.args(["-c", &script]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut shell = command.spawn().unwrap();
    let _group = Group(shell.id());
    shell.wait().unwrap();
    (0..steps.len()).map(|n| said(&std::fs::read_to_string(out.join(n.to_string())).unwrap())).collect()
}

/// What the page shows of an output: nothing of how a line comes about, and the exit code only if it is not 0.
fn said(output: &str) -> String {
    let is_shown = |line: &&str| {
        let is_of_a_line = line.starts_with("workspace ")
            && [": connecting", ": connected", ": no connection"].iter().any(|it| line.contains(it));
        !is_of_a_line && *line != "exit 0"
    };
    output.lines().filter(is_shown).fold(String::new(), |all, line| all + line.trim_end() + "\n")
}

/// A line without what is another one each time: ids, addresses, dates, and how long ago something was.
fn masked(line: &str) -> String {
    let line = line.replace("just now", "NOW");
    let mut words: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        // A column that is too narrow cuts an id short.
        let shortest = if word.starts_with('(') { 1 } else { 4 };
        let is_hex = bare.len() >= shortest && bare.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
        let is_id = is_hex
            && (words.is_empty()
                || word.starts_with('(')
                || bare.contains(|c: char| c.is_ascii_digit())
                || words.last().is_some_and(|before| before == "device" || before == "ID"));
        let is_date = bare.len() == 10 && bare.starts_with("20") && bare.contains('-');
        words.push(if is_id {
            word.replace(bare, "ID")
        } else if word.contains("wss://") {
            "ADDRESS".to_owned()
        } else if is_date || (bare.len() == 5 && bare.contains(':')) {
            "DATE".to_owned()
        } else {
            word.to_owned()
        });
    }
    let line = words.join(" ");
    // A slow machine takes some seconds from one command to the next.
    let mut parts = line.split(" s ago").map(|it| it.trim_end_matches(|c: char| c.is_ascii_digit()));
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + "NOW" + part)
}

/// All lines without that, in an order of their own: rows of a table come by id.
fn masked_all(output: &str) -> Vec<String> {
    let mut lines: Vec<String> = output.lines().map(masked).collect();
    lines.sort();
    lines
}

#[test]
fn the_page_of_workspaces_shows_what_its_commands_print() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let steps = steps(&page);
    assert!(steps.len() > 20, "the walk has steps");
    let outputs = run(&steps);
    if std::env::var_os("BOWLINE_WRITE_PAGES").is_some() {
        let mut written = page.clone();
        let mut from = 0;
        for (step, output) in steps.iter().zip(&outputs) {
            let before = format!("$ {}\n{}", step.command, step.output);
            let at = from + written[from..].find(&before).expect("the step is on the page");
            let after = format!("$ {}\n{output}", step.command);
            written.replace_range(at..at + before.len(), &after);
            from = at + after.len();
        }
        std::fs::write(PAGE, written).unwrap();
        return;
    }
    for (step, output) in steps.iter().zip(&outputs) {
        assert_eq!(masked_all(output), masked_all(&step.output), "$ {}\n{output}", step.command);
    }
}

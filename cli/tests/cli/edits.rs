//! Edits of files that know what they were made from: with a version, in an editor, in a folder that was checked out, and after a
//! question.

use insta::assert_snapshot;

use crate::machine::{Machine, Ran, write};
use crate::relay::TestRelay;
use crate::shared::{joined, ok, owner};

/// Ana and Ben, who share an agent with one file; its id, and the version that Ana has seen.
struct Pair {
    ana: Machine,
    ben: Machine,
    id: String,
    version: String,
    _relay: TestRelay,
}

impl Pair {
    fn with(file: &str, text: &str) -> Self {
        let relay = TestRelay::start();
        let mut ana = owner(&relay);
        write(&ana.path("cook").join(file), text);
        let id = ana.made("agent new Cook --from ~/cook");
        ok(&mut ana, "sync");
        let code = ok(&mut ana, "workspace invite");
        let ben = joined("desktop", "Ben", &code);
        let version = version(&mut ana, &id, file);
        let mut pair = Self { ana, ben, id, version, _relay: relay };
        pair.sync();
        pair
    }

    fn sync(&mut self) {
        for _ in 0..2 {
            ok(&mut self.ana, "sync");
            ok(&mut self.ben, "sync");
        }
    }

    /// Ben's edit, which reaches Ana.
    fn ben_writes(&mut self, file: &str, text: &str) {
        write(&self.ben.path("new.md"), text);
        let id = &self.id;
        // He has looked; there may be nothing yet.
        self.ben.run(&format!("agent show {id} --file {file}"));
        ok(&mut self.ben, &format!("agent edit {id} --from ~/new.md --as {file}"));
        self.sync();
    }

    fn ana_has(&mut self, file: &str) -> String {
        let id = self.id.clone();
        ok(&mut self.ana, &format!("agent show {id} --file {file}"))
    }

    fn told(&mut self, line: &str, ran: &Ran) -> String {
        let id = self.id.clone();
        self.ana.told(&line.replace(&id, "COOK"), ran)
    }
}

fn version(machine: &mut Machine, id: &str, file: &str) -> String {
    let shown = ok(machine, &format!("--json agent show {id} --file {file}"));
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    shown["version"].as_str().unwrap().to_owned()
}

/// An editor that runs these lines of shell; the file is `$1`.
#[cfg(unix)]
fn editor(machine: &mut Machine, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = machine.path("an editor");
    write(&path, &format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    machine.env.insert("EDITOR".to_owned(), format!("'{}'", path.display()).into());
}

#[test]
fn a_stale_edit_with_its_base_leaves_what_others_wrote() {
    let mut pair = Pair::with("AGENTS.md", "Cook well.\nTaste often.\n");
    pair.ben_writes("AGENTS.md", "Cook well.\nTaste often.\nNo nuts, says Ben.\n");
    write(&pair.ana.path("AGENTS.md"), "Cook very well.\nTaste often.\n");
    let line = format!("agent edit {} --from ~/AGENTS.md --base {}", pair.id, &pair.version[..12]);
    let ran = pair.ana.run(&line);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("AGENTS.md was merged with what others wrote since"), "{}", ran.stderr);
    let merged = "Cook very well.\nTaste often.\nNo nuts, says Ben.\n";
    assert_eq!(pair.ana_has("AGENTS.md"), merged);
    pair.sync();
    let id = pair.id.clone();
    assert_eq!(ok(&mut pair.ben, &format!("agent show {id} --file AGENTS.md")), merged);
}

#[test]
fn a_stale_edit_without_its_base_says_what_it_would_remove_and_asks() {
    let mut pair = Pair::with("AGENTS.md", "Cook well.\n");
    pair.ben_writes("AGENTS.md", "Cook well.\nNo nuts, says Ben.\n");
    write(&pair.ana.path("AGENTS.md"), "Cook very well.\n");
    let line = format!("agent edit {} --from ~/AGENTS.md", pair.id);
    let ran = pair.ana.run(&line);
    assert_snapshot!(pair.told("agent edit COOK --from ~/AGENTS.md", &ran));
    pair.ana_has("AGENTS.md");

    // Now that they have looked, it is their decision.
    let ran = pair.ana.run(&line);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(pair.ana_has("AGENTS.md"), "Cook very well.\n");
    pair.sync();
    pair.ben_writes("AGENTS.md", "Cook very well.\nNo nuts!\n");
    let terminal = pair.ana.terminal;
    pair.ana.terminal = bowline::Terminal { stdin: true, stderr: true, ..terminal };
    let ran = pair.ana.run_with(&line, "n\n");
    assert!(ran.stderr.contains("No nuts!") && ran.stderr.contains("[y/N]"), "{}", ran.stderr);
    assert_eq!(ran.code, 8);
    pair.ana.terminal = terminal;
    let ran = pair.ana.run(&format!("agent edit {} --remove-file AGENTS.md", pair.id));
    assert_eq!(ran.code, 8, "a removal takes it away as well: {}", ran.stderr);
    assert_eq!(pair.ana.run(&format!("{line} --yes")).code, 0);
    assert_eq!(pair.ana_has("AGENTS.md"), "Cook very well.\n");
}

#[test]
fn an_edit_of_what_nobody_else_has_written_is_not_asked_about() {
    let mut pair = Pair::with("AGENTS.md", "Cook well.\n");
    pair.ben_writes("notes.md", "Ben's\n");
    write(&pair.ana.path("AGENTS.md"), "Cook very well.\n");
    let ran = pair.ana.run(&format!("agent edit {} --from ~/AGENTS.md", pair.id));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn a_version_is_said_beside_the_answer_and_one_that_is_not_there_is_refused() {
    let mut machine = Machine::with_home();
    write(&machine.path("cook/AGENTS.md"), "Cook well.\n");
    machine.made("agent new Cook --from ~/cook");
    assert_snapshot!(machine.story(&[
        "agent show @1 --file AGENTS.md",
        "agent show @1 --file AGENTS.md --json",
        "agent edit @1 --from ~/cook/AGENTS.md --base 0123456789ab",
        "agent edit @1 --from ~/cook/AGENTS.md --base newest",
        "agent export @1 --output ~/out",
    ]));
}

#[test]
#[cfg(unix)]
fn what_others_write_while_an_editor_is_open_stays() {
    let mut machine = Machine::with_home();
    write(&machine.path("cook/AGENTS.md"), "Cook well.\nTaste often.\n");
    write(&machine.path("theirs.md"), "Cook well.\nTaste often.\nWritten meanwhile.\n");
    let id = machine.made("agent new Cook --from ~/cook");
    let (home, theirs) = (machine.path(".bowline"), machine.path("theirs.md"));
    let (bowline, home, theirs) = (env!("CARGO_BIN_EXE_bowline"), home.display(), theirs.display());
    // The home is free while the editor is open: another process writes into the same file.
    editor(
        &mut machine,
        &format!(
            "'{bowline}' --home '{home}' agent edit {id} --from '{theirs}' --as AGENTS.md --yes 2>/dev/null >&2 || exit 3\n\
             sed 's/well/very well/' \"$1\" > \"$1.new\" && mv \"$1.new\" \"$1\""
        ),
    );
    let ran = machine.run(&format!("agent edit {id}"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let shown = ok(&mut machine, &format!("agent show {id} --file AGENTS.md"));
    assert_eq!(shown, "Cook very well.\nTaste often.\nWritten meanwhile.\n");
}

#[test]
#[cfg(unix)]
fn an_editor_that_fails_or_changes_nothing_changes_nothing_and_no_draft_is_lost() {
    let mut machine = Machine::with_home();
    write(&machine.path("cook/AGENTS.md"), "Cook well.\n");
    let id = machine.made("agent new Cook --from ~/cook");
    let before = version(&mut machine, &id, "AGENTS.md");
    editor(&mut machine, "true");
    let ran = machine.run(&format!("agent edit {id}"));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, "Nothing was changed.\n"));
    editor(&mut machine, "exit 4");
    let ran = machine.run(&format!("agent edit {id}"));
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert_eq!(version(&mut machine, &id, "AGENTS.md"), before);
    editor(&mut machine, "echo 'export API_KEY=abc123' >> \"$1\"");
    let ran = machine.run(&format!("agent edit {id} --json"));
    assert_eq!(ran.code, 8, "{}", ran.stderr);
    let error: serde_json::Value = serde_json::from_str(ran.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(error["error"]["code"], "secret_inside");
    let hint = error["error"]["hint"].as_str().unwrap();
    let kept = hint.lines().find_map(|line| line.strip_prefix("what you wrote is kept in ")).unwrap();
    let kept = std::path::Path::new(kept.trim());
    let draft = std::fs::read_to_string(kept.join("AGENTS.md")).unwrap();
    assert_eq!(draft, "Cook well.\nexport API_KEY=abc123\n");
    std::fs::remove_dir_all(kept).unwrap();
    // A new file, in a document where it is not clear which one is meant.
    let two = machine.made("agent new Two");
    assert_eq!(machine.run(&format!("agent edit {two}")).code, 7);
    editor(&mut machine, "echo 'Be kind.' > \"$1\"");
    ok(&mut machine, &format!("agent edit {two} --file rules/KIND.md"));
    assert_eq!(ok(&mut machine, &format!("agent show {two} --file rules/KIND.md")), "Be kind.\n");
}

#[test]
fn a_folder_that_was_checked_out_brings_back_what_was_changed_in_it_and_nothing_else() {
    let mut pair = Pair::with("AGENTS.md", "Cook well.\nTaste often.\n");
    let id = pair.id.clone();
    pair.ben_writes("old.md", "old\n");
    pair.ben_writes("both.md", "both\n");
    let ran = pair.ana.run(&format!("agent checkout {id} ~/work"));
    assert_snapshot!("checkout", pair.told("agent checkout COOK ~/work", &ran));
    pair.ben_writes("AGENTS.md", "Cook well.\nTaste often.\nNo nuts, says Ben.\n");
    pair.ben_writes("bens.md", "Ben's\n");
    pair.ben_writes("both.md", "both, says Ben\n");
    let at = |pair: &Pair, file: &str| pair.ana.path("work").join(file);
    write(&at(&pair, "AGENTS.md"), "Cook very well.\nTaste often.\n");
    write(&at(&pair, "new/mine.md"), "mine\n");
    for gone in ["old.md", "both.md"] {
        std::fs::remove_file(at(&pair, gone)).unwrap();
    }
    let ran = pair.ana.run("agent commit ~/work");
    assert_snapshot!("commit", pair.told("agent commit ~/work", &ran));
    let read = |pair: &Pair, file: &str| std::fs::read_to_string(at(pair, file)).ok();
    let both = "Cook very well.\nTaste often.\nNo nuts, says Ben.\n";
    for (file, text) in [
        ("AGENTS.md", both),
        ("new/mine.md", "mine\n"),
        ("bens.md", "Ben's\n"),
        ("both.md", "both, says Ben\n"),
    ] {
        assert_eq!(read(&pair, file).as_deref(), Some(text), "{file}");
        assert_eq!(pair.ana_has(file), text, "{file}");
    }
    assert_eq!(read(&pair, "old.md"), None);
    assert_eq!(pair.ana.run(&format!("agent show {id} --file old.md")).code, 7);

    // And once more from there: the folder knows its new version.
    let ran = pair.ana.run("agent commit ~/work");
    assert!(ran.stderr.starts_with("You have changed nothing there.\n"), "{}", ran.stderr);
    write(&at(&pair, "bens.md"), "Ben's and mine\n");
    ok(&mut pair.ana, "agent commit ~/work");
    assert_eq!(pair.ana_has("bens.md"), "Ben's and mine\n");
    assert_eq!(pair.ana_has("AGENTS.md"), both);
}

#[test]
fn a_folder_that_was_not_checked_out_is_not_committed() {
    let mut machine = Machine::with_home();
    write(&machine.path("cook/AGENTS.md"), "Cook well.\n");
    machine.made("agent new Cook --from ~/cook");
    assert_snapshot!(machine.story(&[
        "agent commit ~/cook",
        "agent commit ~/nowhere",
        "agent checkout @1 ~/cook"
    ]));
}

#[test]
#[cfg(unix)]
fn what_a_link_in_a_checked_out_folder_leads_to_is_neither_read_nor_written() {
    let mut machine = Machine::with_home();
    write(&machine.path("cook/AGENTS.md"), "Cook well.\n");
    write(&machine.path("diary.md"), "private\n");
    let id = machine.made("agent new Cook --from ~/cook");
    ok(&mut machine, &format!("agent checkout {id} ~/work"));
    let link = machine.path("work/AGENTS.md");
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(machine.path("diary.md"), &link).unwrap();
    let ran = machine.run("agent commit ~/work");
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert!(ran.stderr.contains("it is not a file any more"), "{}", ran.stderr);
    assert_eq!(ok(&mut machine, &format!("agent show {id} --file AGENTS.md")), "Cook well.\n");
    assert_eq!(std::fs::read_to_string(machine.path("diary.md")).unwrap(), "private\n");
    assert!(link.is_symlink());
}

#[test]
fn what_looks_like_a_secret_comes_in_only_if_a_person_says_so() {
    let mut machine = Machine::with_home();
    write(&machine.path("cook/AGENTS.md"), "Cook well.\n");
    write(&machine.path("keys.md"), "export API_KEY=abc123\n");
    machine.made("agent new Cook --from ~/cook");
    assert_snapshot!(machine.story(&[
        "agent edit @1 --from ~/keys.md",
        "agent edit @1 --from ~/keys.md --allow-secret",
        "agent new Two --from ~/keys.md",
    ]));
    write(&machine.path("cook/rules.md"), "Use:\nexport API_KEY=abc123\n");
    write(&machine.path("cook/.env"), "API_KEY=abc123\n");
    let refused = machine.run("agent new Three --from ~/cook");
    assert_eq!(refused.code, 8, "{}", refused.stderr);
    assert!(!(refused.stderr + &refused.stdout).contains("abc123"), "a secret is not repeated");
    let id = machine.made("agent new Three --from ~/cook --allow-secret");
    assert_eq!(ok(&mut machine, &format!("agent show {id} --file .env")), "API_KEY=abc123\n");
}

#[test]
fn a_skill_and_a_memory_are_made_edited_checked_out_and_committed_by_hand() {
    let mut machine = Machine::with_home();
    write(&machine.path("groceries/SKILL.md"), "---\nname: groceries\n---\nBuy milk.\n");
    write(&machine.path("groceries/list.sh"), "#!/bin/sh\necho milk\n");
    std::fs::write(machine.path("groceries/dot.png"), [0x89, 0x50, 0x00]).unwrap();
    write(&machine.path("USER.md"), "Likes tea.\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let script = machine.path("groceries/list.sh");
        std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    machine.made("skill new groceries --from ~/groceries");
    machine.made("memory new 'About me' --from ~/USER.md");
    assert_snapshot!(
        "made_by_hand",
        machine.story(&[
            "skill show @1",
            "skill edit @1 --name Shopping --remove-file list.sh",
            "skill checkout @1 ~/work",
            "memory show @2",
            "memory checkout @2 ~/me",
        ])
    );
    std::fs::write(machine.path("work/dot.png"), [0x89, 0x00, 0x01]).unwrap();
    write(&machine.path("work/run.sh"), "#!/bin/sh\n");
    write(&machine.path("me/USER.md"), "Likes tea and rain.\n");
    assert_snapshot!(
        "committed_by_hand",
        machine.story(&[
            "skill commit ~/work",
            "skill show @1",
            "memory commit ~/me",
            "memory show @2 --file USER.md",
            "memory edit @2 --from ~/USER.md",
            "agent commit ~/me",
        ])
    );
    let out = machine.path("out");
    assert_eq!(machine.run("skill export Shopping --output ~/out").code, 0);
    assert_eq!(std::fs::read(out.join("dot.png")).unwrap(), [0x89, 0x00, 0x01]);
}

#[test]
fn what_two_changed_at_once_is_said_when_it_arrives_and_until_somebody_looks() {
    let mut pair = Pair::with("AGENTS.md", "Cook well.\nTaste often.\n");
    let id = pair.id.clone();
    for (machine, text, name) in
        [(&mut pair.ana, "Cook very well.\n", "Chef"), (&mut pair.ben, "Cook gently.\n", "Baker")]
    {
        write(&machine.path("AGENTS.md"), &format!("{text}Taste often.\n"));
        ok(machine, &format!("agent edit {id} --from ~/AGENTS.md --name {name} --yes"));
    }
    ok(&mut pair.ben, "sync");
    let both =
        "Ben changed the same lines of AGENTS.md at the same time as you: line 1 has what both of you wrote";
    let said = pair.ana.run("sync").stderr;
    assert!(said.contains(both) && said.contains("Ben renamed it at the same time as you"), "{said}");
    let status = pair.ana.run("status").stdout;
    assert!(
        status.contains(both) && status.contains(&format!("`bowline agent show {}", &id[..4])),
        "{status}"
    );
    let program = ok(&mut pair.ana, "--json status");
    let program: serde_json::Value = serde_json::from_str(&program).unwrap();
    assert_eq!(
        (&program["overlaps"][0]["document"], &program["overlaps"][1]["text"]),
        (&id.clone().into(), &both.into())
    );
    ok(&mut pair.ana, &format!("--json agent show {id}"));
    let shown = pair.ana.run(&format!("agent show {id}"));
    assert!(shown.stderr.contains(both), "a program's look does not count as a person's: {}", shown.stderr);
    let again = pair.ana.run("status");
    assert!(!again.stdout.contains("at the same time"), "{}", again.stdout);
    let bens = pair.ben.run("sync");
    assert!(bens.stderr.contains("Ana changed the same lines of AGENTS.md"), "{}", bens.stderr);
}

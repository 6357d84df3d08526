//! Skills and memories: listed, shown, exported, in the trash.

use insta::assert_snapshot;

use crate::machine::{Machine, sample_home};

/// A machine that has imported the sample home; its skill is `@1`, its memories `@2` and `@3`.
fn imported() -> Machine {
    let mut machine = Machine::with_home();
    sample_home(&machine.path(".openclaw"));
    assert_eq!(machine.run("import openclaw").code, 0);
    for list in ["skill list", "memory list"] {
        machine.learn(list);
    }
    machine
}

#[test]
fn a_skill_from_the_list_to_the_trash_and_back() {
    let mut machine = imported();
    assert_snapshot!(machine.story(&[
        "skill list",
        "skill show @1",
        "skill show @1 --file references/voices.md",
        "skill show @1 --file NOTHERE.md",
        "skill delete @1",
        "skill list",
        "skill list --trash",
        "skill restore @1",
        "skill list --quiet",
    ]));
}

#[test]
fn what_is_exported_of_a_skill_is_what_came_in_with_what_can_be_run() {
    let mut machine = imported();
    assert_snapshot!(machine.story(&["skill export @1 --output ~/out", "skill export @1 --output ~/out"]));
    let skill = machine.path(".openclaw/workspace/skills/rehearsal-plan");
    for file in ["SKILL.md", "scripts/weeks.sh", "references/voices.md", "assets/dot.png"] {
        let (before, after) = (skill.join(file), machine.path("out").join(file));
        assert_eq!(std::fs::read(&before).unwrap(), std::fs::read(&after).unwrap(), "{file}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let runs = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o100 != 0;
            assert_eq!(runs(before), runs(after), "{file}");
        }
    }
}

#[test]
fn what_is_not_text_goes_into_a_file_and_not_to_a_terminal() {
    let mut machine = imported();
    let id = machine.id(1).to_owned();
    let shown = machine.run(&format!("skill show {id} --file assets/dot.png --json"));
    assert!(shown.stdout.contains("\"text\": null"), "{}", shown.stdout);
    machine.terminal.stdout = true;
    let refused = machine.run(&format!("skill show {id} --file assets/dot.png"));
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{}", refused.stderr);
}

#[test]
fn a_memory_is_listed_shown_and_exported() {
    let mut machine = imported();
    assert_snapshot!(machine.story(&[
        "memory list",
        "memory show @2",
        "memory show @3 --file USER.md",
        "memory export @2 --output ~/out",
        "memory delete @2",
        "memory restore @2",
    ]));
}

#[test]
fn what_is_personal_is_not_offered_for_sharing_and_is_counted() {
    let mut machine = imported();
    let status = machine.run("status").stdout;
    let only_here = "Only on this device: 4 conversations, 2 agents, 1 skill and 2 memories\n";
    assert!(status.contains(only_here), "{status}");
}

#[test]
fn what_git_would_run_is_not_exported() {
    let mut machine = Machine::with_home();
    crate::machine::write(&machine.path("hook"), "#!/bin/sh\n");
    crate::machine::write(&machine.path("AGENTS.md"), "Be kind.\n");
    machine.made("agent new Trojan --from ~/AGENTS.md");
    assert_snapshot!(machine.story(&[
        "agent edit @1 --from ~/hook --as .git/hooks/post-checkout",
        "agent export @1 --output ~/out",
    ]));
    assert!(machine.path("out/AGENTS.md").exists() && !machine.path("out/.git").exists());
}

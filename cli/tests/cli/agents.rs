//! Agents: fields and files, in and out.

use insta::assert_snapshot;

use crate::machine::{Machine, write};

fn cook(machine: &Machine) {
    write(&machine.path("cook/AGENTS.md"), "Cook well.\nTaste often.\n");
    write(&machine.path("cook/memory/fridge.md"), "milk, eggs\n");
    write(&machine.path("cook/.git/config"), "hidden");
}

#[test]
fn an_agent_from_a_folder_to_the_trash_and_back() {
    let mut machine = Machine::with_home();
    cook(&machine);
    machine.made("agent new Cook --from ~/cook");
    assert_snapshot!(machine.story(&[
        "agent list",
        "agent edit @1 --model gemini-cook --description 'Knows what is in the fridge'",
        "agent show @1",
        "agent show @1 --file AGENTS.md",
        "agent edit @1 --remove-file memory/fridge.md --name Chef",
        "agent show @1",
        "agent delete @1",
        "agent list",
        "agent list --trash",
        "agent restore @1",
        "agent list",
    ]));
}

#[test]
fn a_whole_name_will_do_for_an_id_if_only_one_has_it() {
    let mut machine = Machine::with_home();
    let ran = |machine: &mut Machine, command: &str| {
        let ran = machine.run(command);
        (ran.code, ran.stdout + &ran.stderr)
    };
    let id = machine.made("agent new Cook");
    assert!(ran(&mut machine, "agent show Cook").1.starts_with("Cook\n"));
    assert_eq!(ran(&mut machine, "agent show Coo").0, 7, "a part of a name is none");

    // One in view goes before one in the trash, and one in the trash is found there.
    assert_eq!(ran(&mut machine, "agent delete Cook").0, 0);
    assert_eq!(ran(&mut machine, "agent restore Cook").0, 0);

    // An id goes before a name, whoever gave it.
    machine.made(&format!("agent new {id}"));
    assert!(ran(&mut machine, &format!("agent show {id}")).1.starts_with("Cook\n"));

    machine.made("agent new Cook");
    let (code, told) = ran(&mut machine, "agent show Cook");
    assert_eq!(code, 7);
    assert!(told.contains("\"Cook\" could be 2 agents"), "{told}");
}

#[test]
fn a_file_is_edited_from_a_file_under_its_name_or_another() {
    let mut machine = Machine::with_home();
    cook(&machine);
    let id = machine.made("agent new Cook");
    assert_eq!(machine.run(&format!("agent edit {id} --from ~/cook/AGENTS.md")).code, 0);
    assert_eq!(machine.run(&format!("agent edit {id} --from ~/cook/AGENTS.md --as rules/BASIC.md")).code, 0);
    write(&machine.path("cook/AGENTS.md"), "Cook well.\nTaste very often.\n");
    assert_eq!(machine.run(&format!("agent edit {id} --from ~/cook/AGENTS.md")).code, 0);
    let file =
        |machine: &mut Machine, path: &str| machine.run(&format!("agent show {id} --file {path}")).stdout;
    assert_eq!(file(&mut machine, "AGENTS.md"), "Cook well.\nTaste very often.\n");
    assert_eq!(file(&mut machine, "rules/BASIC.md"), "Cook well.\nTaste often.\n");
}

#[test]
fn what_is_exported_is_what_came_in() {
    let mut machine = Machine::with_home();
    cook(&machine);
    let id = machine.made("agent new Cook --from ~/cook");
    assert_eq!(machine.run(&format!("agent edit {id} --model gemini-cook")).code, 0);
    let ran = machine.run(&format!("agent export {id} --output ~/out"));
    assert_snapshot!(machine.told("agent export @1 --output ~/out", &ran));
    let read = |path: &str| std::fs::read_to_string(machine.path(path)).unwrap();
    assert_eq!(read("out/AGENTS.md"), "Cook well.\nTaste often.\n");
    assert_eq!(read("out/memory/fridge.md"), "milk, eggs\n");
    let fields: serde_json::Value = serde_json::from_str(&read("out/agent.json")).unwrap();
    assert_eq!((&fields["name"], &fields["model"]), (&"Cook".into(), &"gemini-cook".into()));
}

#[test]
fn an_export_goes_into_an_empty_folder_only() {
    let mut machine = Machine::with_home();
    cook(&machine);
    machine.made("agent new Cook --from ~/cook");
    assert_snapshot!(machine.story(&["agent export @1 --output ~/cook"]));
    assert!(!machine.path("cook/agent.json").exists());
}

#[test]
fn what_is_no_text_is_left_out_of_a_folder_and_refused_alone() {
    let mut machine = Machine::with_home();
    cook(&machine);
    std::fs::write(machine.path("cook/photo.jpg"), [0xff, 0xd8, 0xff]).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("/", machine.path("cook/everything")).unwrap();
    let told =
        machine.story(&["agent new Cook --from ~/cook --quiet", "agent new Cook --from ~/cook/photo.jpg"]);
    assert_snapshot!(told);
    let listed = machine.run("agent list --json").stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["count"], 2);
}

#[test]
fn a_path_that_leads_elsewhere_is_refused() {
    let mut machine = Machine::with_home();
    cook(&machine);
    machine.made("agent new Cook");
    assert_snapshot!(machine.story(&[
        "agent edit @1 --from ~/cook/AGENTS.md --as ../AGENTS.md",
        "agent edit @1 --from ~/cook/AGENTS.md --as /etc/passwd",
        "agent edit @1 --from ~/nowhere.md",
        "agent edit @1 --from ~/cook --as one.md",
        "agent edit @1",
        "agent show @1 --file NOTHERE.md",
    ]));
    assert!(machine.run("agent list --json").stdout.contains("\"count\": 0"));
}

#[test]
fn a_conversation_is_no_agent_and_the_other_way_round() {
    let mut machine = Machine::with_home();
    machine.made("chat new --title Groceries");
    machine.made("agent new Cook");
    assert_snapshot!(machine.story(&["agent show @1", "chat show @2", "chat say @2 hello"]));
}

#[test]
fn agents_are_shared_as_conversations_are() {
    let mut machine = Machine::with_home();
    machine.made("agent new Cook");
    machine.made("chat new --title Groceries");
    assert!(machine.run("status").stdout.contains("Only on this device: 1 conversation and 1 agent\n"));
    assert_snapshot!(machine.story(&["--json agent show @1", "reset"]));
}

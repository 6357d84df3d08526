//! Nothing leaves the device unless a command is for that: watched from outside, by the system calls it makes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use bowline_cast::leash;
use bowline_tests::processes::{Home, Relay, Tls};

use crate::two_devices;

/// Families of addresses that stay on the machine.
const HARMLESS: [&str; 2] = ["AF_UNIX", "AF_NETLINK"];

/// The sample OpenClaw home.
const OPENCLAW: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/openclaw/.openclaw");

/// A transcript in it.
const SESSION: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/fixtures/openclaw/.openclaw/agents/main/sessions/12f1a718-1ad2-44e1-8486-501e01c619bb.jsonl"
);

pub(super) fn has_strace() -> bool {
    leash::ends_well(leash::command("strace").arg("-V"))
}

/// A program under strace, which writes the network system calls that it and its children make to a file.
pub(super) fn straced(program: &Command, trace: &Path) -> Command {
    let mut strace = leash::bare_command("strace");
    strace.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    strace.args(["-f", "-e", "trace=%network", "-o"]).arg(trace);
    strace.arg(program.get_program()).args(program.get_args());
    strace
}

/// Runs a command that succeeds under strace; the network system calls it and its children made.
fn traced(home: &Home, arguments: &[&str]) -> Vec<String> {
    let (calls, output) = traced_whatever_comes(home, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    calls
}

fn traced_whatever_comes(home: &Home, arguments: &[&str]) -> (Vec<String>, Output) {
    let trace: PathBuf = home.beside().join("trace");
    let mut strace = straced(&home.command(arguments), &trace);
    strace.env("BOWLINE_HOME", home.path()).current_dir(home.beside()).stdin(Stdio::null());
    let output = strace.output().unwrap();
    let calls = std::fs::read_to_string(&trace).unwrap();
    let is_call = |line: &&str| line.contains('(') && !line.contains("+++") && !line.contains("---");
    (calls.lines().filter(is_call).map(String::from).collect(), output)
}

/// The calls that could reach beyond this machine.
fn reaching_out(calls: &[String]) -> Vec<&String> {
    let reaches = |call: &&String| {
        let names_another_family =
            call.contains("AF_") && !HARMLESS.iter().any(|family| call.contains(family));
        let is_local = HARMLESS.iter().any(|family| call.contains(family));
        let sends = ["connect(", "sendto(", "sendmsg(", "sendmmsg("].iter().any(|name| call.contains(name));
        names_another_family || (sends && !is_local)
    };
    calls.iter().filter(reaches).collect()
}

#[test]
fn no_offline_command_opens_a_way_out_and_sync_does() {
    if !has_strace() {
        println!("skipped: strace is not installed here");
        return;
    }
    let relay = Relay::start(Tls::SelfSigned);
    let (laptop, desktop) = two_devices(&relay);
    let id = laptop.run(["chat", "new", "--title", "notes"]).answer().trim().to_owned();
    let agent = laptop.run(["agent", "new", "helper"]).answer().trim().to_owned();
    laptop.run(["sync"]).answer();
    desktop.run(["sync"]).answer();
    let file = laptop.beside().join("AGENTS.md");
    std::fs::write(&file, "Be brief.").unwrap();
    let (file, folder) = (file.to_str().unwrap(), laptop.beside().join("exported"));
    let sessions = laptop.beside().join("sessions");
    let workspace = laptop.run(["workspace", "list", "--json"]).answer();
    let workspace: serde_json::Value = serde_json::from_str(&workspace).unwrap();
    let workspace = first_id(&workspace);
    let offline: Vec<Vec<&str>> = vec![
        vec!["--version"],
        vec!["init", "--device", "laptop"],
        vec!["status"],
        vec!["status", "--json"],
        vec!["chat", "new", "--title", "more"],
        vec!["chat", "list"],
        vec!["chat", "show", &id],
        vec!["chat", "say", &id, "hello"],
        vec!["chat", "export", &id],
        vec!["chat", "delete", &id],
        vec!["chat", "restore", &id],
        vec!["agent", "new", "second"],
        vec!["agent", "list"],
        vec!["agent", "show", &agent],
        vec!["agent", "edit", &agent, "--from", file],
        vec!["agent", "export", &agent, "--output", folder.to_str().unwrap()],
        vec!["agent", "delete", &agent],
        vec!["agent", "restore", &agent],
        vec!["import", "openclaw", OPENCLAW],
        vec!["import", "jsonl", SESSION],
        vec!["export", "openclaw", "--all", "--output", sessions.to_str().unwrap()],
        vec!["skill", "list"],
        vec!["memory", "list"],
        vec!["workspace", "list"],
        vec!["workspace", "use", &workspace],
        vec!["workspace", "show"],
        vec!["workspace", "rename", "Home"],
        vec!["workspace", "members"],
        vec!["workspace", "verify"],
        vec!["audit"],
        vec!["audit", "verify"],
        vec!["workspace", "invites"],
        vec!["device", "links"],
        vec!["device", "rename", "couch"],
        vec!["device", "list"],
        vec!["share", "--all", "--yes"],
        vec!["workspace", "disconnect"],
        vec!["workspace", "connect"],
        vec!["workspace", "disconnect"],
    ];
    for arguments in &offline {
        let calls = traced(&laptop, arguments);
        assert_eq!(reaching_out(&calls), Vec::<&String>::new(), "bowline {}", arguments.join(" "));
    }
    // Disconnected, even this opens nothing: it says so and ends.
    let (calls, output) = traced_whatever_comes(&laptop, &["sync"]);
    assert_eq!(reaching_out(&calls), Vec::<&String>::new(), "sync while disconnected");
    assert!(!output.status.success());
    laptop.run(["workspace", "connect"]).answer();
    let kept = desktop.run(["chat", "new", "--title", "kept"]).answer().trim().to_owned();
    for arguments in [
        vec!["keep-local", &kept],
        vec!["workspace", "disconnect"],
        vec!["workspace", "forget", &workspace, "--yes"],
        vec!["reset", "--yes"],
    ] {
        let calls = traced(&desktop, &arguments);
        assert_eq!(reaching_out(&calls), Vec::<&String>::new(), "bowline {}", arguments.join(" "));
    }
    let calls = traced(&laptop, &["sync"]);
    let seen = reaching_out(&calls);
    assert!(
        seen.iter().any(|call| call.contains("connect(") && call.contains("AF_INET")),
        "the trace sees nothing: {calls:?}"
    );
}

/// The first workspace's id, wherever in the answer it is.
fn first_id(answer: &serde_json::Value) -> String {
    let list = answer.as_array().or_else(|| answer["workspaces"].as_array()).unwrap();
    list[0]["workspace"].as_str().or_else(|| list[0]["id"].as_str()).unwrap().to_owned()
}

#[test]
fn calls_that_reach_out_are_told_from_those_that_do_not() {
    let calls: Vec<String> = [
        "7 socket(AF_UNIX, SOCK_STREAM, 0) = 3",
        "7 connect(3, {sa_family=AF_UNIX, sun_path=\"/x\"}, 110) = -1",
        "7 socket(AF_INET, SOCK_STREAM, 0) = 4",
        "7 connect(4, {sa_family=AF_INET, sin_port=htons(443)}, 16) = 0",
        "7 sendto(4, \"x\", 1, 0, NULL, 0) = 1",
        "7 socketpair(AF_UNIX, SOCK_STREAM, 0, [5, 6]) = 0",
    ]
    .map(String::from)
    .to_vec();
    assert_eq!(reaching_out(&calls).len(), 3);
}

//! Several workspaces on one device: each on its own relay, in its own role, connected or not, and nothing of one in the other.

use serde_json::Value;

use crate::machine::{Machine, Ran};
use crate::relay::TestRelay;
use crate::shared::{json, ok, until};

/// Ana's laptop, which owns Studio on one relay and is a member of Ben's Club on another, and Ben's desktop.
struct Two {
    studio: TestRelay,
    club: TestRelay,
    laptop: Machine,
    bens: Machine,
    /// A conversation in Studio.
    plans: String,
    /// A conversation in Club.
    minutes: String,
}

impl Two {
    fn new() -> Self {
        let (studio, club) = (TestRelay::start(), TestRelay::start());
        let mut laptop = Machine::new("laptop").with_clock();
        ok(&mut laptop, "init --user Ana");
        ok(&mut laptop, &format!("workspace create --relay {} --name Studio", studio.address()));
        let mut bens = Machine::new("desktop").with_clock();
        ok(&mut bens, "init --user Ben");
        ok(&mut bens, &format!("workspace create --relay {} --name Club", club.address()));
        let code = ok(&mut bens, "workspace invite");
        ok(&mut laptop, &format!("join {} --yes", code.trim()));
        ok(&mut laptop, "workspace use Studio");
        let plans = laptop.made("chat new --title Plans");
        ok(&mut laptop, &format!("chat say {plans} 'Only for the studio'"));
        ok(&mut laptop, "workspace use Club");
        let minutes = laptop.made("chat new --title Minutes");
        ok(&mut laptop, &format!("chat say {minutes} 'Only for the club'"));
        ok(&mut laptop, "sync");
        ok(&mut bens, "sync");
        Self { studio, club, laptop, bens, plans, minutes }
    }

    /// What `status` says of the laptop's workspace of that name.
    fn status(&mut self, name: &str) -> Value {
        of(&json(&mut self.laptop, "status")["workspaces"], name)
    }

    /// Another machine of Ana's, in Studio only.
    fn tablet(&mut self) -> Machine {
        let code = ok(&mut self.laptop, "device link --workspace Studio");
        crate::shared::joined("tablet", "Ana", &code)
    }
}

/// The row of a workspace in a list of them.
fn of(rows: &Value, name: &str) -> Value {
    rows.as_array().unwrap().iter().find(|row| row["name"] == name).cloned().unwrap()
}

/// The titles of all conversations of a machine, in order.
fn titles(machine: &mut Machine) -> Vec<String> {
    let list = json(machine, "chat list");
    let mut titles: Vec<String> =
        list.as_array().unwrap().iter().map(|row| row["title"].as_str().unwrap().to_owned()).collect();
    titles.sort();
    titles
}

/// The words of the errors that a command has told, in order.
fn codes(ran: &Ran) -> Vec<String> {
    let lines = ran.stderr.lines().filter(|line| line.starts_with('{'));
    let code = |line: &str| {
        let error: Value = serde_json::from_str(line).unwrap();
        error["error"]["code"].as_str().unwrap().to_owned()
    };
    lines.map(code).collect()
}

#[test]
fn each_workspace_is_shown_with_its_name_ones_role_and_its_relay() {
    let mut two = Two::new();
    let (studio, club) = (two.studio.public(), two.club.public());
    for (list, rows) in [
        ("workspace list", json(&mut two.laptop, "workspace list")),
        ("status", json(&mut two.laptop, "status")["workspaces"].clone()),
    ] {
        assert_eq!(rows.as_array().unwrap().len(), 2, "{list}");
        for (name, role, relay) in [("Studio", "owner", &studio), ("Club", "member", &club)] {
            let row = of(&rows, name);
            assert_eq!(
                (&row["role"], &row["relay"]),
                (&role.into(), &relay.as_str().into()),
                "{list}: {row}"
            );
        }
    }
    assert_eq!(json(&mut two.laptop, "workspace show Club")["role"], "member");
    let (list, status) = (ok(&mut two.laptop, "workspace list"), ok(&mut two.laptop, "status"));
    let line = |text: &str, name: &str| text.lines().find(|line| line.contains(name)).unwrap().to_owned();
    for (name, role, relay) in [("Studio", "owner", &two.studio), ("Club", "member", &two.club)] {
        let place = format!("wss://127.0.0.1:{}", relay.port());
        for text in [&list, &status] {
            let line = line(text, name);
            assert!(line.contains(role) && line.contains(&place), "{line}");
        }
    }
    assert!(line(&list, "Club").contains("Ben"), "whose it is: {list}");
    assert!(line(&status, "Workspace Club").ends_with("; new documents go there"), "{status}");
}

#[test]
fn documents_of_one_workspace_never_reach_the_other() {
    let mut two = Two::new();
    let mut tablet = two.tablet();
    for _ in 0..2 {
        for machine in [&mut two.laptop, &mut two.bens, &mut tablet] {
            ok(machine, "sync");
        }
    }
    assert_eq!(titles(&mut two.laptop), ["Minutes", "Plans"]);
    assert_eq!(titles(&mut two.bens), ["Minutes"]);
    assert_eq!(titles(&mut tablet), ["Plans"]);
    // What is written later goes where its conversation is, whichever workspace is in use.
    ok(&mut two.laptop, &format!("chat say {} 'More for the studio'", two.plans));
    ok(&mut two.laptop, "sync");
    ok(&mut tablet, "sync");
    ok(&mut two.bens, "sync");
    assert!(ok(&mut tablet, &format!("chat show {}", two.plans)).contains("More for the studio"));
    assert_eq!(two.bens.run(&format!("chat show {}", two.plans)).code, 7);
    // Names of people are each workspace's own, too: the tablet has never heard of Ben.
    assert!(!ok(&mut tablet, "workspace members").contains("Ben"));
    // A copy in the other workspace is another document, and only for a word that says so.
    ok(&mut two.laptop, &format!("share {} --workspace Club --yes", two.plans));
    ok(&mut two.laptop, "sync");
    ok(&mut two.bens, "sync");
    assert_eq!(titles(&mut two.bens), ["Minutes", "Plans"]);
    ok(&mut two.laptop, &format!("chat say {} 'Not for the copy'", two.plans));
    ok(&mut two.laptop, "sync");
    ok(&mut two.bens, "sync");
    let copy = json(&mut two.bens, "chat list");
    let copy = copy.as_array().unwrap().iter().find(|row| row["title"] == "Plans").unwrap()["id"].clone();
    assert_ne!(copy, two.plans.as_str());
    let shown = ok(&mut two.bens, &format!("chat show {}", copy.as_str().unwrap()));
    assert!(shown.contains("More for the studio") && !shown.contains("Not for the copy"), "{shown}");
}

#[test]
fn with_one_relay_down_the_other_syncs_and_it_is_said_which_is_not() {
    let mut two = Two::new();
    two.club.stop();
    for id in [&two.plans, &two.minutes] {
        ok(&mut two.laptop, &format!("chat say {id} 'Written meanwhile'"));
    }
    let label = |name: &str, status: Value| format!("{name} ({})", &status["id"].as_str().unwrap()[..4]);
    let (studio, club) = (label("Studio", two.status("Studio")), label("Club", two.status("Club")));
    let ran = two.laptop.run("sync");
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    let mut said: Vec<&str> = ran.stdout.lines().collect();
    said.sort_unstable();
    let expected = [
        format!("workspace {club}: not synced: 1 document queued"),
        format!("workspace {studio}: synced: everything is on the relay"),
    ];
    assert_eq!(said, expected);
    assert!(
        ran.stderr.contains(&format!("Error: Workspace {club}: The relay cannot be reached\n")),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.ends_with(&format!("Error: 1 of 2 workspaces synced; not synced: {club}\n")),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains(&format!("Error: Workspace {studio}")), "{}", ran.stderr);

    let ran = two.laptop.run("--json sync");
    assert_eq!(
        (ran.code, codes(&ran)),
        (10, vec!["relay_unreachable".to_owned(), "sync_incomplete".to_owned()])
    );
    let rows: Value = serde_json::from_str(&ran.stdout).unwrap();
    let row = |id: &Value| {
        rows["workspaces"].as_array().unwrap().iter().find(|row| row["workspace"] == *id).cloned().unwrap()
    };
    let (reached, not) = (row(&two.status("Studio")["id"]), row(&two.status("Club")["id"]));
    assert_eq!((&reached["synced"], &reached["code"]), (&true.into(), &Value::Null));
    assert_eq!(
        (&not["synced"], &not["code"], &not["queued"]),
        (&false.into(), &"relay_unreachable".into(), &1.into())
    );

    let (studio, club) = (two.status("Studio"), two.status("Club"));
    assert_eq!((&studio["queued"], &studio["connection"]["why"]), (&0.into(), &Value::Null), "{studio}");
    assert_eq!(club["queued"], 1, "{club}");
    assert!(club["connection"]["why"].as_str().unwrap().contains("nothing answers at"), "{club}");
    let mut tablet = two.tablet();
    assert!(ok(&mut tablet, &format!("chat show {}", two.plans)).contains("Written meanwhile"));

    two.club.resume();
    assert_eq!(two.laptop.run("sync").code, 0);
    ok(&mut two.bens, "sync");
    assert!(ok(&mut two.bens, &format!("chat show {}", two.minutes)).contains("Written meanwhile"));
}

#[test]
fn with_both_relays_down_both_are_told_and_the_exit_code_is_the_relays() {
    let mut two = Two::new();
    two.club.stop();
    two.studio.stop();
    let ran = two.laptop.run("--json sync");
    assert_eq!((ran.code, codes(&ran)), (5, vec!["relay_unreachable".to_owned(); 2]), "{}", ran.stderr);
    for name in ["Studio", "Club"] {
        assert!(ran.stderr.contains(&format!("Workspace {name} (")), "{name}: {}", ran.stderr);
    }
}

#[test]
fn disconnecting_one_leaves_the_other_as_it_is_also_in_a_process_that_syncs() {
    let mut two = Two::new();
    let (mut beside, stop) = two.laptop.beside();
    let watching = std::thread::spawn(move || beside.run("sync --watch"));
    let state = |two: &mut Two, name: &str| two.status(name)["connection"].clone();
    until(|| ["Studio", "Club"].iter().all(|name| state(&mut two, name)["state"] == "connected"));
    let since = state(&mut two, "Studio")["since"].clone();
    ok(&mut two.laptop, "workspace disconnect Club");
    assert_eq!(state(&mut two, "Club")["state"], "disconnected");
    ok(&mut two.laptop, &format!("chat say {} 'Still sent'", two.plans));
    ok(&mut two.laptop, &format!("chat say {} 'Waits'", two.minutes));
    until(|| two.status("Studio")["queued"] == 0);
    assert_eq!(state(&mut two, "Studio")["since"], since, "its connection is the one that it had");
    assert_eq!(two.status("Club")["queued"], 1);
    let rows = json(&mut two.laptop, "workspace list");
    assert_eq!(
        (&of(&rows, "Studio")["connected"], &of(&rows, "Club")["connected"]),
        (&true.into(), &false.into())
    );
    ok(&mut two.bens, "sync");
    assert!(!ok(&mut two.bens, &format!("chat show {}", two.minutes)).contains("Waits"));

    ok(&mut two.laptop, "workspace connect Club");
    until(|| two.status("Club")["queued"] == 0);
    assert_eq!(state(&mut two, "Studio")["since"], since);
    stop.send(true).unwrap();
    assert_eq!(watching.join().unwrap().code, 0);
    ok(&mut two.bens, "sync");
    assert!(ok(&mut two.bens, &format!("chat show {}", two.minutes)).contains("Waits"));
}

#[test]
fn a_workspace_that_is_left_or_forgotten_takes_nothing_of_the_other_along() {
    let mut two = Two::new();
    ok(&mut two.laptop, "workspace leave Club --yes");
    assert_eq!(two.status("Club")["membership"], "removed");
    assert_eq!(
        (&two.status("Studio")["membership"], &two.status("Studio")["role"]),
        (&"member".into(), &"owner".into())
    );
    assert_eq!(two.status("Club")["role"], Value::Null);
    ok(&mut two.laptop, &format!("chat say {} 'Goes on'", two.plans));
    ok(&mut two.laptop, "sync");
    ok(&mut two.laptop, "workspace forget Club --yes");
    assert_eq!(json(&mut two.laptop, "workspace list").as_array().unwrap().len(), 1);
    assert_eq!(titles(&mut two.laptop), ["Minutes", "Plans"], "what was there stays on this device");
    let mut tablet = two.tablet();
    assert_eq!(titles(&mut tablet), ["Plans"]);
    assert!(ok(&mut tablet, &format!("chat show {}", two.plans)).contains("Goes on"));
}

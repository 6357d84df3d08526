//! The demo: what it tells, and that each of its checks notices what it is there for.

use std::path::PathBuf;
use std::time::Duration;

use bowline::Kind;
use bowline::demo::{Machine as DemoMachine, Onlooker, Options, Promise, Report, Scene, Step, Whether};
use bowline_engine::transport::{Address, Dial, Link, WebSocketDialer};

use crate::machine::{Machine, write};

/// A text of the sample home, and a secret of it.
const KNOWN: &str = "Which song should open the evening?";
const SECRET: &str = "gw-FAKE-4417-mira-gateway";

/// Spoils something, and remembers what it saw.
struct Spoiler<F> {
    spoil: F,
    folder: PathBuf,
}

impl<F: FnMut(Step, &Scene) -> Whether> Onlooker for Spoiler<F> {
    fn before(&mut self, step: Step, scene: &Scene) -> Whether {
        scene.relay.parent().unwrap().clone_into(&mut self.folder);
        (self.spoil)(step, scene)
    }
}

/// The demo, with something spoiled.
fn spoiled(spoil: impl FnMut(Step, &Scene) -> Whether) -> Report {
    let (mut machine, _stop) = Machine::new("demo").with_clock().that_stops();
    let mut spoiler = Spoiler { spoil, folder: PathBuf::new() };
    let (_, report) = machine.demo(Options::default(), &mut spoiler);
    assert!(!spoiler.folder.exists(), "nothing stays behind");
    report.unwrap()
}

/// The demo, with something done before one step.
fn spoiled_before(at: Step, mut spoil: impl FnMut(&Scene)) -> Report {
    spoiled(|step, scene| {
        if step == at {
            spoil(scene);
        }
        Whether::Taken
    })
}

/// The demo without one step.
fn without(left_out: Step) -> Report {
    spoiled(|step, _| if step == left_out { Whether::LeftOut } else { Whether::Taken })
}

/// Exactly this promise was found broken, which is an exit code of its own.
fn assert_broken(report: &Report, promise: Promise) {
    let broken: Vec<Promise> =
        report.checks.iter().filter(|check| !check.holds).map(|check| check.promise).collect();
    assert_eq!(broken, [promise], "{report}");
    let error = report.verdict().unwrap_err();
    assert_eq!((error.kind(), error.kind() as u8), (Kind::Demo, 11));
    let marked = report.to_string().lines().filter(|line| line.starts_with("  \u{2717} ")).count();
    assert_eq!(marked, 1, "{report}");
}

/// Runs a command on one of the demo's machines, beside the demo.
fn on(machine: &DemoMachine, line: &str) -> String {
    let (mut beside, _stop) = Machine::new("beside").with_clock().that_stops();
    beside.env.insert("HOME".to_owned(), machine.folder.clone().into());
    let ran = beside.run(line);
    assert_eq!(ran.code, 0, "{line}\n{}", ran.stderr);
    ran.stdout
}

#[test]
fn it_tells_a_story_that_fits_a_terminal_and_every_check_holds() {
    let (mut machine, _stop) = Machine::new("demo").with_clock().that_stops();
    let ran = machine.run("demo");
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stderr, "");
    let wide = ran.stdout.lines().find(|line| line.chars().count() > 100);
    assert_eq!(wide, None);
    assert_eq!(ran.stdout.chars().find(|c| c.is_control() && *c != '\n'), None, "plain without a terminal");
    assert_eq!(ran.stdout.matches("\n  \u{2713} ").count(), 9, "{}", ran.stdout);
    for part in [
        "laptop$ bowline import openclaw\n",
        "notebook$ bowline join CODE --yes\n",
        "What the relay had stored",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    // How many frames there are depends on the moment.
    let steady = |text: &str| -> Vec<String> {
        let checks = text.lines().map(str::trim).filter(|line| line.starts_with("\u{2713} "));
        let frames = |line: &str| match line.split_once(" frames ") {
            Some((before, after)) => {
                format!("{} frames {after}", before.trim_end_matches(|c: char| c.is_ascii_digit()))
            }
            None => line.to_owned(),
        };
        checks.map(frames).collect()
    };
    assert_eq!(steady(include_str!("../../../README.md")), steady(&ran.stdout), "README tells the same");
    for secret in ["FAKE", "bowline1-", "token="] {
        assert!(!ran.stdout.contains(secret), "{secret}: {}", ran.stdout);
    }
    assert!(!machine.path(".bowline").exists(), "no home of the person's is touched");
}

#[test]
fn programs_get_what_each_device_and_the_relay_had_and_every_check() {
    let (mut machine, _stop) = Machine::new("demo").with_clock().that_stops();
    let ran = machine.run("demo --json --keep");
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["devices"].as_array().unwrap().len(), 3);
    assert_eq!(report["devices"][0]["conversations"], 4);
    assert_eq!(report["checks"].as_array().unwrap().len(), 9);
    let entries = report["relay"]["entries"].as_array().unwrap();
    assert!(entries.iter().enumerate().all(|(n, entry)| entry["position"] == n + 1), "{entries:?}");
    let folder = PathBuf::from(report["folder"].as_str().unwrap());
    assert!(folder.join("relay/relay.db").exists() && folder.join("laptop/.bowline").exists());
    assert!(ran.stderr.contains(&folder.display().to_string()), "{}", ran.stderr);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_was_added_to_a_session_on_its_way_is_noticed() {
    let report = spoiled_before(Step::Link, |scene| {
        let [laptop, ..] = &scene.machines;
        on(laptop, &format!("chat say {} 'Not by OpenClaw'", scene.chat));
        on(laptop, "sync");
    });
    assert_broken(&report, Promise::ByteForByte);
}

#[test]
fn an_edit_that_has_not_travelled_is_noticed() {
    let report = spoiled_before(Step::Compare, |scene| {
        let [_, desktop, _] = &scene.machines;
        on(desktop, &format!("chat say {} 'Only here'", scene.chat));
    });
    assert_broken(&report, Promise::SameEverywhere);
}

#[test]
fn an_edit_that_is_nowhere_is_noticed() {
    for step in [Step::EditOnLaptop, Step::EditOnDesktop] {
        assert_broken(&without(step), Promise::NothingLost);
    }
}

#[test]
fn a_device_that_connects_although_it_is_disconnected_is_noticed() {
    let report = spoiled_before(Step::StayOffline, |scene| {
        let [_, desktop, _] = &scene.machines;
        for line in ["workspace connect", "sync", "workspace disconnect"] {
            on(desktop, line);
        }
    });
    assert_broken(&report, Promise::SilentOffline);
    assert_broken(&without(Step::Disconnect), Promise::SilentOffline);
}

#[test]
fn a_text_in_the_relays_files_is_noticed() {
    let report = spoiled_before(Step::Search, |scene| write(&scene.relay.join("cache"), KNOWN));
    assert_broken(&report, Promise::RelayFiles);
}

#[test]
fn a_text_on_the_relays_wire_is_noticed() {
    let report = spoiled_before(Step::Compare, |scene| {
        let address: Address = scene.address.parse().unwrap();
        let before = scene.wire.heard();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let link = WebSocketDialer.dial(&address).await.unwrap();
            let mut frame = Some(bytes_of(KNOWN));
            let outbound = futures_util::stream::poll_fn(move |_| std::task::Poll::Ready(frame.take()));
            tokio::time::timeout(Duration::from_mins(1), link.carry(outbound, |_| async { true }))
                .await
                .unwrap();
        });
        crate::shared::until(|| scene.wire.heard().frames > before.frames);
    });
    assert_broken(&report, Promise::RelayWire);
}

fn bytes_of(text: &str) -> bowline_engine::transport::Frame {
    text.as_bytes().to_vec().into()
}

#[test]
fn a_secret_on_a_device_is_noticed() {
    let report = spoiled_before(Step::Search, |scene| {
        let [_, _, notebook] = &scene.machines;
        on(notebook, &format!("chat new --title {SECRET}"));
    });
    assert_broken(&report, Promise::Secrets);
}

#[test]
fn a_personal_file_on_another_device_is_noticed() {
    let report = spoiled_before(Step::Compare, |scene| {
        let [laptop, desktop, notebook] = &scene.machines;
        let listed: serde_json::Value = serde_json::from_str(&on(laptop, "memory list --json")).unwrap();
        on(laptop, &format!("share --yes {}", listed[0]["id"].as_str().unwrap()));
        for machine in [laptop, desktop, notebook] {
            on(machine, "sync");
        }
    });
    assert_broken(&report, Promise::Personal);
}

#[test]
fn a_device_that_was_not_revoked_is_noticed() {
    assert_broken(&without(Step::Revoke), Promise::Revoked);
}

#[test]
fn a_demo_that_cannot_go_on_says_where_and_leaves_nothing_behind() {
    let (mut machine, _stop) = Machine::new("demo").with_clock().that_stops();
    let skip = |step, _: &Scene| if step == Step::Invite { Whether::LeftOut } else { Whether::Taken };
    let mut spoiler = Spoiler { spoil: skip, folder: PathBuf::new() };
    let (_, report) = machine.demo(Options::default(), &mut spoiler);
    let error = report.unwrap_err();
    assert_eq!(error.kind(), Kind::Demo);
    assert_eq!(error.message, "`notebook$ bowline workspace disconnect` ended with 4");
    assert!(!spoiler.folder.exists());
}

#[test]
fn a_demo_that_is_interrupted_leaves_nothing_behind() {
    let (mut machine, stop) = Machine::new("demo").with_clock().that_stops();
    let interrupt = |step, _: &Scene| {
        if step == Step::Disconnect {
            stop.send(true).unwrap();
        }
        Whether::Taken
    };
    let mut spoiler = Spoiler { spoil: interrupt, folder: PathBuf::new() };
    let (_, report) = machine.demo(Options::default(), &mut spoiler);
    assert_eq!(report.unwrap_err().kind(), Kind::Interrupted);
    assert!(!spoiler.folder.exists());
}

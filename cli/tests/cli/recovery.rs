//! Recovery phrases: made, taken along, checked, and used when every device is gone.

use bowline_engine::{Code, CodeKind, Home, RecoveryPhrase};
use rand_core::SeedableRng as _;

use crate::machine::Machine;
use crate::relay::TestRelay;
use crate::shared::{laptop_and_phone, ok, owner};

/// A phrase of the machine's person in the workspace in use.
pub(crate) fn phrase_of(machine: &mut Machine) -> String {
    let words = ok(machine, "recovery create --yes");
    assert_eq!(words.lines().count(), 1, "one line: {words}");
    assert_eq!(words.split_whitespace().count(), 24);
    words
}

/// A machine that was never used.
fn bare(name: &str) -> Machine {
    Machine::new(name).with_clock()
}

/// What `recovery use` says, which has to go well.
fn back(machine: &mut Machine, relay: &TestRelay, words: &str) -> String {
    let ran = machine.run_with(&format!("recovery use --relay {} -", relay.address()), words);
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    ran.stdout
}

#[test]
fn when_every_device_is_gone_the_phrase_brings_membership_and_history_back() {
    let relay = TestRelay::start();
    let (mut laptop, mut phone) = laptop_and_phone(&relay);
    let id = laptop.made("chat new --title Groceries");
    ok(&mut laptop, &format!("chat say {id} 'Buy milk'"));
    let words = phrase_of(&mut laptop);
    ok(&mut phone, "sync");
    ok(&mut phone, &format!("chat say {id} 'And bread'"));
    ok(&mut phone, "sync");
    drop((laptop, phone));
    let mut next = bare("next");
    assert!(back(&mut next, &relay, &words).starts_with("Back in workspace "));
    let shown = ok(&mut next, &format!("chat show {id}"));
    assert!(shown.contains("Buy milk") && shown.contains("And bread"), "{shown}");
    // It is the owner's device: it writes, invites, and shuts the lost ones out.
    ok(&mut next, &format!("chat say {id} 'I am back'"));
    ok(&mut next, "workspace invite");
    let devices = next.run("--json device list");
    let devices: serde_json::Value = serde_json::from_str(&devices.stdout).unwrap();
    let lost =
        devices.as_array().unwrap().iter().filter(|it| it["this_device"] == false && it["recovery"] == false);
    let lost: Vec<String> = lost.map(|it| it["device"].as_str().unwrap().to_owned()).collect();
    assert_eq!(lost.len(), 2);
    for device in lost {
        ok(&mut next, &format!("device revoke {device} --yes"));
    }
    ok(&mut next, "sync");
    // The phrase is good once more, for another machine.
    let mut third = bare("third");
    back(&mut third, &relay, &words);
    assert!(ok(&mut third, &format!("chat show {id}")).contains("I am back"));
}

#[test]
fn a_phrase_finds_a_workspace_where_it_was_moved_to() {
    let (before, after) = (TestRelay::start(), TestRelay::start());
    let mut laptop = owner(&before);
    let id = laptop.made("chat new --title Groceries");
    ok(&mut laptop, &format!("chat say {id} 'Buy milk'"));
    let words = phrase_of(&mut laptop);
    ok(&mut laptop, &format!("workspace move {} --yes", after.address()));
    drop((laptop, before));
    let mut next = bare("next");
    back(&mut next, &after, &words);
    assert!(ok(&mut next, &format!("chat show {id}")).contains("Buy milk"));
    ok(&mut next, &format!("chat say {id} 'I am back'"));
    ok(&mut next, "sync");
}

#[test]
fn one_phrase_serves_all_workspaces_of_a_person_on_a_relay_owner_or_not() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let words = phrase_of(&mut laptop);
    ok(&mut laptop, &format!("workspace create --relay {} --name Second", relay.address()));
    let ran = laptop.run_with("recovery add - --workspace Second", &words);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut ben = Machine::new("ben").with_clock();
    ok(&mut ben, "init --user Ben");
    ok(&mut ben, &format!("workspace create --relay {}", relay.address()));
    let invite = ok(&mut ben, "workspace invite");
    ok(&mut laptop, &format!("join {} --yes", invite.trim()));
    let ran = laptop.run_with("recovery add -", &words);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut next = bare("next");
    let said = back(&mut next, &relay, &words);
    assert_eq!(said.lines().count(), 3, "{said}");
    let list = ok(&mut next, "workspace list");
    assert_eq!(list.matches("127.0.0.1").count(), 3, "{list}");
    // Ben's workspace has two people, and Ana's machine is a member's device.
    assert_eq!(next.run("workspace invite").code, 0);
    // Running it again finds nothing left to do.
    assert_eq!(back(&mut next, &relay, &words).lines().count(), 3);
}

#[test]
fn a_machine_with_documents_of_its_own_keeps_them_to_itself() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let words = phrase_of(&mut laptop);
    let mut next = bare("next");
    ok(&mut next, "init --user Ana");
    let own = next.made("chat new --title Mine");
    back(&mut next, &relay, &words);
    assert!(ok(&mut next, "status").contains("Only on this device: 1 conversation"));
    ok(&mut next, &format!("chat show {own}"));
}

#[test]
fn where_a_rekey_is_due_and_no_live_device_is_left_the_new_device_begins_the_epoch() {
    let relay = TestRelay::start();
    let (mut laptop, mut phone) = laptop_and_phone(&relay);
    let words = phrase_of(&mut laptop);
    let id = laptop.made("chat new --title Plans");
    ok(&mut laptop, &format!("chat say {id} 'Ours'"));
    ok(&mut laptop, "sync");
    ok(&mut phone, "sync");
    let home = Home::open(&phone.home("")).unwrap();
    let mut open = home.device(Box::new(rand_chacha::ChaCha20Rng::seed_from_u64(9))).unwrap();
    let workspace = open.device.workspaces().next().unwrap();
    open.device.leave(workspace, false, phone.now).unwrap();
    drop(open);
    phone.run("sync");
    drop((laptop, phone));
    let mut next = bare("next");
    back(&mut next, &relay, &words);
    ok(&mut next, &format!("chat say {id} 'Still ours'"));
    assert_eq!(ok(&mut next, "sync"), "synced: everything is on the relay\n");
    let shown = ok(&mut next, &format!("chat show {id}"));
    assert!(shown.contains("Ours") && shown.contains("Still ours"), "{shown}");
    let devices = ok(&mut next, "device list");
    assert_eq!(devices.lines().count(), 1 + 3, "{devices}");
}

#[test]
fn check_says_which_phrase_words_are_and_changes_nothing() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let words = phrase_of(&mut laptop);
    let good = laptop.run_with("recovery check -", &words);
    assert_eq!(good.code, 0, "{}", good.stderr);
    assert!(good.stdout.starts_with("This is your recovery phrase in workspace "));
    let mut misspelt: Vec<&str> = words.split_whitespace().collect();
    misspelt[4] = "bowline";
    let mut swapped: Vec<&str> = words.split_whitespace().collect();
    swapped.reverse();
    let other = "void come effort suffer camp survey warrior heavy shoot primary clutch crush open amazing screen patrol group space point ten exist slush involve unfold";
    for (typed, code, word, says) in [
        (misspelt.join(" "), 2, "not_a_phrase", "Word 5 is not one of the words"),
        (words.replacen(' ', " x ", 1), 2, "not_a_phrase", "24 words, and here are 25"),
        (swapped.join(" "), 12, "phrase_mistyped", "one of them is another word"),
        (other.to_owned(), 7, "phrase_unknown", "not yours in any workspace"),
    ] {
        let ran = laptop.run_with("recovery check -", &typed);
        assert_eq!(ran.code, code, "{typed}: {}", ran.stderr);
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
        assert!(ran.stdout.is_empty());
        let json = laptop.run_with("--json recovery check -", &typed);
        assert!(json.stderr.contains(word), "{}", json.stderr);
        for secret in typed.split_whitespace().filter(|word| *word != "x" && word.len() > 4) {
            assert!(
                !ran.stderr.split(|c: char| !c.is_alphanumeric()).any(|said| said == secret),
                "{secret}: {}",
                ran.stderr
            );
        }
    }
}

#[test]
fn words_are_never_taken_from_the_command_line() {
    let mut laptop = Machine::with_home();
    for line in [
        "recovery check abandon art",
        "recovery add abandon",
        "recovery use --relay wss://relay.example abandon",
    ] {
        let ran = laptop.run(line);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains("not taken from the command line"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("abandon"), "{}", ran.stderr);
    }
}

#[test]
fn without_a_terminal_and_without_a_yes_no_phrase_is_made_or_shown() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let ran = laptop.run("recovery create");
    assert_eq!((ran.code, ran.stdout.as_str()), (8, ""), "{}", ran.stderr);
    assert!(ok(&mut laptop, "status").contains("Recovery phrase: none"));
}

#[test]
fn on_a_terminal_the_words_are_shown_before_anything_joins_and_a_no_leaves_nothing() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    laptop.terminal = bowline::Terminal { stdin: true, stdout: true, stderr: true, ..laptop.terminal };
    let ran = laptop.run_with("recovery create", "n\n");
    assert_eq!(ran.code, 8, "{}", ran.stderr);
    assert_eq!(ran.stdout.split_whitespace().count(), 24, "they were to be written down");
    let words = ran.stdout;
    assert_eq!(laptop.run_with("recovery check", &words).code, 7);
    let ran = laptop.run_with("recovery create", "y\n");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("BOWLINE RECOVERY SHEET"));
    assert_eq!(laptop.run_with("recovery check", &ran.stdout).code, 0);
    // There is one, and the words that came to nothing are another one.
    assert_eq!(laptop.run_with("recovery create", "y\n").code, 6);
    assert_eq!(laptop.run_with("recovery add", &words).code, 6);
    assert!(!ok(&mut laptop, "status").contains("Recovery phrase: none"));
}

#[test]
fn words_that_did_not_come_into_force_go_on_with_add() {
    let mut relay = TestRelay::start();
    let mut laptop = owner(&relay);
    relay.stop();
    let ran = laptop.run("recovery create --yes");
    assert_ne!(ran.code, 0);
    assert!(ran.stderr.contains("bowline recovery add"), "{}", ran.stderr);
    relay.resume();
    let added = laptop.run_with("recovery add -", &ran.stdout);
    assert_eq!(added.code, 0, "{}", added.stderr);
    assert_eq!(laptop.run_with("recovery check -", &ran.stdout).code, 0);
    assert_eq!(laptop.run_with("recovery add -", &ran.stdout).code, 0, "and again");
}

#[test]
fn the_sheet_goes_into_a_file_of_its_own_that_nobody_else_reads() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let sheet = laptop.path("sheet.txt");
    let ran = laptop.run(&format!("recovery create --yes --sheet {}", sheet.display()));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let text = std::fs::read_to_string(&sheet).unwrap();
    for (number, word) in (1..).zip(ran.stdout.split_whitespace()) {
        assert!(text.contains(&format!("{number:>4}. {word}")), "{number}");
        assert!(!ran.stderr.contains(&format!(" {word} ")), "on stdout and in the file alone");
    }
    assert!(text.contains(&format!("recovery use --relay '{}'", relay.public())), "{text}");
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&sheet).unwrap().permissions()) & 0o777,
        0o600
    );
    let again = laptop.run(&format!("recovery create --yes --sheet {}", sheet.display()));
    assert_eq!(again.code, 6, "{}", again.stderr);
    assert_eq!(std::fs::read_to_string(&sheet).unwrap(), text);
}

#[test]
fn nothing_of_a_phrase_reaches_the_home() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let words = phrase_of(&mut laptop);
    let phrase = RecoveryPhrase::parse(&words).unwrap();
    let keys = phrase.device_keys().to_bytes();
    let secrets = [keys[..32].to_vec(), keys[32..].to_vec(), words.trim().as_bytes().to_vec()];
    for file in ["bowline.db", "bowline.db-wal", "device.key"] {
        let Ok(bytes) = std::fs::read(laptop.home(file)) else { continue };
        for secret in &secrets {
            assert!(!bytes.windows(secret.len()).any(|window| window == &secret[..]), "{file}");
        }
    }
}

#[test]
fn words_of_no_workspace_and_a_relay_that_is_not_there_are_said_to_be_so() {
    let mut relay = TestRelay::start();
    let mut next = bare("next");
    let words = "void come effort suffer camp survey warrior heavy shoot primary clutch crush open amazing screen patrol group space point ten exist slush involve unfold";
    let line = format!("recovery use --relay {} -", relay.address());
    let ran = next.run_with(&line, words);
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    assert!(ran.stderr.contains("nobody's recovery phrase"), "{}", ran.stderr);
    relay.stop();
    assert_eq!(next.run_with(&line, words).code, 5);
}

#[test]
fn a_code_for_a_phrase_makes_no_device_of_a_machine() {
    let relay = TestRelay::start();
    let mut machine = Machine::with_home();
    let mut code = Code::parse(&ok(&mut owner(&relay), "device link")).unwrap();
    code.kind = CodeKind::Recovery;
    let ran = machine.run(&format!("join {} --yes", code.to_text().as_str()));
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("for a recovery phrase"), "{}", ran.stderr);
}

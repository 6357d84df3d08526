//! Recovery phrases that are given up: replaced by others, taken out with their words, and taken out without.

use crate::machine::{Machine, Ran};
use crate::recovery::phrase_of;
use crate::relay::TestRelay;
use crate::shared::{laptop_and_phone, ok, owner};

/// What came of a command that reads words, which has to go well.
fn with_words(machine: &mut Machine, line: &str, words: &str) -> Ran {
    let ran = machine.run_with(line, words);
    assert_eq!(ran.code, 0, "{line}\n{}\n{}", ran.stdout, ran.stderr);
    ran
}

/// How `recovery use` ends on a machine that was never used. Its keys follow from its name, which is of those words.
fn used(relay: &TestRelay, words: &str) -> Ran {
    let mut next = Machine::new(&words[..8]).with_clock();
    next.run_with(&format!("recovery use --relay {} -", relay.address()), words)
}

/// Everything is lost, and the words bring it back or do not.
fn brings_back(relay: &TestRelay, words: &str) -> bool {
    let ran = used(relay, words);
    assert!(matches!(ran.code, 0 | 7), "{}", ran.stderr);
    ran.code == 0
}

#[test]
fn new_words_take_the_place_of_the_old_ones_in_every_workspace_on_the_relay() {
    let relay = TestRelay::start();
    let (mut laptop, mut phone) = laptop_and_phone(&relay);
    let old = phrase_of(&mut laptop);
    ok(&mut laptop, &format!("workspace create --relay {} --name Second", relay.address()));
    with_words(&mut laptop, "recovery add - --workspace Second", &old);
    let id = laptop.made("chat new --title Groceries");
    ok(&mut laptop, &format!("chat say {id} 'Buy milk'"));
    ok(&mut laptop, "sync");
    // The phone is in one of the two only; the phrase knows of both.
    ok(&mut phone, "sync");
    let ran = with_words(&mut phone, "recovery replace - --yes", &old);
    let new = ran.stdout;
    assert_eq!((new.lines().count(), new.split_whitespace().count()), (1, 24), "{new}");
    assert_ne!(new, old);
    assert_eq!(ran.stderr.matches("The new words are in force in workspace ").count(), 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("which this device is not in"), "{}", ran.stderr);
    assert_eq!(phone.run_with("recovery check -", &old).code, 7);
    with_words(&mut phone, "recovery check -", &new);
    ok(&mut laptop, "sync");
    let checked = with_words(&mut laptop, "recovery check -", &new).stdout;
    assert_eq!(checked.matches("This is your recovery phrase in workspace ").count(), 2, "{checked}");
    drop((laptop, phone));
    assert!(!brings_back(&relay, &old));
    let back = used(&relay, &new);
    assert_eq!((back.code, back.stdout.lines().count()), (0, 2), "{}", back.stderr);
}

#[test]
fn where_a_relay_is_down_the_same_new_words_go_on_later() {
    let (mut studio, club) = (TestRelay::start(), TestRelay::start());
    let mut laptop = owner(&studio);
    let old = phrase_of(&mut laptop);
    ok(&mut laptop, &format!("workspace create --relay {} --name Club", club.address()));
    with_words(&mut laptop, "recovery add - --workspace Club", &old);
    studio.stop();
    let ran = laptop.run_with("recovery replace - --yes --sheet ~/sheet.txt", &old);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    let sheet = std::fs::read_to_string(laptop.path("sheet.txt")).unwrap();
    for relay in [&studio, &club] {
        let line = format!("bowline recovery use --relay '{}'", relay.public());
        assert!(sheet.contains(&line), "the words are for both: {sheet}");
    }
    assert!(ran.stderr.contains("is replaced in 1 of 2 workspaces"), "{}", ran.stderr);
    assert!(ran.stderr.contains("recovery replace --go-on"), "{}", ran.stderr);
    let new = ran.stdout;
    assert!(brings_back(&club, &new) && !brings_back(&club, &old));
    let again = laptop.run_with("recovery replace --go-on -", &format!("{old}\n{new}"));
    assert_eq!(again.code, 5, "{}", again.stderr);
    studio.resume();
    let both = format!("{old}\n{new}");
    let ran = with_words(&mut laptop, "recovery replace --go-on -", &both);
    assert_eq!(ran.stdout, "", "they were shown");
    assert!(brings_back(&studio, &new) && !brings_back(&studio, &old));
    with_words(&mut laptop, "recovery replace --go-on -", &both);
    // Half of it is not two phrases.
    let ran = laptop.run_with("recovery replace --go-on -", &new);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
}

#[test]
fn with_every_relay_down_no_new_words_are_shown() {
    let mut relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let old = phrase_of(&mut laptop);
    relay.stop();
    let ran = laptop.run_with("recovery replace - --yes", &old);
    assert_eq!((ran.code, ran.stdout.as_str()), (5, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("nothing was changed"), "{}", ran.stderr);
    relay.resume();
    assert!(brings_back(&relay, &old));
}

#[test]
fn on_a_terminal_new_words_are_shown_first_and_a_no_leaves_the_old_ones() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let old = phrase_of(&mut laptop);
    assert_eq!(laptop.run_with("recovery replace -", &old).code, 8, "nobody is there to write them down");
    laptop.terminal = bowline::Terminal { stdin: true, stdout: true, stderr: true, ..laptop.terminal };
    let ran = laptop.run_with("recovery replace", &format!("{old}n\n"));
    assert_eq!(ran.code, 8, "{}", ran.stderr);
    let first = ran.stdout;
    assert_eq!(first.split_whitespace().count(), 24);
    assert!(brings_back(&relay, &old) && !brings_back(&relay, &first));
    let ran = laptop.run_with("recovery replace", &format!("{old}y\n"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("BOWLINE RECOVERY SHEET") && ran.stderr.contains("old ones in 1 workspace?"));
    assert!(brings_back(&relay, &ran.stdout) && !brings_back(&relay, &old));
}

#[test]
fn words_that_are_not_ones_own_replace_and_take_out_nothing() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let own = phrase_of(&mut laptop);
    let mut bens = Machine::new("desktop").with_clock();
    ok(&mut bens, "init --user Ben");
    let code = ok(&mut laptop, "workspace invite");
    ok(&mut bens, &format!("join {} --yes", code.trim()));
    let his = phrase_of(&mut bens);
    ok(&mut laptop, "sync");
    for line in ["recovery replace - --yes", "recovery remove - --yes"] {
        let ran = laptop.run_with(line, &his);
        assert_eq!((ran.code, ran.stdout.as_str()), (7, ""), "{line}: {}", ran.stderr);
    }
    assert!(brings_back(&relay, &his) && brings_back(&relay, &own));
    // Each replaces their own.
    let new = with_words(&mut bens, "recovery replace - --yes", &his).stdout;
    assert!(brings_back(&relay, &new) && brings_back(&relay, &own) && !brings_back(&relay, &his));
}

#[test]
fn a_phrase_is_taken_out_by_its_words_and_makes_room_for_another() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let words = phrase_of(&mut laptop);
    ok(&mut laptop, &format!("workspace create --relay {} --name Second", relay.address()));
    with_words(&mut laptop, "recovery add - --workspace Second", &words);
    let asked = laptop.run_with("recovery remove -", &words);
    assert_eq!(asked.code, 8, "{}", asked.stderr);
    with_words(&mut laptop, "recovery remove - --workspace Second --yes", &words);
    let back = used(&relay, &words);
    assert_eq!((back.code, back.stdout.lines().count()), (0, 1), "out of one of the two: {}", back.stderr);
    with_words(&mut laptop, "recovery remove - --yes", &words);
    assert!(!brings_back(&relay, &words));
    assert_eq!(ok(&mut laptop, "status").matches("Recovery phrase: none").count(), 2);
    assert_eq!(laptop.run_with("recovery remove - --yes", &words).code, 7);
    let other = phrase_of(&mut laptop);
    assert!(brings_back(&relay, &other));
    assert!(ok(&mut laptop, "sync").contains("synced"));
}

#[test]
fn a_phrase_whose_words_are_lost_is_taken_out_in_its_first_week_by_any_device_of_its_person() {
    let relay = TestRelay::start();
    let (mut laptop, mut phone) = laptop_and_phone(&relay);
    let none = phone.run("recovery remove --lost --yes");
    assert_eq!(none.code, 7, "{}", none.stderr);
    let words = phrase_of(&mut laptop);
    ok(&mut phone, "sync");
    let refused = phone.run("recovery create --yes");
    assert_eq!((refused.code, refused.stdout.as_str()), (6, ""), "{}", refused.stderr);
    assert!(refused.stderr.contains("bowline recovery remove --lost"), "{}", refused.stderr);
    let devices = ok(&mut phone, "--json device list");
    assert!(devices.contains("\"settled\": false") && !devices.contains("\"settled\": true"), "{devices}");
    assert_eq!(phone.run("recovery remove --lost").code, 8);
    ok(&mut phone, "recovery remove --lost --yes");
    assert!(!brings_back(&relay, &words));
    let other = phrase_of(&mut phone);
    assert!(brings_back(&relay, &other));
}

#[test]
fn whoever_is_removed_and_let_in_again_makes_a_phrase_in_the_place_of_one_whose_words_are_lost() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let mut bens = Machine::new("desktop").with_clock();
    ok(&mut bens, "init --user Ben");
    let code = ok(&mut laptop, "workspace invite");
    ok(&mut bens, &format!("join {} --yes", code.trim()));
    let id = bens.made("chat new --title Minutes");
    ok(&mut bens, &format!("chat say {id} 'We meet at noon'"));
    let lost = phrase_of(&mut bens);
    ok(&mut bens, "sync");
    ok(&mut laptop, "sync");
    ok(&mut laptop, "workspace remove Ben --yes");
    assert_eq!(bens.run("sync").code, 6);
    let code = ok(&mut laptop, "workspace invite");
    let ran = bens.run(&format!("workspace rejoin {} --yes", code.trim()));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let words = phrase_of(&mut bens);
    assert!(ok(&mut bens, &format!("chat show {id}")).contains("We meet at noon"));
    assert!(brings_back(&relay, &words) && !brings_back(&relay, &lost));
}

#[test]
fn a_workspace_that_the_relay_does_not_name_is_not_passed_over() {
    let relay = TestRelay::start();
    let (mut laptop, mut phone) = laptop_and_phone(&relay);
    let old = phrase_of(&mut laptop);
    ok(&mut phone, "sync");
    let new = with_words(&mut laptop, "recovery replace - --yes", &old).stdout;
    // The phone has not heard of it, and the relay names nothing.
    let ran = phone.run_with("recovery replace - --yes", &old);
    assert_eq!((ran.code, ran.stdout.as_str()), (7, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("does not say that these words are in force there"), "{}", ran.stderr);
    assert!(ran.stderr.contains("`bowline sync`"), "{}", ran.stderr);
    // With the new words it hears of them: so it is where replacing was interrupted right before the end.
    with_words(&mut phone, "recovery replace --go-on -", &format!("{old}\n{new}"));
    with_words(&mut phone, "recovery check -", &new);
    assert!(brings_back(&relay, &new));
}

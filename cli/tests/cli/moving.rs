//! A workspace moves to another relay: its owner says so once, and every device follows with all that it has.

use crate::machine::Machine;
use crate::relay::TestRelay;
use crate::shared::{ana_and_ben, joined, json, ok, owner};

/// Both have the same, on this relay, and nothing is held against it.
fn are_equal_at(relay: &TestRelay, machines: [&mut Machine; 2], id: &str) -> Vec<String> {
    let [one, other] = machines;
    ok(one, "sync");
    ok(other, "sync");
    ok(one, "sync");
    let mut texts = Vec::new();
    for machine in [one, other] {
        let status = &json(machine, "status")["workspaces"][0];
        assert_eq!(status["relay"], relay.public(), "{status}");
        for (field, expected) in [
            ("moving_to", serde_json::Value::Null),
            ("fault", serde_json::Value::Null),
            ("queued", 0.into()),
            ("sent_again", 0.into()),
            ("apart", 0.into()),
            ("refused", 0.into()),
            ("undecided", 0.into()),
            ("evidence", 0.into()),
            ("synced", false.into()),
        ] {
            assert_eq!(status[field], expected, "{field}: {status}");
        }
        assert_eq!(status["quarantined"], serde_json::json!([]), "{status}");
        texts.push(ok(machine, &format!("chat export {id}")));
    }
    assert_eq!(texts[0], texts[1]);
    texts.pop().unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_owner_moves_and_who_was_away_with_unsent_words_follows_by_themselves() {
    let (mut before, after) = (TestRelay::start(), TestRelay::start());
    let (mut laptop, mut bens, id) = ana_and_ben(&before);
    let open = ok(&mut laptop, "device link");
    ok(&mut bens, &format!("chat say {id} 'Written while nobody looked'"));
    let asked = laptop.run(&format!("workspace move {}", after.address()));
    assert_eq!(asked.code, 8, "{}", asked.stderr);
    assert!(asked.stderr.contains("with all that is known here?"), "{}", asked.stderr);
    let moved = laptop.run(&format!("workspace move {} --yes", after.address()));
    assert_eq!(moved.code, 0, "{}", moved.stderr);
    assert!(moved.stderr.contains("Its other devices follow by themselves"), "{}", moved.stderr);
    ok(&mut laptop, &format!("chat say {id} 'At the new place'"));
    ok(&mut laptop, "sync");
    // A code of before leads to the relay before, where nobody comes in by it any more.
    let mut late = Machine::new("tablet").with_clock();
    ok(&mut late, "init --user Ana");
    let refused = late.run(&format!("join {} --yes", open.trim()));
    assert!(refused.stderr.contains("This code was closed by whoever made it"), "{}", refused.stderr);

    let came = bens.run("sync");
    assert_eq!(came.code, 0, "{}", came.stderr);
    assert!(came.stderr.contains("the owner has moved the workspace to"), "{}", came.stderr);
    before.stop();
    let lines = are_equal_at(&after, [&mut laptop, &mut bens], &id);
    for text in ["Buy milk", "And bread", "Written while nobody looked", "At the new place"] {
        assert_eq!(lines.iter().filter(|line| line.contains(text)).count(), 1, "{text}: {lines:?}");
    }
    let code = ok(&mut laptop, "device link");
    let mut tablet = joined("tablet", "Ana", &code);
    ok(&mut tablet, "sync");
    assert!(ok(&mut tablet, &format!("chat show {id}")).contains("Written while nobody looked"));
    assert!(ok(&mut bens, "audit").contains("moved the workspace to another relay"));
    ok(&mut tablet, "audit verify");
}

#[test]
fn a_device_that_did_not_make_the_workspace_moves_it_as_well() {
    let (before, after) = (TestRelay::start(), TestRelay::start());
    let mut laptop = owner(&before);
    let id = laptop.made("chat new --title Groceries");
    ok(&mut laptop, &format!("chat say {id} 'Buy milk'"));
    let code = ok(&mut laptop, "device link");
    let mut phone = joined("phone", "Ana", &code);
    ok(&mut phone, "sync");
    let moved = phone.run(&format!("workspace move {} --yes", after.address()));
    assert_eq!(moved.code, 0, "{}", moved.stderr);
    ok(&mut phone, &format!("chat say {id} 'At the new place'"));
    let lines = are_equal_at(&after, [&mut phone, &mut laptop], &id);
    assert!(lines.iter().any(|line| line.contains("At the new place")), "{lines:?}");
}

#[test]
fn a_relay_that_is_gone_is_left_and_the_others_are_told_the_address() {
    let (mut before, after) = (TestRelay::start(), TestRelay::start());
    let (mut laptop, mut bens, id) = ana_and_ben(&before);
    ok(&mut bens, &format!("chat say {id} 'Written while nobody looked'"));
    before.stop();
    let decided = laptop.run(&format!("workspace move {} --yes", after.address()));
    assert_eq!(decided.code, 5, "{}", decided.stderr);
    assert!(decided.stderr.contains("run this again with --relay-is-gone"), "{}", decided.stderr);
    assert!(ok(&mut laptop, "status").contains(": moving to "), "the decision waits");
    let moved = laptop.run(&format!("workspace move {} --relay-is-gone --yes", after.address()));
    assert_eq!(moved.code, 0, "{}", moved.stderr);
    assert_eq!(bens.run("sync").code, 5);
    let followed = bens.run(&format!("workspace move {}", after.public()));
    assert_eq!(followed.code, 0, "{}", followed.stderr);
    let lines = are_equal_at(&after, [&mut laptop, &mut bens], &id);
    for text in ["Buy milk", "And bread", "Written while nobody looked"] {
        assert_eq!(lines.iter().filter(|line| line.contains(text)).count(), 1, "{text}: {lines:?}");
    }
}

#[test]
fn a_member_does_not_move_and_is_told_whom_to_ask() {
    let (before, after) = (TestRelay::start(), TestRelay::start());
    let (mut laptop, mut bens, id) = ana_and_ben(&before);
    let refused = bens.run(&format!("workspace move {} --yes", after.address()));
    assert_eq!(refused.code, 6, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("Only the owner can move the workspace to another relay")
            && refused.stderr.contains("Hint: ask Ana ("),
        "{}",
        refused.stderr
    );
    are_equal_at(&before, [&mut laptop, &mut bens], &id);
}

#[test]
fn a_workspace_moves_on_and_nobody_is_led_back_by_the_word_of_before() {
    let (before, between, after) = (TestRelay::start(), TestRelay::start(), TestRelay::start());
    let (mut laptop, mut bens, id) = ana_and_ben(&before);
    ok(&mut laptop, &format!("workspace move {} --yes", between.address()));
    ok(&mut laptop, &format!("chat say {id} 'At the second'"));
    ok(&mut laptop, "sync");
    ok(&mut laptop, &format!("workspace move {} --yes", after.address()));
    ok(&mut bens, &format!("chat say {id} 'Still at the first'"));
    let lines = are_equal_at(&after, [&mut bens, &mut laptop], &id);
    for text in ["Buy milk", "And bread", "At the second", "Still at the first"] {
        assert_eq!(lines.iter().filter(|line| line.contains(text)).count(), 1, "{text}: {lines:?}");
    }
}

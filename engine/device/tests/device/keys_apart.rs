//! Keys of epochs that a log has lost: what was sealed in them is read and sent on, and a key whose epoch comes again is in force again.

use bowline_core::sync::GoingOn;
use bowline_device::{DocumentState, LineReason};

use crate::author::Author;
use crate::restored_relay::assert_in_step;
use crate::rig::{Rig, code};

/// Messages after which there is something to fold for sure.
const MANY: usize = 300;

#[test]
fn what_was_folded_is_sealed_anew_if_the_continued_log_began_its_epoch_otherwise() {
    for answers in [0, 1, 2, 9] {
        let (mut rig, mut owner, mut relay) = Rig::member();
        let secret = owner.put_ticket(&mut relay, false);
        let removed = Author::join(7, &secret, &mut relay);
        rig.sync(&mut relay);
        let backup = relay.len();
        let mut owner_there = owner.on_another_branch();
        owner.put_removal(&mut relay, &removed, Vec::new());
        rig.sync(&mut relay);
        let id = rig.conversation("under a key that is lost");
        let said: Vec<String> = (0..MANY).map(|turn| turn.to_string()).collect();
        for text in &said {
            rig.say(id, text);
        }
        rig.talk(&mut relay);
        rig.disconnect();
        let mut rig = rig.reopened();
        assert_eq!(rig.texts(id), said);
        let rows: i64 = {
            let store = rig.device.store();
            store.connection().query_row("SELECT count(*) FROM change", (), |row| row.get(0)).unwrap()
        };
        assert!(rows < 10, "{rows} rows of changes are left that no key is needed for");
        let mut back = relay.restored(backup, 21);
        owner_there.put_removal(&mut back, &removed, Vec::new());
        rig.try_sync_until(&mut back, answers).unwrap();
        let mut rig = rig.reopened();
        for _ in 0..3 {
            rig.sync(&mut back);
        }
        assert_in_step(&rig, &back);
        assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
        let secret = owner_there.put_ticket(&mut back, false);
        let mut late = Rig::new(9);
        late.join(&code(&back, &secret));
        for _ in 0..2 {
            late.sync(&mut back);
            rig.sync(&mut back);
        }
        assert_eq!(late.texts(id), said, "after {answers} answers and a start");
    }
}

#[test]
fn who_came_in_after_the_last_rekey_has_its_key_in_force_again_once_it_comes_again() {
    for how in [GoingOn::Accept, GoingOn::Repair] {
        let (mut owner, mut known) = Author::owner(1);
        let secret = owner.put_ticket(&mut known, false);
        let removed = Author::join(7, &secret, &mut known);
        let backup = known.len();
        owner.put_removal(&mut known, &removed, Vec::new());
        let secret = owner.put_ticket(&mut known, false);
        let mut rig = Rig::new(2);
        rig.join(&code(&known, &secret));
        for _ in 0..2 {
            rig.sync(&mut known);
        }
        rig.disconnect();
        // One backup is restored twice, and both times others have brought back everything.
        let again = |seed| {
            let mut restored = known.restored(backup, seed);
            for at in backup + 1..=known.len() {
                restored.put(known.entry(at).to_signed());
            }
            restored
        };
        let (mut first, mut second) = (again(21), again(22));
        rig.sync(&mut first);
        rig.disconnect();
        rig.sync(&mut second);
        assert_eq!(rig.status().behind.unwrap().reason, LineReason::OtherSuccessor);
        rig.disconnect();
        rig.go_on(&mut second, how);
        assert_in_step(&rig, &second);
        let mut rig = rig.reopened();
        let id = rig.conversation("sealed under it");
        rig.sync(&mut second);
        assert_in_step(&rig, &second);
        assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    }
}

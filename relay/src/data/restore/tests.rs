//! Restores of folders and of backups, with real files: what is noted, kept, left and cut off.

use std::fs;

use bowline_wire::ids::{Millis, Position};
use bowline_wire::successor::SaidSuccessor;
use tempfile::TempDir;

use super::*;
use crate::keys::LogKey;
use crate::restore::WhyLeft;
use crate::storage::conformance::Scribe;
use crate::testing::author::Author;
use crate::testing::rng;
use crate::workspace::Workspace;

/// A relay's folder with one log of a few entries.
fn served(folder: &Path) -> Scribe {
    let data = DataFolder::create(folder).unwrap();
    data.certificate_key(&mut rng(5)).unwrap();
    data.identity(&mut rng(1)).unwrap();
    data.token(&mut rng(2)).unwrap();
    let mut scribe = Scribe::new(7);
    let mut database = data.database().unwrap();
    let entries = (0..3).map(|_| scribe.content(5)).collect();
    database.commit(&[scribe.commit_of(entries)]).unwrap();
    scribe
}

#[test]
fn every_log_goes_on_under_another_key_from_where_it_is() {
    let place = TempDir::new().unwrap();
    let scribe = served(place.path());
    let folder = DataFolder::open(place.path()).unwrap();
    let before = folder.database().unwrap().log(scribe.workspace()).unwrap().unwrap();
    let restored = folder.restore(None, &mut rng(3)).unwrap();
    assert_eq!(restored.logs.iter().map(|log| log.position).collect::<Vec<_>>(), [Position(3)]);
    let after = folder.database().unwrap().log(scribe.workspace()).unwrap().unwrap();
    assert_eq!((after.position, after.hash, after.time), (before.position, before.hash, before.time));
    assert_ne!(after.secret.as_bytes(), before.secret.as_bytes());
    assert_eq!((before.successors.len(), after.successors.len()), (0, 1));
    folder.restore(None, &mut rng(4)).unwrap();
    assert_eq!(folder.database().unwrap().log(scribe.workspace()).unwrap().unwrap().successors.len(), 2);
}

#[test]
fn a_backup_becomes_a_folder_whose_logs_go_on() {
    let place = TempDir::new().unwrap();
    let (from, copy, to) =
        (place.path().join("data"), place.path().join("copy"), place.path().join("deep/new"));
    let scribe = served(&from);
    DataFolder::back_up(&from, &copy).unwrap();
    let restored = DataFolder::restore_copy(&copy, &to, None, &mut rng(3)).unwrap();
    assert_eq!(restored.logs.len(), 1);
    let folder = DataFolder::open(&to).unwrap();
    let identity = folder.identity(&mut rng(4)).unwrap().public();
    assert_eq!(identity, DataFolder::open(&from).unwrap().identity(&mut rng(4)).unwrap().public());
    let log = folder.database().unwrap().log(scribe.workspace()).unwrap().unwrap();
    assert_eq!(log.successors.len(), 1);
    let untouched = DataFolder::open(&copy).unwrap().database().unwrap();
    assert_eq!(untouched.log(scribe.workspace()).unwrap().unwrap().successors.len(), 0);
    let refused = DataFolder::restore_copy(&copy, &to, None, &mut rng(3)).unwrap_err();
    assert!(matches!(refused, NotRestored::Data(DataError::AlreadyThere(path)) if path == to));
}

#[test]
fn without_its_key_nothing_is_restored() {
    let place = TempDir::new().unwrap();
    served(place.path());
    fs::remove_file(place.path().join("identity.key")).unwrap();
    let folder = DataFolder::open(place.path()).unwrap();
    let refused = folder.restore(None, &mut rng(3)).unwrap_err();
    assert!(matches!(refused, NotRestored::Data(DataError::KeyMissing(_))));
    let to = place.path().join("new");
    let refused = DataFolder::restore_copy(place.path(), &to, None, &mut rng(3)).unwrap_err();
    assert!(matches!(refused, NotRestored::Data(DataError::KeyMissing(_))));
    assert!(!to.exists());
}

#[test]
fn a_log_that_no_device_follows_any_further_is_left_and_keeps_no_other_from_going_on() {
    let place = TempDir::new().unwrap();
    let (from, to) = (place.path().join("data"), place.path().join("new"));
    let scribe = served(&from);
    let before = fs::read(from.join("relay.db")).unwrap();
    for n in 0..bowline_wire::limits::MAX_SUCCESSORS {
        DataFolder::open(&from).unwrap().restore(None, &mut rng(n as u64)).unwrap();
    }
    fs::write(from.join("relay.db"), before).unwrap();
    let mut other = Scribe::new(8);
    let entry = other.content(5);
    let mut database = DataFolder::open(&from).unwrap().database().unwrap();
    database.commit(&[other.commit_of(vec![entry])]).unwrap();
    drop(database);
    let restored = DataFolder::restore_copy(&from, &to, None, &mut rng(3)).unwrap();
    let left = LeftLog { workspace: scribe.workspace(), why: WhyLeft::TooOften };
    assert_eq!(restored.left, [left]);
    assert_eq!(restored.logs.iter().map(|log| log.workspace).collect::<Vec<_>>(), [other.workspace()]);
    let folder = DataFolder::open(&to).unwrap();
    let database = folder.database().unwrap();
    assert!(database.has_lost().unwrap() && !is_served(&database, scribe.workspace()));
    assert!(is_served(&database, other.workspace()));
    assert!(!folder.is_older_than_a_restore(&database).unwrap(), "the others are served");
}

#[test]
fn a_damaged_log_is_left_and_keeps_no_other_from_going_on() {
    let place = TempDir::new().unwrap();
    let scribe = served(place.path());
    let folder = DataFolder::open(place.path()).unwrap();
    folder.restore(None, &mut rng(2)).unwrap();
    let mut database = folder.database().unwrap();
    let (damaged, genesis) = Author::new(8).genesis(8);
    let mut made =
        Workspace::create(damaged, (LogKey::generate(&mut rng(8)), Vec::new()), genesis, Millis(1)).unwrap();
    database.commit(&[made.take_staged().0]).unwrap();
    database.put_bodies(damaged, &[(Position(1), None)]).unwrap();
    drop(database);
    let restored = folder.restore(None, &mut rng(3)).unwrap();
    assert_eq!(restored.logs.iter().map(|log| log.workspace).collect::<Vec<_>>(), [scribe.workspace()]);
    let [LeftLog { workspace, why: WhyLeft::Damaged(what) }] = &restored.left[..] else { panic!() };
    assert_eq!((*workspace, what.contains("roster")), (damaged, true), "{what}");
    let database = folder.database().unwrap();
    assert_eq!(successors(&database, &scribe).len(), 2);
    assert!(!is_served(&database, damaged));
}

fn successors(database: &Sqlite, scribe: &Scribe) -> Vec<SaidSuccessor> {
    database.log(scribe.workspace()).unwrap().unwrap().successors
}

#[test]
fn a_restore_that_ended_before_the_database_changed_is_known_and_run_again() {
    let place = TempDir::new().unwrap();
    let scribe = served(place.path());
    let folder = DataFolder::open(place.path()).unwrap();
    let database = folder.database().unwrap();
    assert!(!folder.is_older_than_a_restore(&database).unwrap());
    let identity = folder.identity(&mut rng(1)).unwrap();
    let plan = plan(&database, &identity, &Earlier::default(), &mut rng(3)).unwrap();
    restores::write(place.path(), plan.noted()).unwrap();
    // The power goes here.
    assert!(folder.is_older_than_a_restore(&database).unwrap());
    drop(database);
    folder.restore(None, &mut rng(4)).unwrap();
    let database = folder.database().unwrap();
    assert!(!folder.is_older_than_a_restore(&database).unwrap());
    let (_, noted) = plan.noted().iter().next().unwrap();
    let said = successors(&database, &scribe);
    assert_eq!((said.len(), &said[..1]), (2, &noted.said[..]), "whoever has followed the first goes on");
}

#[test]
fn a_backup_is_restored_again_whatever_became_of_the_folder_before() {
    let place = TempDir::new().unwrap();
    let (from, copy) = (place.path().join("data"), place.path().join("copy"));
    let scribe = served(&from);
    DataFolder::back_up(&from, &copy).unwrap();
    let mut before = Vec::new();
    for times in 1..=3 {
        let to = place.path().join(format!("new {times}"));
        let restored = DataFolder::restore_copy(&copy, &to, None, &mut rng(10 + times)).unwrap();
        assert!(restored.is_noted && !restored.logs[0].contradicts);
        let folder = DataFolder::open(&to).unwrap();
        let database = folder.database().unwrap();
        assert!(!folder.is_older_than_a_restore(&database).unwrap());
        let said = successors(&database, &scribe);
        assert_eq!((said.len() as u64, &said[..before.len()]), (times, &before[..]));
        let log = database.log(scribe.workspace()).unwrap().unwrap();
        assert_eq!(LogKey::from(&log.secret).id(), restored.logs[0].log);
        before = said;
    }
    let backup = DataFolder::open(&copy).unwrap();
    assert!(backup.is_older_than_a_restore(&backup.database().unwrap()).unwrap(), "it is not served itself");
}

#[test]
fn a_restore_that_was_cut_off_is_not_served_and_can_be_run_again() {
    let place = TempDir::new().unwrap();
    let (from, to) = (place.path().join("data"), place.path().join("new"));
    let scribe = served(&from);
    let cut_off = |held: &DataFolder, _: &Path| {
        assert!(
            matches!(DataFolder::create(&to), Err(DataError::InUse { .. })),
            "nobody serves it meanwhile"
        );
        held.identity(&mut rng(9)).unwrap();
        Err::<(), _>(DataError::NoModes(to.clone()))
    };
    DataFolder::copy(&from, &to, cut_off).unwrap_err();
    let folder = DataFolder::create(&to).unwrap();
    assert!(matches!(folder.database(), Err(DataError::Unfinished(path)) if path == to));
    assert!(matches!(DataFolder::read_database(&to), Err(DataError::Unfinished(path)) if path == to));
    drop(folder);
    let restored = DataFolder::restore_copy(&from, &to, None, &mut rng(3)).unwrap();
    assert_eq!(restored.logs.len(), 1);
    let folder = DataFolder::open(&to).unwrap();
    assert_eq!(successors(&folder.database().unwrap(), &scribe).len(), 1);
    let identity = folder.identity(&mut rng(4)).unwrap().public();
    assert_eq!(identity, DataFolder::open(&from).unwrap().identity(&mut rng(4)).unwrap().public());
}

#[test]
fn a_backup_of_a_folder_that_was_put_back_is_restored_so_that_devices_follow() {
    let place = TempDir::new().unwrap();
    let (data, copy, to) = (place.path().join("data"), place.path().join("copy"), place.path().join("new"));
    let scribe = served(&data);
    let before = fs::read(data.join("relay.db")).unwrap();
    let folder = DataFolder::open(&data).unwrap();
    assert!(
        !folder.restore(None, &mut rng(3)).unwrap().is_noted,
        "the backup that was put there has it nowhere"
    );
    let followed = successors(&folder.database().unwrap(), &scribe);
    fs::write(data.join("relay.db"), before).unwrap();
    DataFolder::back_up(&data, &copy).unwrap();
    assert!(DataFolder::restore_copy(&copy, &to, None, &mut rng(4)).unwrap().is_noted);
    let said = successors(&DataFolder::open(&to).unwrap().database().unwrap(), &scribe);
    assert_eq!((said.len(), &said[..1]), (2, &followed[..]));
}

/// A folder whose log was restored from three entries, with its database as it was with one and with three.
fn restored_from_three(data: &Path) -> (Scribe, [Vec<u8>; 2], Vec<SaidSuccessor>) {
    let folder = DataFolder::create(data).unwrap();
    folder.identity(&mut rng(1)).unwrap();
    folder.certificate_key(&mut rng(1)).unwrap();
    let mut scribe = Scribe::new(7);
    let states = [1, 2].map(|count| {
        let mut database = folder.database().unwrap();
        database.commit(&[scribe.next(count)]).unwrap();
        drop(database);
        fs::read(data.join(DATABASE)).unwrap()
    });
    assert!(!folder.restore(None, &mut rng(3)).unwrap().logs[0].contradicts);
    let followed = successors(&folder.database().unwrap(), &scribe);
    (scribe, states, followed)
}

#[test]
fn what_a_restore_of_too_old_a_backup_leaves_behind_is_kept_and_gone_on_from_with_one_that_has_more() {
    let place = TempDir::new().unwrap();
    let (scribe, [early, late], followed) = restored_from_three(place.path());
    let folder = DataFolder::open(place.path()).unwrap();
    let [note, kept, kept_next] =
        ["restores.key", "restores.key.1", "restores.key.2"].map(|name| place.path().join(name));
    let noted = fs::read(&note).unwrap();
    fs::write(place.path().join(DATABASE), early).unwrap();
    let restored = folder.restore(None, &mut rng(4)).unwrap();
    assert!(restored.logs[0].contradicts);
    assert_eq!(restored.kept, std::slice::from_ref(&kept));
    assert_eq!(fs::read(&kept).unwrap(), noted, "it is the only one that has the key that devices follow");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // A backup that has more is found.
    fs::write(place.path().join(DATABASE), late).unwrap();
    let restored = folder.restore(Some(&kept), &mut rng(5)).unwrap();
    let said = successors(&folder.database().unwrap(), &scribe);
    assert_eq!((said.len(), &said[..1]), (2, &followed[..]), "devices follow");
    assert!(restored.logs[0].contradicts, "devices that have followed the other meanwhile do not");
    assert_eq!(restored.kept, [kept_next], "the first one is gone on from");
}

#[test]
fn what_is_left_behind_is_kept_before_it_is_written_over_and_once() {
    let place = TempDir::new().unwrap();
    let (_, [early, _], _) = restored_from_three(place.path());
    let folder = DataFolder::open(place.path()).unwrap();
    let noted = fs::read(place.path().join("restores.key")).unwrap();
    fs::write(place.path().join(DATABASE), &early).unwrap();
    let in_the_way = place.path().join("restores.key.new");
    fs::create_dir_all(in_the_way.join("something")).unwrap();
    folder.restore(None, &mut rng(4)).unwrap_err();
    for name in ["restores.key", "restores.key.1"] {
        assert_eq!(fs::read(place.path().join(name)).unwrap(), noted, "{name}");
    }
    assert!(folder.is_older_than_a_restore(&folder.database().unwrap()).unwrap(), "it is not served");
    fs::remove_dir_all(in_the_way).unwrap();
    let restored = folder.restore(None, &mut rng(5)).unwrap();
    assert_eq!(restored.kept, [place.path().join("restores.key.1")]);
    // Whatever else is restored, it is neither written over nor copied again.
    assert_eq!(folder.restore(None, &mut rng(6)).unwrap().kept, restored.kept);
    assert!(!folder.restore(None, &mut rng(7)).unwrap().logs[0].contradicts);
}

#[test]
fn a_backup_keeps_what_its_restores_leave_behind_and_a_copy_of_the_folder_has_it_too() {
    let place = TempDir::new().unwrap();
    let [data, copy, to, again] = ["data", "copy", "new", "again"].map(|name| place.path().join(name));
    let (_, [early, _], _) = restored_from_three(&data);
    let noted = fs::read(data.join("restores.key")).unwrap();
    fs::write(data.join(DATABASE), early).unwrap();
    DataFolder::back_up(&data, &copy).unwrap();
    let restored = DataFolder::restore_copy(&copy, &to, None, &mut rng(4)).unwrap();
    assert!(restored.logs[0].contradicts);
    DataFolder::back_up(&to, &again).unwrap();
    for folder in [copy, to, again] {
        assert_eq!(fs::read(folder.join("restores.key.1")).unwrap(), noted, "{}", folder.display());
    }
}

#[test]
fn what_is_chosen_has_to_be_there_and_is_passed_over_where_it_does_not_fit() {
    let place = TempDir::new().unwrap();
    let (scribe, [early, _], followed) = restored_from_three(place.path());
    let folder = DataFolder::open(place.path()).unwrap();
    let missing = place.path().join("no such file");
    let refused = folder.restore(Some(&missing), &mut rng(4)).unwrap_err();
    assert!(matches!(refused, NotRestored::Data(DataError::File { path, .. }) if path == missing));
    let chosen = place.path().join("chosen");
    fs::rename(place.path().join("restores.key"), &chosen).unwrap();
    fs::write(place.path().join(DATABASE), early).unwrap();
    folder.restore(None, &mut rng(5)).unwrap();
    let newest = successors(&folder.database().unwrap(), &scribe);
    assert_ne!(newest, followed);
    let restored = folder.restore(Some(&chosen), &mut rng(6)).unwrap();
    let said = successors(&folder.database().unwrap(), &scribe);
    assert_eq!(
        (said.len(), &said[..1]),
        (2, &newest[..]),
        "the database has not got to the place of the other"
    );
    assert_eq!(restored.kept.len(), 1, "it is kept here as well");
}

#[test]
fn a_relay_without_a_workspace_is_restored_as_well() {
    let place = TempDir::new().unwrap();
    let folder = DataFolder::create(place.path()).unwrap();
    folder.identity(&mut rng(1)).unwrap();
    folder.database().unwrap();
    for _ in 0..2 {
        assert!(folder.restore(None, &mut rng(3)).unwrap().logs.is_empty());
    }
}

#[test]
fn what_is_noted_is_read_to_its_end_or_not_at_all() {
    let place = TempDir::new().unwrap();
    served(place.path());
    let folder = DataFolder::open(place.path()).unwrap();
    folder.restore(None, &mut rng(3)).unwrap();
    let note = place.path().join("restores.key");
    let line = fs::read_to_string(&note).unwrap();
    // As much as a file may have, and a byte more, with what counts at its end.
    for (most, is_read) in [(64 << 20, true), ((64 << 20) + 1, false)] {
        fs::write(&note, "\n".repeat(most - line.len()) + &line).unwrap();
        assert_eq!(folder.noted().map(|noted| noted.len()).ok(), is_read.then_some(1), "{most} bytes");
    }
}

#[test]
fn what_is_noted_is_a_secret_and_is_not_guessed_at() {
    let place = TempDir::new().unwrap();
    served(place.path());
    let folder = DataFolder::open(place.path()).unwrap();
    folder.restore(None, &mut rng(3)).unwrap();
    let note = place.path().join("restores.key");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&note).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let line = fs::read_to_string(&note).unwrap();
    for wrong in [&line[..line.len() / 2], "no such thing"] {
        fs::write(&note, wrong).unwrap();
        let refused = folder.restore(None, &mut rng(4)).unwrap_err();
        assert!(matches!(refused, NotRestored::Data(DataError::Restores(_))), "{refused}");
        assert_eq!(fs::read_to_string(&note).unwrap(), wrong);
    }
    fs::write(&note, &line).unwrap();
    folder.restore(None, &mut rng(4)).unwrap();
}

/// Whether a log is served to anybody.
fn is_served(database: &Sqlite, workspace: WorkspaceId) -> bool {
    !database.log(workspace).unwrap().unwrap().is_lost
}

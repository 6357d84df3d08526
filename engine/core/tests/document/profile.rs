//! Names of users and devices.

use crate::support::{Author, Sealed, assemble, device, is_pristine, pen};
use automerge::transaction::Transactable;
use automerge::{ActorId as RawActor, AutoCommit, ObjType, ROOT, ReadDoc};
use bowline_core::document::limits::NAME_MAX;
use bowline_core::document::{Document, EditError, Issue, Kind, Source};
use bowline_wire::ids::UserId;

const USER: UserId = UserId::from_bytes([7; 16]);

fn author(number: u8) -> Author {
    Author::new(number, Kind::Profile)
}

fn name_user(author: &mut Author, name: &str) -> Option<Vec<u8>> {
    author.document.profile_mut(author.pen).unwrap().set_user_name(USER, name).unwrap()
}

#[test]
fn users_and_devices_have_the_names_they_were_given_last() {
    let mut ana = author(1);
    assert_eq!(ana.document.profile().unwrap().user_name(USER), None);
    assert!(name_user(&mut ana, "Ana").is_some());
    assert!(name_user(&mut ana, "Ana Maria").is_some());
    ana.document.profile_mut(ana.pen).unwrap().set_device_name(device(1), "laptop").unwrap();
    let profile = ana.document.profile().unwrap();
    assert_eq!(profile.user_name(USER).as_deref(), Some("Ana Maria"));
    assert_eq!(profile.device_name(device(1)).as_deref(), Some("laptop"));
    assert_eq!((profile.device_name(device(2)), profile.issues()), (None, vec![]));
    assert_eq!(ana.document.summary().count, 2);
}

#[test]
fn naming_something_what_it_is_called_makes_no_change() {
    let mut ana = author(1);
    name_user(&mut ana, "Ana");
    assert_eq!(name_user(&mut ana, "Ana"), None);
}

#[test]
fn a_name_beyond_its_limit_is_refused() {
    let mut ana = author(1);
    let refused = ana.document.profile_mut(ana.pen).unwrap().set_user_name(USER, &"x".repeat(NAME_MAX + 1));
    assert!(matches!(refused, Err(EditError::TooLong { .. })));
    assert!(is_pristine(&ana.document));
}

#[test]
fn two_devices_that_name_the_same_user_apart_show_the_same_name() {
    let (mut ana, mut ben) = (author(1), author(2));
    let a = Sealed::new(1, 1, Source::Changes, name_user(&mut ana, "from ana").unwrap());
    let b = Sealed::new(2, 2, Source::Changes, name_user(&mut ben, "from ben").unwrap());
    let name = |document: &Document| document.profile().unwrap().user_name(USER).unwrap();
    let one = assemble(Kind::Profile, &[a.clone(), b.clone()]).document;
    let other = assemble(Kind::Profile, &[b, a]).document;
    assert_eq!(name(&one), name(&other));
    let mut both = Author { document: one, ..author(3) };
    assert!(name_user(&mut both, "agreed").is_some());
    assert_eq!(name(&both.document), "agreed");
    assert_eq!(name_user(&mut both, "agreed"), None);
}

#[test]
fn names_of_the_wrong_type_read_as_absent_and_are_reported() {
    let mut raw = AutoCommit::load(&Document::create(Kind::Profile).save()).unwrap();
    raw.set_actor(RawActor::from(*pen(5).actor.as_bytes()));
    let (_, users) = raw.get(ROOT, "users").unwrap().unwrap();
    raw.put(&users, USER.to_string(), "not a map").unwrap();
    let (_, devices) = raw.get(ROOT, "devices").unwrap().unwrap();
    let map = raw.put_object(&devices, device(5).to_string(), ObjType::Map).unwrap();
    raw.put(&map, "name", 7).unwrap();
    raw.commit();
    let bytes = raw.get_last_local_change().unwrap().raw_bytes().to_vec();
    let assembled = assemble(Kind::Profile, &[Sealed::new(5, 5, Source::Changes, bytes)]);
    let profile = assembled.document.profile().unwrap();
    assert_eq!((profile.user_name(USER), profile.device_name(device(5))), (None, None));
    let field = |field: String| Issue::WrongType { field };
    assert_eq!(
        profile.issues(),
        [field(format!("users/{USER}")), field(format!("devices/{}/name", device(5)))]
    );

    let mut ana = Author { document: assembled.document, ..author(1) };
    assert!(name_user(&mut ana, "mended").is_some());
    assert_eq!(ana.document.profile().unwrap().user_name(USER).as_deref(), Some("mended"));
}

#[test]
fn a_stored_document_of_another_kind_or_damaged_is_not_loaded() {
    use bowline_core::document::LoadError;
    let profile = Document::create(Kind::Profile).save();
    assert_eq!(Document::load(Kind::Conversation, &profile).unwrap_err(), LoadError::OtherKind);
    assert_eq!(Document::load(Kind::Profile, b"nonsense").unwrap_err(), LoadError::Damaged);
    assert_eq!(Document::load(Kind::Profile, b"").unwrap_err(), LoadError::OtherKind);
    assert!(is_pristine(&Document::load(Kind::Profile, &profile).unwrap()));
}

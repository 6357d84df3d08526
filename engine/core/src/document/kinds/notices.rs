//! A kind that exists in tests alone: texts that are pinned up or not. It shows what a new kind costs: this file, its line
//! `mod notices`, and its entry in the list of kinds.

use automerge::ScalarValue;
use bowline_wire::ids::DocId;

use super::definition::{Definition, ExportedFile, Visibility, Words};
use crate::document::edit::commit::{EditError, Pen};
use crate::document::edit::deletion::{ContentHash, Lifecycle};
use crate::document::edit::fields::{Fields, Issue, container};
use crate::document::edit::files::{FilePath, Files, Plan, TextFile};
use crate::document::kind::Kind;
use crate::document::loaded::{Document, OtherKind};
use crate::document::summary::Summary;

const PINNED: &str = "pinned";

pub(in crate::document) static DEFINITION: Definition = Definition {
    words: Words { one: "notice sheet", several: "notice sheets" },
    visibility: Visibility::Shared,
    lifecycle: Lifecycle::Content(|document| Notices { document }.content_hash()),
    summary: |document| Notices { document }.summary(),
    issues: |document| Notices { document }.issues(),
    export: |document, id| Notices { document }.export(id),
};

struct Notices<'a> {
    document: &'a Document,
}

impl Document {
    fn notices(&self) -> Result<Notices<'_>, OtherKind> {
        self.expect(Kind::Notices).map(|()| Notices { document: self })
    }

    /// Writes a notice and says whether it is pinned up.
    fn write_notice(
        &mut self,
        pen: Pen,
        path: &FilePath,
        text: &str,
        pinned: bool,
    ) -> Result<Vec<Vec<u8>>, EditError> {
        let mut plan = Plan::of(Kind::Notices);
        let value = pinned.then_some(ScalarValue::Boolean(true));
        plan.put(self, &container(Kind::Notices, PINNED), path.as_str(), value);
        plan.write_texts(self, &[(path, Some(text))].into(), None, 0)?;
        plan.commit(self, pen)
    }
}

impl Notices<'_> {
    fn all(&self) -> Vec<TextFile> {
        Files::of(self.document).into_shown()
    }

    fn is_pinned(&self, path: &FilePath) -> bool {
        Fields::container(self.document, PINNED).flag(path.as_str()).unwrap_or(false)
    }

    fn content_hash(&self) -> String {
        let mut hash = ContentHash::default();
        for notice in self.all() {
            hash.add(notice.path.as_str().as_bytes());
            hash.add(&[u8::from(self.is_pinned(&notice.path))]);
            hash.add(notice.text.as_bytes());
        }
        hash.finish()
    }

    fn summary(&self) -> Summary {
        let all = self.all();
        let title = all.iter().find(|notice| self.is_pinned(&notice.path));
        Summary {
            title: title.map(|notice| notice.path.as_str().to_owned()).unwrap_or_default(),
            updated_at: self.document.last_edit(),
            count: all.len() as u64,
            preview: String::new(),
        }
    }

    fn issues(&self) -> Vec<Issue> {
        let pinned = Fields::container(self.document, PINNED);
        let mut issues = Files::of(self.document).issues().to_vec();
        issues.extend(pinned.keys().filter_map(|path| pinned.flag(&path).err()));
        issues
    }

    fn export(&self, id: DocId) -> Vec<ExportedFile> {
        let mut files = ExportedFile::of_texts(self.all());
        let path = FilePath::parse("sheet").unwrap();
        files.push(ExportedFile::new(path, id.to_string().into_bytes()));
        files
    }
}

#[cfg(test)]
mod tests {
    use automerge::ROOT;
    use bowline_wire::ids::{DeviceId, EntryId, Millis};

    use super::*;
    use crate::document::actor::ActorId;
    use crate::document::edit::deletion::Deletion;
    use crate::document::intake::incoming::{Incoming, Reason};
    use crate::document::loaded::LoadError;
    use crate::payload::Payload;

    const SHEET: DocId = DocId::from_bytes([9; DocId::LEN]);
    const NOW: Millis = Millis(1_769_850_300_000);

    fn pen(device: u8) -> Pen {
        Pen { actor: ActorId::for_device(DeviceId::from_bytes([device; 32]), [device; 8]), now: NOW }
    }

    fn path(text: &str) -> FilePath {
        FilePath::parse(text).unwrap()
    }

    fn write(document: &mut Document, device: u8, at: &str, text: &str, pinned: bool) -> Vec<u8> {
        document.write_notice(pen(device), &path(at), text, pinned).unwrap().concat()
    }

    /// An entry's bytes as another device gets them: out of a payload.
    struct Sealed(u8, Vec<u8>);

    impl Sealed {
        fn of(document: &Document, device: u8, bytes: Vec<u8>) -> Self {
            let payload = Payload {
                doc: SHEET,
                kind: document.kind().number(),
                time: NOW,
                heads: document.heads(),
                bytes,
                summary: document.summary(),
                deleted_at: None,
                marks: None,
            };
            let payload = Payload::decode(&payload.encode()).unwrap();
            assert_eq!(Kind::from_number(payload.kind), Some(Kind::Notices));
            Self(device, payload.bytes)
        }

        fn open(&self) -> Incoming<'_> {
            Incoming {
                entry: EntryId::from_bytes([self.1.len().to_le_bytes()[0] ^ self.0; 32]),
                ..Incoming::local(DeviceId::from_bytes([self.0; 32]), &self.1)
            }
        }
    }

    #[test]
    fn its_documents_begin_with_one_change_and_are_of_no_other_kind() {
        let document = Document::create(Kind::Notices);
        assert_eq!(Document::load(Kind::Notices, &document.save()).unwrap().heads(), document.heads());
        assert_eq!(Document::load(Kind::Memory, &document.save()).unwrap_err(), LoadError::OtherKind);
        assert_eq!(document.memory().unwrap_err(), OtherKind(Kind::Notices));
        assert!(Document::create(Kind::Memory).notices().is_err());
    }

    #[test]
    fn what_two_devices_write_travels_and_merges() {
        let (mut ana, mut ben) = (Document::create(Kind::Notices), Document::create(Kind::Notices));
        let base = write(&mut ana, 1, "tea", "tea\nat four\n", true);
        let base = Sealed::of(&ana, 1, base);
        assert!(ben.apply(&[base.open()]).unwrap().changed);
        let a = write(&mut ana, 1, "tea", "green tea\nat four\n", true);
        let b = write(&mut ben, 2, "tea", "tea\nat five\n", true);
        let (a, b) = (Sealed::of(&ana, 1, a), Sealed::of(&ben, 2, b));
        for order in [[&base, &a, &b], [&b, &a, &base]] {
            let incoming: Vec<_> = order.iter().map(|sealed| sealed.open()).collect();
            let both = Document::assemble(Kind::Notices, &incoming);
            assert_eq!((both.refused, both.unsettled), (vec![], vec![]));
            let document = both.document;
            assert_eq!(document.notices().unwrap().all()[0].text, "green tea\nat five\n");
            let summary = document.summary();
            assert_eq!((&*summary.title, summary.count, summary.updated_at), ("tea", 1, NOW));
            assert_eq!((document.issues(), document.removed_files()), (vec![], vec![]));
        }
    }

    #[test]
    fn what_others_wrote_is_checked_as_for_every_kind() {
        let mut eve = Document::create(Kind::Notices);
        let map = eve.put(pen(1), &ROOT, "anything", Some(ScalarValue::counter(1))).unwrap().unwrap();
        let counter = Sealed::of(&eve, 1, map);
        let refused = Document::assemble(Kind::Notices, &[counter.open()]).refused;
        assert_eq!(refused[0].reason, Reason::UnknownOperation("counter"));
        let of_other_kind = Sealed(1, Kind::Memory.first_change().to_vec());
        let refused = Document::create(Kind::Notices).apply(&[of_other_kind.open()]).unwrap().refused;
        assert_eq!(refused[0].reason, Reason::WrongKind(Kind::Memory.number()));
    }

    #[test]
    fn it_goes_to_the_trash_and_comes_back() {
        let (mut ana, mut ben) = (Document::create(Kind::Notices), Document::create(Kind::Notices));
        let base = write(&mut ana, 1, "tea", "at four", false);
        let base = Sealed::of(&ana, 1, base);
        ben.apply(&[base.open()]).unwrap();
        let deleted = ana.delete(pen(1)).unwrap().unwrap();
        assert_eq!((ana.deletion(), ana.delete(pen(1))), (Deletion::Deleted(NOW), Ok(None)));
        let pinned = write(&mut ben, 2, "tea", "at four", true);
        let (deleted, pinned) = (Sealed::of(&ana, 1, deleted), Sealed::of(&ben, 2, pinned));
        let both = Document::assemble(Kind::Notices, &[base.open(), deleted.open(), pinned.open()]).document;
        assert_eq!(both.deletion(), Deletion::EditedAfter(NOW));
        assert!(ana.restore(pen(1)).unwrap().is_some());
        assert_eq!((ana.deletion(), ana.restore(pen(1))), (Deletion::None, Ok(None)));
    }

    #[test]
    fn it_is_listed_by_its_words_and_exported_as_files() {
        let mut document = Document::create(Kind::Notices);
        write(&mut document, 1, "tea", "at four", false);
        let exported = document.export(SHEET);
        let exported: Vec<_> = exported.iter().map(|file| (file.path.as_str(), &*file.bytes)).collect();
        assert_eq!(exported, [("tea", &b"at four"[..]), ("sheet", SHEET.to_string().as_bytes())]);
        assert_eq!(Kind::Notices.words().several, "notice sheets");
        assert_eq!(Kind::Notices.visibility(), Visibility::Shared);
        assert!(Kind::Notices.can_be_deleted() && Kind::ALL.contains(&Kind::Notices));
    }
}

//! Which file imports which item from which other file of its crate, as far as reading the paths can tell.
//!
//! File A imports an item from file B when code of A names the item by a path and the item's definition stands in B.
//! The path may be in a `use` line or in a signature, a body or a macro call; it is followed through module
//! declarations and re-exports to the file with the definition. `mod x;` and re-exports (`pub use`, `pub(crate) use`
//! and so on) import nothing by themselves: a file that only passes an item on does not need to be understood
//! together with it. A file that uses what it also passes on imports it.
//!
//! An associated function or a variant counts as its type. Methods called with a dot are not seen, since that would take
//! types. Code under `#[cfg(test)]` does not count. Other crates do not count either: cargo allows no circles there.

use std::collections::{BTreeMap, BTreeSet};

use crate::modules;
use crate::paths::{self, Module, Names};

/// For each file, the files it imports from and the names of what it imports.
pub(crate) type Imports = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// What the files of the crate import from one another whose first file is `root`.
pub(crate) fn imports(files: &BTreeMap<String, String>, root: &str) -> Imports {
    let crate_modules = Crate::read(files, root);
    let mut found = Imports::new();
    for (place, (file, module)) in &crate_modules.modules {
        let used = module.uses.iter().filter(|leaf| !leaf.reexport).map(|leaf| &leaf.path);
        for path in used.chain(&module.paths) {
            for meant in crate_modules.resolve(place, path, &mut BTreeSet::new()) {
                let Meant::Item { file: definer, name } = meant else { continue };
                if definer != *file {
                    found.entry(file.clone()).or_default().entry(definer).or_default().insert(name);
                }
            }
        }
    }
    found
}

/// The modules of one crate by their path from its root, each with its file.
struct Crate {
    modules: BTreeMap<Names, (String, Module)>,
}

/// What a path leads to inside the crate.
#[derive(Clone)]
enum Meant {
    Module(Names),
    Item { file: String, name: String },
}

impl Crate {
    fn read(files: &BTreeMap<String, String>, root: &str) -> Self {
        let mut found = BTreeMap::new();
        for (place, file) in modules::shipped_modules(files, root) {
            let read = files.get(&file).map(|text| paths::modules(text));
            let read = read.expect("a module's file is listed");
            let read = read.map_err(|why| format!("{file}: {why}")).expect("syn reads what rustc compiles");
            for module in read {
                let place = [place.as_slice(), &module.inside].concat();
                found.insert(place, (file.clone(), module));
            }
        }
        Self { modules: found }
    }

    /// What `path` means, written in the module `place`; nothing if it leads out of the crate. A name can mean a module
    /// and a function at once, so there may be several answers.
    ///
    /// `asked` holds the questions that are open, so that two modules which re-export each other end.
    fn resolve(
        &self,
        place: &[String],
        path: &[String],
        asked: &mut BTreeSet<(Names, String)>,
    ) -> Vec<Meant> {
        let mut at = place;
        let mut rest = path;
        while let [first, after @ ..] = rest {
            at = match first.as_str() {
                "crate" => &[],
                "self" => at,
                "super" => at.split_last().map_or(at, |(_, parent)| parent),
                _ => break,
            };
            rest = after;
        }
        let mut meant = vec![Meant::Module(at.to_vec())];
        // A bare name is looked for in its module only: what is not there comes from a crate outside or the prelude.
        let within = rest.len() < path.len();
        for (index, name) in rest.iter().enumerate() {
            let mut next = Vec::new();
            for one in meant {
                match one {
                    Meant::Item { .. } => next.push(one),
                    Meant::Module(module) => {
                        next.extend(self.named(&module, name, within || index > 0, asked));
                    }
                }
            }
            meant = next;
        }
        meant
    }

    /// What `name` means in `module`. Where a module of this crate has no such name but `surely` has it, a macro wrote
    /// the definition, and it is taken to stand in that module's file.
    fn named(
        &self,
        module: &[String],
        name: &str,
        surely: bool,
        asked: &mut BTreeSet<(Names, String)>,
    ) -> Vec<Meant> {
        let Some((file, read)) = self.modules.get(module) else { return Vec::new() };
        let question = (module.to_vec(), name.to_owned());
        if !asked.insert(question.clone()) {
            return Vec::new();
        }
        let item = || Meant::Item { file: file.clone(), name: name.to_owned() };
        let mut meant = Vec::new();
        if read.children.contains(name) {
            meant.push(Meant::Module([module, &[name.to_owned()]].concat()));
        }
        if read.defined.contains(name) {
            meant.push(item());
        }
        for leaf in read.uses.iter().filter(|leaf| leaf.name.as_deref() == Some(name)) {
            meant.extend(self.resolve(module, &leaf.path, asked));
        }
        if meant.is_empty() {
            for leaf in read.uses.iter().filter(|leaf| leaf.name.is_none()) {
                let whole = [leaf.path.as_slice(), &[name.to_owned()]].concat();
                meant
                    .extend(self.resolve(module, &whole, asked).into_iter().filter(|one| self.is_there(one)));
            }
        }
        asked.remove(&question);
        if meant.is_empty() && surely && !read.uses.iter().any(|leaf| leaf.name.as_deref() == Some(name)) {
            meant.push(item());
        }
        meant
    }

    /// False for an item that no module of its file defines in plain sight, which a `*` must not be taken to bring in.
    fn is_there(&self, meant: &Meant) -> bool {
        match meant {
            Meant::Module(_) => true,
            Meant::Item { file, name } => {
                self.modules.values().any(|(holder, module)| holder == file && module.defined.contains(name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `user → definer: names` lines for a crate of files under `a/src/`.
    fn lines(files: &[(&str, &str)]) -> Vec<String> {
        let files = files.iter().map(|(path, text)| (format!("a/src/{path}"), (*text).to_owned())).collect();
        let mut found = Vec::new();
        for (user, definers) in imports(&files, "a/src/lib.rs") {
            for (definer, names) in definers {
                let names = Vec::from_iter(names).join(", ");
                found.push(format!("{user} → {definer}: {names}").replace("a/src/", ""));
            }
        }
        found
    }

    #[test]
    fn a_path_is_followed_through_reexports_to_the_definition() {
        let found = lines(&[
            ("lib.rs", "mod a;\npub use a::{Deep, inner};\nmod b;"),
            ("a.rs", "pub(crate) mod inner;\npub use inner::Deep;"),
            ("a/inner.rs", "pub struct Deep;\npub enum Kind { One }"),
            ("b.rs", "use crate::Deep;\nfn f(d: Deep) -> super::a::inner::Kind { crate::inner::Kind::One }"),
        ]);
        assert_eq!(found, ["b.rs → a/inner.rs: Deep, Kind"]);
    }

    #[test]
    fn a_parent_that_only_passes_on_imports_nothing_and_one_that_uses_it_does() {
        let child = ("a.rs", "use super::Top;\npub struct Part;\nfn f(top: Top) {}");
        let passing = ("lib.rs", "mod a;\npub use a::Part;\npub struct Top;");
        assert_eq!(lines(&[passing, child]), ["a.rs → lib.rs: Top"]);
        let using = ("lib.rs", "mod a;\npub use a::Part;\npub struct Top(Part);");
        assert_eq!(lines(&[using, child]), ["a.rs → lib.rs: Top", "lib.rs → a.rs: Part"]);
        let calling = ("lib.rs", "mod a;\npub struct Top;\nfn g() { a::f(Top) }");
        assert_eq!(lines(&[calling, child]), ["a.rs → lib.rs: Top", "lib.rs → a.rs: f"]);
    }

    #[test]
    fn a_module_by_its_own_name_is_a_way_and_not_an_import() {
        let found = lines(&[
            ("lib.rs", "mod a;\nmod b;\nmod c;"),
            ("a.rs", "pub fn a() {}"),
            ("b.rs", "use super::c;\nuse super::a;\nfn f() { c::g(); vec![a::a()]; }"),
            ("c.rs", "use crate::b;\npub fn g() {}"),
        ]);
        assert_eq!(found, ["b.rs → a.rs: a", "b.rs → c.rs: g"]);
    }

    #[test]
    fn what_comes_from_outside_or_is_only_in_tests_is_no_import() {
        let found = lines(&[
            ("lib.rs", "mod a;\nmod b;\n#[cfg(test)]\nmod tests;"),
            (
                "a.rs",
                "use serde::Serialize;\nfn f(v: Vec<u8>) -> std::io::Error { b::x(v) }\npub struct Real;",
            ),
            (
                "b.rs",
                "#[cfg(test)]\nmod tests { use super::super::a::Real; }\n#[cfg(test)]\nuse crate::a::Real;",
            ),
            ("tests.rs", "use crate::a::Real;"),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn a_star_brings_in_what_is_named_and_a_macro_may_have_defined_it() {
        let found = lines(&[
            ("lib.rs", "mod a;\nmod b;\nmod c;"),
            ("a.rs", "pub struct Plain;\nids!(Made);"),
            ("b.rs", "use crate::a::*;\nfn f(plain: Plain, other: Other) {}"),
            ("c.rs", "use crate::a::Made;"),
        ]);
        assert_eq!(found, ["b.rs → a.rs: Plain", "c.rs → a.rs: Made"]);
    }

    #[test]
    fn modules_that_reexport_each_other_do_not_go_on_for_ever() {
        let found = lines(&[
            ("lib.rs", "mod a;\nmod b;\nfn f() { a::lost(); }"),
            ("a.rs", "pub use crate::b::*;\npub use crate::b::lost;"),
            ("b.rs", "pub use crate::a::*;\npub use crate::a::lost;"),
        ]);
        assert_eq!(found, [""; 0]);
    }
}

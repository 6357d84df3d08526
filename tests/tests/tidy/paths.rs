//! Reads a Rust file's modules with syn: what each defines, what it brings into scope, and every path it writes.

use std::collections::BTreeSet;

use syn::buffer::{Cursor, TokenBuffer};
use syn::visit::{self, Visit};
use syn::{Attribute, File, ImplItem, Item, ItemUse, Macro, UseTree, Visibility};

/// The names of a path, as written: `["super", "edit", "write"]`.
pub(crate) type Names = Vec<String>;

/// One module: a file, or a `mod name { … }` in a file.
#[derive(Default)]
pub(crate) struct Module {
    /// Below the file's own module: empty for the file itself.
    pub(crate) inside: Names,
    /// Functions, types, traits, constants and macros with their definition here.
    pub(crate) defined: BTreeSet<String>,
    /// Modules declared here, in this file or another.
    pub(crate) children: BTreeSet<String>,
    pub(crate) uses: Vec<Use>,
    /// Paths in signatures, bodies and macro calls; one without `::` is here as well.
    pub(crate) paths: BTreeSet<Names>,
}

/// One leaf of a `use` declaration.
pub(crate) struct Use {
    pub(crate) path: Names,
    /// The name it has here; `None` for `*`.
    pub(crate) name: Option<String>,
    /// True for `pub use` and its narrower forms, which only let others reach the item by another path.
    pub(crate) reexport: bool,
}

/// The modules of one file, itself first; what is under `#[cfg(test)]` is left out.
pub(crate) fn modules(text: &str) -> syn::Result<Vec<Module>> {
    let file: File = syn::parse_file(text)?;
    let mut found = Vec::new();
    module(&file.items, Vec::new(), &mut found);
    Ok(found)
}

fn module(items: &[Item], inside: Names, found: &mut Vec<Module>) {
    let mut reader = Reader { module: Module { inside: inside.clone(), ..Module::default() } };
    let mut inline = Vec::new();
    for item in items.iter().filter(|item| !is_test_only(attributes(item))) {
        let Item::Mod(child) = item else {
            reader.module.defined.extend(defined(item));
            reader.visit_item(item);
            continue;
        };
        reader.module.children.insert(child.ident.to_string());
        inline.extend(child.content.as_ref().map(|(_, items)| (child.ident.to_string(), items)));
    }
    found.push(reader.module);
    for (name, items) in inline {
        module(items, [inside.as_slice(), &[name]].concat(), found);
    }
}

/// The name an item gives to something; impl blocks, `use` and calls of macros give none.
fn defined(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether `#[cfg(test)]` is among them.
fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|ident| ident == "test")
    })
}

/// Walks the items of one module and notes what they name.
struct Reader {
    module: Module,
}

impl Reader {
    fn leaves(&mut self, tree: &UseTree, before: &[String], reexport: bool) {
        let after = |ident: &syn::Ident| match ident.to_string().as_str() {
            // `use a::b::{self}` brings in `a::b`.
            "self" if !before.is_empty() => before.to_vec(),
            name => [before, &[name.to_owned()]].concat(),
        };
        let (path, name) = match tree {
            UseTree::Path(path) => return self.leaves(&path.tree, &after(&path.ident), reexport),
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.leaves(tree, before, reexport));
            }
            UseTree::Name(name) => {
                let path = after(&name.ident);
                let last = path.last().cloned();
                (path, last)
            }
            UseTree::Rename(rename) => (after(&rename.ident), Some(rename.rename.to_string())),
            UseTree::Glob(_) => (before.to_vec(), None),
        };
        self.module.uses.push(Use { path, name, reexport });
    }

    fn note(&mut self, path: &mut Names) {
        if !path.is_empty() {
            self.module.paths.insert(std::mem::take(path));
        }
    }

    /// Notes the paths in what a macro is given. Nobody can parse that in general, so every run of names joined by
    /// `::` counts, except after a dot, where it is a field or method, and what only a macro knows: `$name`.
    fn tokens(&mut self, mut at: Cursor<'_>) {
        let mut path = Names::new();
        let mut before = ' ';
        loop {
            if let Some((ident, next)) = at.ident() {
                let name = ident.to_string();
                if before == 'a' {
                    self.note(&mut path);
                }
                if !(matches!(before, '.' | '\'') || before == '$' && name != "crate") {
                    path.push(name);
                }
                (at, before) = (next, 'a');
            } else if let Some(next) = after_colons(at) {
                // `<T as Trait>::name` and `::outside::name` begin with nothing that could be looked up here.
                (at, before) = (next, if path.is_empty() { '.' } else { ':' });
            } else {
                self.note(&mut path);
                if let Some((inner, _, _, next)) = at.any_group() {
                    self.tokens(inner);
                    (at, before) = (next, ')');
                } else if let Some((punct, next)) = at.punct() {
                    (at, before) = (next, punct.as_char());
                } else if let Some((_, next)) = at.token_tree() {
                    (at, before) = (next, '0');
                } else {
                    return;
                }
            }
        }
    }
}

/// What follows the `::` that stands here.
fn after_colons(at: Cursor<'_>) -> Option<Cursor<'_>> {
    let (first, next) = at.punct()?;
    let (second, after) = next.punct()?;
    (first.as_char() == ':' && second.as_char() == ':').then_some(after)
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test_only(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => item.attrs.as_slice(),
            ImplItem::Fn(item) => &item.attrs,
            _ => &[],
        };
        if !is_test_only(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.leaves(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.module.paths.insert(path.segments.iter().map(|part| part.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        visit::visit_macro(self, call);
        self.tokens(TokenBuffer::new2(call.tokens.clone()).begin());
    }

    /// `pub(in crate::device)` uses nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    /// Derives and lints name crates from outside.
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Module {
        modules(text).expect("the text is Rust").remove(0)
    }

    fn written(module: &Module) -> Vec<String> {
        module.paths.iter().map(|path| path.join("::")).collect()
    }

    #[test]
    fn every_leaf_of_a_use_tree_is_read_with_its_name_here() {
        let module = only("use a::{self, b::C as D, e::*};\npub(crate) use f::g;");
        let leaves: Vec<_> = module
            .uses
            .iter()
            .map(|leaf| (leaf.path.join("::"), leaf.name.clone().unwrap_or_default(), leaf.reexport))
            .collect();
        let leaf = |path: &str, name: &str, reexport| (path.to_owned(), name.to_owned(), reexport);
        assert_eq!(
            leaves,
            [
                leaf("a", "a", false),
                leaf("a::b::C", "D", false),
                leaf("a::e", "", false),
                leaf("f::g", "g", true)
            ]
        );
    }

    #[test]
    fn paths_are_read_in_types_bodies_and_macros_and_not_in_tests_or_visibilities() {
        let module = only(concat!(
            "pub(in crate::hidden) fn f(a: super::A) -> b::B<C> { assert!(d::D == a.field, \"{e}\", <T as H>::x(), g()); }\n",
            "#[cfg(test)] fn t() { planted::x() }\n",
            "impl E { #[cfg(test)] fn t(&self) { planted::x() } }\n",
            "#[derive(hidden::Derive)] struct S;",
        ));
        assert_eq!(
            written(&module),
            ["C", "E", "H", "T", "a", "as", "assert", "b::B", "d::D", "g", "super::A"]
        );
        assert_eq!(Vec::from_iter(&module.defined), ["S", "f"]);
    }

    #[test]
    fn a_module_inside_a_file_is_read_by_itself() {
        let found =
            modules("mod a { mod b { fn f() {} } fn g() {} }\nmod c;\n#[cfg(test)]\nmod tests { fn t() {} }")
                .expect("the text is Rust");
        let inside: Vec<_> = found.iter().map(|module| module.inside.join("::")).collect();
        assert_eq!(inside, ["", "a", "a::b"]);
        assert_eq!(Vec::from_iter(&found[0].children), ["a", "c"]);
        assert_eq!(Vec::from_iter(&found[2].defined), ["f"]);
    }
}

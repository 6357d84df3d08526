//! What something is known by whose name can come in two spellings of the same letters.

use std::borrow::Cow;

use bowline_device::composed;

/// A name in its composed spelling, so that it is the same however it comes; as it is if another of `all`, which lie beside it,
/// differs in nothing but spelling.
pub(crate) fn known_as<'n, 'a>(name: &'n str, all: impl IntoIterator<Item = &'a str>) -> Cow<'n, str> {
    let composed_name = composed(name);
    let has_double =
        !name.is_ascii() && all.into_iter().any(|other| other != name && composed(other) == composed_name);
    if has_double { Cow::Borrowed(name) } else { composed_name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_by_its_letters_unless_two_are_spelled_with_the_same() {
        let (whole, apart) = ("\u{e9}", "e\u{0301}");
        assert_eq!(known_as(apart, [apart, "x"]), whole);
        assert_eq!(known_as(whole, [whole]), whole);
        assert_eq!(known_as(apart, [whole, apart]), apart);
    }
}

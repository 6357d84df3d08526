//! Rules for private keys in text form, which count in every file, whatever it is.

use super::rule::{Rule, shape};

pub(super) const RULES: &[Rule] = &[
    shape("PEM, OpenPGP and SSH", &["---BEGIN ", "--- BEGIN "], "[ -,.-~]{0,52}PRIVATE KEY[ -,.-~]{0,20}---")
        .tested("ENCRYPTED PRIVATE KEY-----\nMIIFHDBOBgkq", "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA"),
    shape("PuTTY", &["PuTTY-User-Key-File-"], "(?s:.)*?Private-Lines:").tested(
        "3: ssh-ed25519\nPublic-Lines: 2\nAAAA\nPrivate-Lines: 1\n",
        "PuTTY-User-Key-File-3 begins such a file",
    ),
];

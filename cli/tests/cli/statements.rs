//! What commands ask of the database, statement by statement.

use bowline_store::statements::{Statement, recorded};

use crate::machine::Machine;
use crate::relay::TestRelay;
use crate::shared::owner;

/// Statements that read rows of documents, with how many rows each gave. An INSERT that takes a document's place from its
/// row hands nothing out, and is not among them.
fn document_reads(ran: &[Statement]) -> Vec<&Statement> {
    let reads = |it: &&Statement| it.sql.starts_with("SELECT") && it.sql.contains("FROM doc ");
    ran.iter().filter(reads).collect()
}

/// A home with three conversations; the id of the one called `Groceries`.
fn with_conversations() -> (Machine, String) {
    let mut machine = Machine::with_home();
    machine.made("chat new --title Plans");
    let id = machine.made("chat new --title Groceries");
    machine.made("chat new --title Letters");
    (machine, id)
}

fn reads_one_row(machine: &mut Machine, line: &str) {
    let (ran, statements) = recorded(|| machine.run(line));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let reads = document_reads(&statements);
    assert_eq!(reads.iter().map(|it| it.rows).collect::<Vec<_>>(), [1], "{line}: {reads:#?}");
    assert!(statements.iter().any(|it| it.sql.starts_with("INSERT INTO change")), "it was stored");
}

#[test]
fn a_cold_chat_say_reads_its_documents_row_once_and_lists_nothing() {
    let (mut machine, id) = with_conversations();
    for typed in [id.as_str(), &id[..8], "Groceries"] {
        reads_one_row(&mut machine, &format!("chat say {typed} 'Buy milk'"));
    }
}

#[test]
fn a_cold_chat_say_into_a_workspace_reads_its_documents_row_once() {
    let relay = TestRelay::start();
    let mut machine = owner(&relay);
    machine.made("chat new --title Plans");
    let id = machine.made("chat new --title Shared");
    reads_one_row(&mut machine, &format!("chat say {id} 'Buy milk'"));
}

#[test]
fn a_list_reads_all_of_them() {
    let (mut machine, _) = with_conversations();
    let (ran, statements) = recorded(|| machine.run("chat list"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(document_reads(&statements).iter().any(|it| it.rows == 3), "{statements:#?}");
}

//! Single keys of a map within one change.

use automerge::transaction::{Transactable, Transaction};
use automerge::{AutomergeError, ObjId, ObjType, ReadDoc, ScalarValue, Value};

/// Whether the key holds exactly this value, undisputed.
pub(in crate::document) fn is_already(
    document: &impl ReadDoc,
    object: &ObjId,
    key: &str,
    value: Option<&ScalarValue>,
) -> bool {
    let found = document.get_all(object, key).unwrap_or_default();
    match (found.as_slice(), value) {
        ([], None) => true,
        ([(Value::Scalar(found), _)], Some(value)) => found.as_ref() == value,
        _ => false,
    }
}

/// Sets or removes one key.
pub(in crate::document) fn write(
    tx: &mut Transaction<'_>,
    object: &ObjId,
    key: &str,
    value: Option<ScalarValue>,
) -> Result<(), AutomergeError> {
    match value {
        Some(value) => tx.put(object, key, value),
        None if tx.get(object, key)?.is_some() => tx.delete(object, key),
        None => Ok(()),
    }
}

/// The map under a key, made if there is none.
pub(in crate::document) fn map_at(
    tx: &mut Transaction<'_>,
    object: &ObjId,
    key: &str,
) -> Result<ObjId, AutomergeError> {
    match tx.get(object, key)? {
        Some((Value::Object(ObjType::Map), id)) => Ok(id),
        _ => tx.put_object(object, key, ObjType::Map),
    }
}

//! The node that a body names.

use crate::{
    NodeId, Written,
    json::{DecodeError, Object},
};

/// The node that the body of `POST /v1/client/metadata` or `identity/renew` names, whatever else stands in it. An empty text
/// names none.
///
/// # Errors
/// [`DecodeError`], which Nomad answers with 400.
pub fn named_node(body: &[u8]) -> Result<Option<Written<NodeId>>, DecodeError> {
    let named = Object::parse(body, "")?.text("NodeID")?;
    Ok((!named.is_empty()).then(|| Written::from(&*named)))
}

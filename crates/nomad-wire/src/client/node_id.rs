//! The node that a body names.

use crate::{
    IdParam, NodeId,
    json::{DecodeError, Object},
};

/// The node that the body of `POST /v1/client/metadata` or `identity/renew` names, whatever else stands in it. An empty text
/// names none.
///
/// # Errors
/// [`DecodeError`], which Nomad answers with 400.
pub fn parse_node_id(body: &[u8]) -> Result<Option<IdParam<NodeId>>, DecodeError> {
    let named = Object::parse(body, "")?.string("NodeID")?;
    Ok((!named.is_empty()).then(|| IdParam::from(&*named)))
}

//! Calls whose body may name the node.
//!
//! | call | query and body name a node | Nomad's reason |
//! |---|---|---|
//! | `POST client/metadata` | the query's counts | the body is decoded first, then the query |
//! | `identity/renew` | the body's counts | the query is read first, then the body |
//!
//! Only a full id counts here: the body goes on as it came, and agents understand nothing else. What cannot be read here, and
//! what is no id, is left to an agent, which complains about it in its own words or passes the call on.

use bytes::Bytes;
use http::Request;
use http_body::Body;
use nomad_acl::Identified;
use nomad_wire::{IdParam, Route, client::parse_node_id, json::DecodeError, spec::BodyTarget};

use super::{LocateError, Located, future, look_up};
use crate::{Target, directory::Directory, layers::upstream_body::UpstreamBody};

/// Whether the body decides who is meant.
pub(super) const fn may_name_node(route: &Route, target: &Target) -> bool {
    match route.spec().target.body {
        BodyTarget::Never => false,
        BodyTarget::AfterQuery => !target.is_explicit(),
        BodyTarget::BeforeQuery => true,
    }
}

/// Reads the body as far as any body is read before a place at an agent is asked for, and looks up whom it names.
pub(super) async fn locate_by_body<D, B>(
    known: Identified<UpstreamBody<B>>,
    directory: D,
) -> Result<Located<UpstreamBody<B>>, LocateError>
where
    D: Directory,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Identified { mut call, acl, request, .. } = known;
    let (head, body) = request.into_parts();
    let body = match body.read_ahead().await {
        Ok(body) => body,
        Err(source) => return Err(LocateError::Upload { route: call.route, source }),
    };
    let by_query = call.target?;
    let target = match body.complete_bytes() {
        Some(body) => target_named_by(&call.route, by_query, &body),
        None => left_to_an_agent(by_query),
    };
    call.target = Ok(target.clone());
    let known = Identified { call, acl, request: Request::from_parts(head, body) };
    let place = look_up(&directory, &known, &target);
    future::into_located(known, place.await)
}

/// Whom the call is for.
fn target_named_by(route: &Route, by_query: Target, body: &[u8]) -> Target {
    match parse_node_id(body) {
        Ok(Some(IdParam::Valid(id))) => Target::Node(IdParam::Valid(id)),
        Ok(None) => by_query,
        // There may be none.
        Err(DecodeError::Eof) if route.spec().target.body == BodyTarget::BeforeQuery => by_query,
        Ok(Some(IdParam::Malformed { .. })) | Err(_) => left_to_an_agent(by_query),
    }
}

fn left_to_an_agent(by_query: Target) -> Target {
    if by_query.is_explicit() { by_query } else { Target::AnyServer }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
    const B: &str = "9bb2aaaa-7630-ebf4-b8b8-c11ee8847863";

    fn node(id: &str) -> Target {
        Target::Node(id.into())
    }

    #[test]
    fn a_body_names_a_node_by_its_full_id() {
        let of =
            |body: &str| target_named_by(&Route::SetMetadata, Target::SoleServer, body.as_bytes());
        for body in ["{}", "null", r#"{"NodeID":""}"#, r#"{"NodeID":null,"Meta":{"NodeID":"x"}}"#] {
            assert_eq!(of(body), Target::SoleServer, "{body}");
        }
        for body in [r#"{"NodeID":"A"}"#, r#"{"NodeID":"B","nodeid":"A"}"#, r#"{"NODEID":"A"} x"#] {
            assert_eq!(of(&body.replace('A', A).replace('B', B)), node(A), "{body}");
        }
        for body in ["", "{", "x", "[]", r#"{"NodeID":1}"#, r#"{"NodeID":"client1"}"#] {
            assert_eq!(of(body), Target::AnyServer, "{body}");
        }
    }

    #[test]
    fn a_renewal_believes_its_body_before_its_query() {
        let of = |body: &str| target_named_by(&Route::RenewIdentity, node(A), body.as_bytes());
        assert_eq!(of(&format!(r#"{{"NodeID":"{B}"}}"#)), node(B));
        for body in ["", "{}", "{", r#"{"NodeID":"client2"}"#] {
            assert_eq!(of(body), node(A), "{body}");
        }
        let alone = target_named_by(&Route::RenewIdentity, Target::SoleServer, b"");
        assert_eq!(alone, Target::SoleServer);
        assert!(may_name_node(&Route::RenewIdentity, &node(A)));
        assert!(!may_name_node(&Route::SetMetadata, &node(A)));
    }
}

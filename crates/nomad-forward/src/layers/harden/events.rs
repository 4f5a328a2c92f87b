//! What a subscription to events requires (`nomad/event_endpoint.go` of Nomad 2.0).
//!
//! A server writes its 200 before it decides, so that a denied subscription looks like a cluster in which nothing
//! happens. What the edge can decide it decides before.

use http::Uri;
use nomad_acl::{
    AccessLevel, Acl, Capability, Requirement, Subject, capability::NamespaceCapability,
};
use nomad_wire::{Namespace, Query};

use super::{HardenError, require};

const READ_JOB: Requirement =
    Requirement::new(&[&[Capability::Namespace(NamespaceCapability::ReadJob)]]);
const READ_HOST_VOLUME: Requirement =
    Requirement::new(&[&[Capability::Namespace(NamespaceCapability::HostVolumeRead)]]);
const READ_CSI_VOLUME: Requirement =
    Requirement::new(&[&[Capability::Namespace(NamespaceCapability::CsiReadVolume)]]);
const SEARCH_VARIABLES: Requirement = Requirement::new(&[&[Capability::VariableSearch]]);
const READ_NODES: Requirement = Requirement::new(&[&[Capability::Node(AccessLevel::Read)]]);
const READ_OPERATOR: Requirement = Requirement::new(&[&[Capability::Operator(AccessLevel::Read)]]);
const MANAGEMENT: Requirement = Requirement::new(&[&[Capability::Management]]);

/// Whether the caller may have all of the topics. Without one all topics are meant, which is for management tokens.
///
/// In all namespaces at once (`*`) a server demands the rights in each that there is; a caller who holds one in some
/// namespace is left to it.
pub(super) fn check(acl: &Acl, uri: &Uri) -> Result<(), HardenError> {
    let query = Query::from_uri(uri);
    let named = query.non_empty("namespace");
    let namespace = Namespace::new(named.as_deref().unwrap_or("default"));
    let subject = Subject::Namespace(namespace);
    let mut topics = query.all("topic").peekable();
    if topics.peek().is_none() {
        return require(acl, &MANAGEMENT, &subject);
    }
    for topic in topics {
        let mut parts = topic.split(':');
        let (name, _key, further) = (parts.next(), parts.next(), parts.next());
        // A server complains about the form of a topic before it asks for rights.
        if further.is_none() {
            require(acl, topic_requirement(name.unwrap_or_default()), &subject)?;
        }
    }
    Ok(())
}

fn topic_requirement(topic: &str) -> &'static Requirement {
    match topic {
        "Deployment" | "Evaluation" | "Allocation" | "Job" | "Service" | "CSIPlugin" => &READ_JOB,
        "HostVolume" => &READ_HOST_VOLUME,
        "CSIVolume" => &READ_CSI_VOLUME,
        "Variable" => &SEARCH_VARIABLES,
        "Node" => &READ_NODES,
        "Operator" => &READ_OPERATOR,
        // Pools, tokens and policies, `*`, and what a newer Nomad adds.
        _ => &MANAGEMENT,
    }
}

#[cfg(test)]
mod tests {
    use nomad_acl::Policy;

    use super::*;

    fn may(rules: &str, query: &str) -> bool {
        let policy: Policy = rules.parse().unwrap();
        let uri: Uri = format!("/v1/event/stream?{query}").parse().unwrap();
        check(&Acl::compile([("one", &policy)]), &uri).is_ok()
    }

    #[test]
    fn topics_cost_what_a_server_demands() {
        let web = "namespace \"web\" { policy = \"read\" }";
        for (rules, query, expected) in [
            (web, "topic=Job&namespace=web", true),
            (web, "topic=Job:api&topic=Allocation:*&namespace=web", true),
            (web, "topic=Job&topic=Node&namespace=web", false),
            (web, "topic=Job", false),
            (web, "topic=Job&namespace=*", true),
            ("node { policy = \"read\" }", "topic=Job&namespace=*", false),
            ("node { policy = \"read\" }", "topic=Node", true),
            ("operator { policy = \"read\" }", "topic=Operator", true),
            (web, "namespace=web", false),
            (web, "topic=*&namespace=web", false),
            (web, "topic=NodePool&namespace=web", false),
            (web, "topic=Newer&namespace=web", false),
            (web, "topic=a:b:c", true),
        ] {
            assert_eq!(may(rules, query), expected, "{rules} {query}");
        }
        let uri = Uri::from_static("/v1/event/stream");
        for acl in [Acl::management(), Acl::disabled(), Acl::deferred()] {
            assert!(check(&acl, &uri).is_ok());
        }
    }
}

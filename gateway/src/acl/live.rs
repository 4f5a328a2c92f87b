//! What a cluster says of the caller's own token.

use nomad_acl::Stored;
use nomad_wire::{AllocId, SecretId};
use serde::Deserialize;

use super::{AclError, api::Api};

/// What the token of the environment may do.
pub(super) enum Standing {
    /// Everything, and why.
    Everything(&'static str),
    /// What its policies say.
    Policies(Live),
}

/// The policies of a token, and where an allocation is.
pub(super) struct Live {
    /// Each by its name.
    pub(super) policies: Vec<(String, Stored)>,
    /// The namespace of the allocation that was asked for.
    pub(super) namespace: Option<String>,
}

/// The environment variable that Nomad's own command line reads.
const TOKEN: &str = "NOMAD_TOKEN";

#[derive(Deserialize)]
struct Token {
    #[serde(rename = "Type", default)]
    kind: String,
    #[serde(rename = "Policies", default)]
    policies: Option<Vec<String>>,
    #[serde(rename = "Roles", default)]
    roles: Option<Vec<Link>>,
}

#[derive(Deserialize)]
struct Link {
    #[serde(rename = "ID")]
    id: String,
}

#[derive(Deserialize)]
struct Role {
    #[serde(rename = "Policies", default)]
    policies: Option<Vec<PolicyLink>>,
}

#[derive(Deserialize)]
struct PolicyLink {
    #[serde(rename = "Name")]
    name: String,
}

#[derive(Deserialize)]
struct Policy {
    #[serde(rename = "Rules")]
    rules: String,
    #[serde(rename = "RulesJSON", default)]
    rules_json: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Allocation {
    #[serde(rename = "Namespace")]
    namespace: String,
}

pub(super) fn ask(address: &str, allocation: Option<AllocId>) -> Result<Standing, AclError> {
    let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty()).map(SecretId::new);
    let api = Api::new(address, token)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(AclError::Runtime)?.block_on(standing(&api, allocation))
}

async fn standing(api: &Api, allocation: Option<AllocId>) -> Result<Standing, AclError> {
    if is_off(api).await? {
        return Ok(Standing::Everything("ACLs are switched off"));
    }
    let mut names = vec!["anonymous".to_owned()];
    if api.has_token() {
        let token: Token = api.get("/v1/acl/token/self").await?;
        if token.kind == "management" {
            return Ok(Standing::Everything("a management token may do everything"));
        }
        names = token.policies.unwrap_or_default();
        for Link { id } in token.roles.unwrap_or_default() {
            let role: Role = api.get(&format!("/v1/acl/role/{id}")).await?;
            names.extend(role.policies.unwrap_or_default().into_iter().map(|policy| policy.name));
        }
    }
    names.sort_unstable();
    names.dedup();
    let mut policies = Vec::new();
    for name in names {
        match api.get::<Policy>(&format!("/v1/acl/policy/{name}")).await {
            Ok(Policy { rules, rules_json }) => {
                policies.push((name, nomad_acl::Policy::stored(&rules, rules_json.as_ref())));
            }
            // A policy that a token names and nobody wrote grants nothing.
            Err(AclError::Refused { status, .. }) if status == http::StatusCode::NOT_FOUND => {}
            Err(error) => return Err(error),
        }
    }
    let namespace = match allocation {
        Some(id) => Some(api.get::<Allocation>(&format!("/v1/allocation/{id}")).await?.namespace),
        None => None,
    };
    Ok(Standing::Policies(Live { policies, namespace }))
}

/// With ACLs off Nomad still knows a token for everybody, but no policies.
async fn is_off(api: &Api) -> Result<bool, AclError> {
    match api.get::<serde_json::Value>("/v1/acl/policies").await {
        Err(AclError::Refused { text, .. }) => Ok(text.contains("ACL support disabled")),
        Ok(_) => Ok(false),
        Err(error) => Err(error),
    }
}

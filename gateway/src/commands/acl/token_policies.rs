//! What a cluster says of the caller's own token.

use nomad_acl::StoredPolicy;
use nomad_wire::{AllocId, SecretId};
use serde::Deserialize;

use super::{AclError, api_client::ApiClient};

/// What the token of the environment may do.
pub(super) enum TokenAccess {
    /// Everything, and why.
    Unrestricted(&'static str),
    /// What its policies say.
    Policies(TokenPolicies),
}

/// The policies of a token, and where an allocation is.
pub(super) struct TokenPolicies {
    /// Each by its name.
    pub(super) policies: Vec<(String, StoredPolicy)>,
    /// The namespace of the allocation that was asked for.
    pub(super) namespace: Option<String>,
}

/// The environment variable that Nomad's own command line reads.
const TOKEN_VARIABLE: &str = "NOMAD_TOKEN";

#[derive(Deserialize)]
struct TokenRecord {
    #[serde(rename = "Type", default)]
    kind: String,
    #[serde(rename = "Policies", default)]
    policies: Option<Vec<String>>,
    #[serde(rename = "Roles", default)]
    roles: Option<Vec<RoleLink>>,
}

#[derive(Deserialize)]
struct RoleLink {
    #[serde(rename = "ID")]
    id: String,
}

#[derive(Deserialize)]
struct RoleRecord {
    #[serde(rename = "Policies", default)]
    policies: Option<Vec<PolicyRef>>,
}

#[derive(Deserialize)]
struct PolicyRef {
    #[serde(rename = "Name")]
    name: String,
}

#[derive(Deserialize)]
struct PolicyRecord {
    #[serde(rename = "Rules")]
    rules: String,
    #[serde(rename = "RulesJSON", default)]
    rules_json: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct AllocationRecord {
    #[serde(rename = "Namespace")]
    namespace: String,
}

pub(super) fn fetch(address: &str, allocation: Option<AllocId>) -> Result<TokenAccess, AclError> {
    let token =
        std::env::var(TOKEN_VARIABLE).ok().filter(|token| !token.is_empty()).map(SecretId::new);
    let api = ApiClient::new(address, token)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(AclError::Runtime)?.block_on(fetch_access(&api, allocation))
}

async fn fetch_access(
    api: &ApiClient,
    allocation: Option<AllocId>,
) -> Result<TokenAccess, AclError> {
    if are_acls_disabled(api).await? {
        return Ok(TokenAccess::Unrestricted("ACLs are switched off"));
    }
    let mut names = vec!["anonymous".to_owned()];
    if api.has_token() {
        let token: TokenRecord = api.get("/v1/acl/token/self").await?;
        if token.kind == "management" {
            return Ok(TokenAccess::Unrestricted("a management token may do everything"));
        }
        names = token.policies.unwrap_or_default();
        for RoleLink { id } in token.roles.unwrap_or_default() {
            let role: RoleRecord = api.get(&format!("/v1/acl/role/{id}")).await?;
            names.extend(role.policies.unwrap_or_default().into_iter().map(|policy| policy.name));
        }
    }
    names.sort_unstable();
    names.dedup();
    let mut policies = Vec::new();
    for name in names {
        match api.get::<PolicyRecord>(&format!("/v1/acl/policy/{name}")).await {
            Ok(PolicyRecord { rules, rules_json }) => {
                policies.push((name, nomad_acl::Policy::from_stored(&rules, rules_json.as_ref())));
            }
            // A policy that a token names and nobody wrote grants nothing.
            Err(AclError::ErrorStatus { status, .. }) if status == http::StatusCode::NOT_FOUND => {}
            Err(error) => return Err(error),
        }
    }
    let namespace = match allocation {
        Some(id) => {
            Some(api.get::<AllocationRecord>(&format!("/v1/allocation/{id}")).await?.namespace)
        }
        None => None,
    };
    Ok(TokenAccess::Policies(TokenPolicies { policies, namespace }))
}

/// With ACLs off Nomad still knows a token for everybody, but no policies.
async fn are_acls_disabled(api: &ApiClient) -> Result<bool, AclError> {
    match api.get::<serde_json::Value>("/v1/acl/policies").await {
        Err(AclError::ErrorStatus { text, .. }) => Ok(text.contains("ACL support disabled")),
        Ok(_) => Ok(false),
        Err(error) => Err(error),
    }
}

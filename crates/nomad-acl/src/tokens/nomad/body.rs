//! The bodies of the ACL API, as far as they are read (`api/acl.go`).

use serde::Deserialize;

/// A token, from `token/self`. Its secret is not read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Token {
    #[serde(default, rename = "AccessorID")]
    pub(super) accessor: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) r#type: String,
    #[serde(default)]
    pub(super) policies: Option<Vec<String>>,
    #[serde(default)]
    pub(super) roles: Option<Vec<RoleLink>>,
    #[serde(default)]
    pub(super) expiration_time: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RoleLink {
    #[serde(rename = "ID")]
    pub(super) id: String,
}

/// A role, from `role/:id`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Role {
    #[serde(default)]
    pub(super) policies: Option<Vec<PolicyLink>>,
}

/// Anything with a name: a role's link to a policy, or a stub of a policy.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PolicyLink {
    pub(super) name: String,
}

/// A policy, from `policy/:name`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Policy {
    pub(super) name: String,
    #[serde(default)]
    pub(super) rules: String,
    #[serde(default, rename = "RulesJSON")]
    pub(super) rules_json: Option<serde_json::Value>,
    #[serde(default)]
    pub(super) modify_index: u64,
}

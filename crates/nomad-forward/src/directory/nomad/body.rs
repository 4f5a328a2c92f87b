//! The bodies of Nomad's API, as far as they are read (`nomad/structs` of Nomad 2.0).

use std::borrow::Cow;

use serde::Deserialize;

/// An entry of `GET /v1/nodes`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NodeStub<'a> {
    #[serde(rename = "ID", borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(default, borrow)]
    pub(super) name: Cow<'a, str>,
    /// The host of its HTTP address, without the port.
    #[serde(default, borrow)]
    pub(super) address: Cow<'a, str>,
    #[serde(default, borrow)]
    pub(super) status: Cow<'a, str>,
    #[serde(default)]
    pub(super) create_index: u64,
    #[serde(default)]
    pub(super) modify_index: u64,
}

/// `GET /v1/node/:id`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Node {
    #[serde(rename = "ID")]
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default, rename = "HTTPAddr")]
    pub(super) http_addr: String,
    #[serde(default, rename = "TLSEnabled")]
    pub(super) tls_enabled: bool,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    pub(super) create_index: u64,
    #[serde(default)]
    pub(super) modify_index: u64,
}

/// `GET /v1/allocation/:id`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Allocation {
    #[serde(rename = "NodeID")]
    pub(super) node_id: String,
    #[serde(default)]
    pub(super) namespace: String,
}

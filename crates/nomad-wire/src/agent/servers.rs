//! `GET /v1/agent/servers`.

use serde::{Deserialize, Serialize};

/// The servers a client agent talks to: the answer of `GET /v1/agent/servers`.
///
/// Each is `ip:port` of the RPC listener. Nomad sorts them as text and prints `[]`, never `null`,
/// when there are none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Servers(pub Vec<String>);

impl Servers {
    /// The list in the order Nomad prints it.
    #[must_use]
    pub fn sorted(mut addresses: Vec<String>) -> Self {
        addresses.sort_unstable();
        Self(addresses)
    }
}

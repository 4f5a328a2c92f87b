//! Who may do what in the embedded fleet.

use std::future::Ready;

use nomad_acl::{
    AclDisabled, LookupOptions, RegionalAcl, Tokens, TokensError,
    tokens::{TableError, TokenTable},
};
use nomad_wire::SecretId;
use serde_json::json;

use crate::SystemClock;

/// What the read-only token may do: look at everything, change nothing.
const READ_ONLY: &str = r#"
namespace "*" {
  policy       = "read"
  capabilities = ["read-logs", "read-fs"]
}
agent { policy = "read" }
node { policy = "read" }
"#;

/// The tokens of an embedded fleet: all its agents and the gateway know the same.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum FleetTokens {
    /// ACLs are switched off.
    Disabled,
    /// ACLs are switched on.
    Enabled(TokenTable<SystemClock>),
}

/// The tokens that are printed when ACLs are switched on.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// May do everything.
    pub management: SecretId,
    /// May look at everything and change nothing.
    pub read_only: SecretId,
}

impl FleetTokens {
    /// ACLs on, with a fresh management token and a fresh read-only one; without a token nothing is allowed.
    ///
    /// # Errors
    /// [`TableError`] when the built-in policy cannot be read, which would be a fault of this program.
    pub fn bootstrap() -> Result<(Self, Bootstrap), TableError> {
        let fresh = || uuid::Uuid::new_v4().to_string();
        let (management, read_only) = (fresh(), fresh());
        let text = json!({
            "policies": [{ "name": "read-only", "rules": READ_ONLY }],
            "tokens": [
                {
                    "secret": management, "type": "management",
                    "accessor": fresh(), "name": "management",
                },
                {
                    "secret": read_only, "policies": ["read-only"],
                    "accessor": fresh(), "name": "read-only",
                },
            ],
        });
        let table = TokenTable::from_json(&text.to_string(), SystemClock::start())?;
        let bootstrap = Bootstrap {
            management: SecretId::new(management),
            read_only: SecretId::new(read_only),
        };
        Ok((Self::Enabled(table), bootstrap))
    }

    /// Whether a token is demanded.
    #[must_use]
    pub const fn are_enabled(&self) -> bool {
        matches!(self, Self::Enabled(_))
    }
}

impl Tokens for FleetTokens {
    type Future = Ready<Result<RegionalAcl, TokensError>>;

    fn resolve_with(&self, token: Option<&SecretId>, wanted: LookupOptions<'_>) -> Self::Future {
        match self {
            Self::Disabled => AclDisabled.resolve_with(token, wanted),
            Self::Enabled(table) => table.resolve_with(token, wanted),
        }
    }
}

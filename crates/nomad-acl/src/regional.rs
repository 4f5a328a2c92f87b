//! An ACL, and the region in which it holds.
//!
//! Tokens, policies and even whether ACLs are on at all belong to a region. What a token may do in one region says
//! nothing about another one, so a decision is made with the ACL of the region whose agent answers, and with no other.

use std::{fmt, sync::Arc};

use nomad_wire::Region;
use thiserror::Error;

use crate::{Acl, TokenInfo};

/// A region, as seen from whoever decides. The own one needs no name, so that nothing depends on how it is spelled.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "a region is the own one, or another one")]
pub enum RegionScope {
    /// The own region.
    #[default]
    Own,
    /// A region that is not the own one.
    Other(Region),
}

impl fmt::Display for RegionScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("the own region"),
            Self::Other(region) => write!(f, "region {:?}", region.as_str()),
        }
    }
}

/// What a token may do in one region.
///
/// ```
/// use nomad_acl::{Acl, RegionScope, RegionalAcl};
///
/// let east = RegionScope::Other("east".into());
/// let rights = RegionalAcl::new(east.clone(), Acl::disabled());
/// assert!(rights.for_region(&east).is_ok());
/// assert!(rights.for_region(&RegionScope::Own).is_err(), "ACLs are off in east, and nowhere else");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionalAcl {
    acl: Acl,
    validity: Validity,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Validity {
    AllRegions,
    Region(RegionScope),
}

impl RegionalAcl {
    /// What was found out in this region. It holds in no other.
    #[must_use]
    pub const fn new(region: RegionScope, acl: Acl) -> Self {
        Self { acl, validity: Validity::Region(region) }
    }

    /// What an operator says for every region, as with ACLs that the configuration switches off. Never for what a
    /// cluster was asked.
    #[must_use]
    pub const fn valid_everywhere(acl: Acl) -> Self {
        Self { acl, validity: Validity::AllRegions }
    }

    /// The ACL, for a decision about what is answered in this region.
    ///
    /// # Errors
    /// [`RegionMismatch`] when the rights are those of another region.
    pub fn for_region(&self, region: &RegionScope) -> Result<&Acl, RegionMismatch> {
        match &self.validity {
            Validity::AllRegions => Ok(&self.acl),
            Validity::Region(holds) if holds == region => Ok(&self.acl),
            Validity::Region(holds) => {
                Err(RegionMismatch { acl_region: holds.clone(), upstream_region: region.clone() })
            }
        }
    }

    /// The ACL of whichever region it is, for what opens nothing: a refusal that whoever answers would make as well, or
    /// the words of an error.
    #[must_use]
    pub const fn advisory(&self) -> &Acl {
        &self.acl
    }

    /// Whose token this is, if that is known.
    #[must_use]
    pub const fn token_info(&self) -> Option<&Arc<TokenInfo>> {
        self.acl.token_info()
    }
}

/// Rights of one region were to decide about another one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the token's rights were looked up in {acl_region}, and {upstream_region} answers")]
pub struct RegionMismatch {
    /// Where the rights hold.
    pub acl_region: RegionScope,
    /// Where the answer would have come from.
    pub upstream_region: RegionScope,
}

//! A policy as written: its rules in the language's own words, each with its position.

mod print;
mod rule;
mod rules_json;
mod stored;

use std::str::FromStr;

use crate::{
    block::Block,
    capability::{
        HostVolumeCapability, NodePoolCapability, OperatorCapability, PolicyLevel,
        SentinelCapability,
    },
    error::PolicyError,
    hcl_parser, json_parser,
    records::{self, unused_keys},
    syntax::{Item, MAX_POLICY_LEN, TextPosition},
    validate,
    warning::{self, Warning},
};

pub use self::{
    rule::{LabelRule, LevelRule, NamespaceRule, PathRule, UnlabelledRule},
    stored::{PolicySource, StoredPolicy},
};

/// A policy: what one text of rules says, checked word by word.
///
/// Reading with [`FromStr`] is lenient, the way Nomad reads a policy it evaluates: unknown blocks and
/// repeated blocks pass. [`Policy::parse_strict`] is strict, the way Nomad reads a policy somebody writes.
/// `Display` prints the policy in the HCL form; reading that back gives an equal policy.
///
/// ```
/// use nomad_acl::Policy;
///
/// let policy: Policy = r#"namespace "ops" { policy = "read" capabilities = ["alloc-exec"] }"#.parse()?;
/// assert_eq!(policy.namespaces()[0].rule.label, "ops");
/// assert_eq!(policy.to_string().parse::<Policy>()?, policy);
///
/// let error = "agent { policy = read }".parse::<Policy>().unwrap_err();
/// assert!(error.to_string().starts_with("Failed to parse ACL Policy: At 1:18"));
/// # Ok::<(), nomad_acl::PolicyError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    pub(crate) namespaces: Vec<NamespaceRule>,
    pub(crate) node_pools: Vec<LabelRule<NodePoolCapability>>,
    pub(crate) host_volumes: Vec<LabelRule<HostVolumeCapability>>,
    pub(crate) agent: Option<LevelRule>,
    pub(crate) node: Option<LevelRule>,
    pub(crate) operator: Option<UnlabelledRule<OperatorCapability>>,
    pub(crate) sentinel: Option<UnlabelledRule<SentinelCapability>>,
    pub(crate) quota: Option<LevelRule>,
    pub(crate) plugin: Option<LevelRule>,
}

impl Policy {
    /// Reads a policy strictly, as a server does when somebody writes it.
    ///
    /// # Errors
    /// Everything that lenient reading refuses, and top level keys that are unknown, repeated or
    /// labels too many.
    pub fn parse_strict(text: &str) -> Result<Self, PolicyError> {
        let items = parse_text(text)?;
        let records = records::from_items(&items)?;
        validate::policy(text, &records, unused_keys(&items, &records))
    }

    /// Reads a policy leniently and says what in it is ignored or deceives.
    ///
    /// # Errors
    /// As [`FromStr`].
    pub fn parse_with_warnings(text: &str) -> Result<(Self, Vec<Warning>), PolicyError> {
        let records = records::from_items(&parse_text(text)?)?;
        let policy = validate::policy(text, &records, None)?;
        let mut warnings = records.warnings;
        warnings.extend(warning::semantic_warnings(&policy));
        warnings.sort_by_key(|warning| (warning.position().line(), warning.position().column()));
        Ok((policy, warnings))
    }

    /// The `namespace` rules, in their order.
    #[must_use]
    pub fn namespaces(&self) -> &[NamespaceRule] {
        &self.namespaces
    }

    /// The `node_pool` rules, in their order.
    #[must_use]
    pub fn node_pools(&self) -> &[LabelRule<NodePoolCapability>] {
        &self.node_pools
    }

    /// The `host_volume` rules, in their order.
    #[must_use]
    pub fn host_volumes(&self) -> &[LabelRule<HostVolumeCapability>] {
        &self.host_volumes
    }

    /// The `agent` rule.
    #[must_use]
    pub fn agent(&self) -> Option<&LevelRule> {
        self.agent.as_ref()
    }

    /// The `node` rule.
    #[must_use]
    pub fn node(&self) -> Option<&LevelRule> {
        self.node.as_ref()
    }

    /// The `operator` rule.
    #[must_use]
    pub fn operator(&self) -> Option<&UnlabelledRule<OperatorCapability>> {
        self.operator.as_ref()
    }

    /// The `sentinel` rule.
    #[must_use]
    pub fn sentinel(&self) -> Option<&UnlabelledRule<SentinelCapability>> {
        self.sentinel.as_ref()
    }

    /// The `quota` rule.
    #[must_use]
    pub fn quota(&self) -> Option<&LevelRule> {
        self.quota.as_ref()
    }

    /// The `plugin` rule.
    #[must_use]
    pub fn plugin(&self) -> Option<&LevelRule> {
        self.plugin.as_ref()
    }

    /// The `RulesJSON` that `GET /v1/acl/policy/:name` shows for a policy with this text: the
    /// lenient reading with every level already expanded. `raw` is repeated in it.
    #[must_use]
    pub fn rules_json(&self, raw: &str) -> serde_json::Value {
        rules_json::to_rules_json(self, raw)
    }

    /// Every level that is set, with its block and place.
    pub(crate) fn levels(&self) -> impl Iterator<Item = (Block, PolicyLevel, TextPosition)> {
        let wide = [
            (Block::Agent, self.agent.map(|rule| (rule.level, rule.position))),
            (Block::Node, self.node.map(|rule| (rule.level, rule.position))),
            (Block::Quota, self.quota.map(|rule| (rule.level, rule.position))),
            (Block::Plugin, self.plugin.map(|rule| (rule.level, rule.position))),
            (Block::Operator, positioned_level(self.operator.as_ref())),
            (Block::Sentinel, positioned_level(self.sentinel.as_ref())),
        ];
        let wide = wide
            .into_iter()
            .filter_map(|(block, rule)| rule.map(|(level, place)| (block, level, place)));
        self.namespaces
            .iter()
            .filter_map(|rule| rule.rule.positioned_level(Block::Namespace))
            .chain(self.node_pools.iter().filter_map(|rule| rule.positioned_level(Block::NodePool)))
            .chain(
                self.host_volumes
                    .iter()
                    .filter_map(|rule| rule.positioned_level(Block::HostVolume)),
            )
            .chain(wide)
    }
}

/// Reads leniently.
impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let records = records::from_items(&parse_text(text)?)?;
        validate::policy(text, &records, None)
    }
}

/// The first character that is no white space tells the two forms apart.
fn parse_text(text: &str) -> Result<Vec<Item>, PolicyError> {
    if text.len() > MAX_POLICY_LEN {
        return Err(PolicyError::TooLong { length: text.len(), limit: MAX_POLICY_LEN });
    }
    if let Some(place) = nul_position(text) {
        return Err(PolicyError::Syntax {
            position: place,
            reason: "unexpected null character".to_owned(),
        });
    }
    if text.trim_start().starts_with('{') {
        json_parser::parse_items(text)
    } else {
        hcl_parser::parse_items(text)
    }
}

/// Where the first NUL stands; no text with one is a policy.
fn nul_position(text: &str) -> Option<TextPosition> {
    let before = text.split_once('\0')?.0;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    Some(TextPosition::new(u32::try_from(line).ok()?, u32::try_from(column).ok()?))
}

fn positioned_level<W: Copy>(
    rule: Option<&UnlabelledRule<W>>,
) -> Option<(PolicyLevel, TextPosition)> {
    rule.and_then(|rule| rule.level.map(|level| (level, rule.position)))
}

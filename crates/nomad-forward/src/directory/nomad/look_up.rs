//! Lookups that ask a server.

use std::sync::Arc;

use nomad_acl::Subject;
use nomad_wire::{AllocId, IdError, IdParam, Namespace, NodeId, Region};

use super::{
    Shared,
    api_request::{ApiOutcome, ApiRequest, LookupTokens},
    body,
    cached_lookup::CachedLookup,
    directory_cache::{Allocation, Key},
    node_index::{MIN_PREFIX, NodeIndex, NodeMatch},
};
use crate::{
    Agent, Target,
    connect::Connect,
    directory::{DirectoryError, Location, NameMatch, RelayTarget},
};

/// Why an agent is not known, when it may exist.
#[derive(Debug)]
pub(super) enum LookupFailure {
    /// There is none, or the question was wrong.
    Failed(DirectoryError),
    /// Nobody may say: a server may know the way.
    Hidden,
    /// It is this node, and it is not asked itself: a server may know the way.
    NoPath(NodeId),
}

impl From<DirectoryError> for LookupFailure {
    fn from(error: DirectoryError) -> Self {
        Self::Failed(error)
    }
}

impl<C: Connect> Shared<C> {
    pub(super) async fn look_up(
        &self,
        target: &Target,
        region: Option<&Region>,
        spelling: NameMatch,
        who: &LookupTokens,
    ) -> Result<Location, DirectoryError> {
        let region = &self.region_or_own(region);
        if !self.servers().has_region(region) {
            return Err(DirectoryError::UnknownRegion);
        }
        match target {
            Target::AnyClient => self.any_client(who).await,
            Target::SoleClient => self.sole_client(who).await,
            Target::Leader | Target::Server(_) => {
                let servers = self.servers_for(who).await;
                match target {
                    Target::Leader if !self.is_own_region(region) => {
                        self.other_region_leader(region).await
                    }
                    Target::Server(written) => {
                        self.server_location(&servers, written, region, spelling)
                    }
                    _ => self.leader_location(&servers),
                }
            }
            Target::Node(written) => {
                let agent = match self.look_up_node_id(written, region, spelling, who).await {
                    Ok(id) => self.look_up_node(&id, region, who).await,
                    Err(unseen) => Err(unseen),
                };
                self.looked_up_location(agent, Subject::Agent, region)
            }
            Target::Allocation(IdParam::Valid(id)) => self.locate_allocation(id, region, who).await,
            // Nobody has to be asked for these.
            Target::AnyServer | Target::SoleServer | Target::Allocation(_) => {
                match self.find_cached(target, Some(region), spelling) {
                    CachedLookup::Found(found) => found,
                    CachedLookup::NotCached => Err(DirectoryError::NoServers),
                }
            }
        }
    }

    /// The place of what was looked up: the agent, or a server that may know more.
    fn looked_up_location(
        &self,
        agent: Result<Arc<Agent>, LookupFailure>,
        subject: Subject,
        region: &Region,
    ) -> Result<Location, DirectoryError> {
        match agent {
            Ok(agent) => Ok(self.location(agent, subject, region)),
            Err(LookupFailure::Failed(error)) => Err(error),
            Err(LookupFailure::Hidden) => {
                self.relay(RelayTarget::Unknown, subject, region).ok_or(DirectoryError::NoServers)
            }
            Err(LookupFailure::NoPath(id)) => self.relay_to_node(id, subject, region),
        }
    }

    /// The allocation's node, and whose it is.
    async fn locate_allocation(
        &self,
        id: &AllocId,
        region: &Region,
        who: &LookupTokens,
    ) -> Result<Location, DirectoryError> {
        let (key, fetched) = (Key::new(region, id), self.fetch_allocation(id, region, who));
        match self.cache.allocations.get_or_insert_async(&key, fetched).await {
            Ok(found) => {
                let agent = self.look_up_node(&found.node, region, who).await;
                // A node that was collected while its allocation is still known.
                let agent = agent.map_err(|unseen| match unseen {
                    LookupFailure::NoPath(id) => LookupFailure::NoPath(id),
                    LookupFailure::Failed(_) | LookupFailure::Hidden => LookupFailure::Hidden,
                });
                self.looked_up_location(agent, Subject::Namespace(found.namespace), region)
            }
            Err(LookupFailure::Failed(error)) => Err(error),
            // Whose it is only the agent knows, so that the agent decides.
            Err(hidden @ (LookupFailure::Hidden | LookupFailure::NoPath(_))) => {
                self.looked_up_location(Err(hidden), Subject::Unknown, region)
            }
        }
    }

    async fn fetch_allocation(
        &self,
        id: &AllocId,
        region: &Region,
        who: &LookupTokens,
    ) -> Result<Allocation, LookupFailure> {
        let path = format!("/v1/allocation/{id}");
        let question =
            ApiRequest { region: self.other_region(region), ..ApiRequest::new(&path, None) };
        let found: body::Allocation = match question.fetch_with(&self.api, who).await {
            ApiOutcome::Found(found) => found,
            ApiOutcome::NotFound => {
                self.cache.insert_unknown(region, id.as_bytes());
                return Err(DirectoryError::UnknownAllocation(id.as_str().into()).into());
            }
            ApiOutcome::NoRegion => return Err(DirectoryError::UnknownRegion.into()),
            ApiOutcome::Denied | ApiOutcome::NoResponse => return Err(LookupFailure::Hidden),
        };
        let node = found.node_id.parse().map_err(|_| LookupFailure::Hidden)?;
        let namespace = Namespace::new(&found.namespace);
        Ok(Allocation { node, namespace })
    }

    /// The id of a node that was written in some way.
    async fn look_up_node_id(
        &self,
        written: &IdParam<NodeId>,
        region: &Region,
        spelling: NameMatch,
        who: &LookupTokens,
    ) -> Result<NodeId, LookupFailure> {
        let (text, reason) = match written {
            IdParam::Valid(id) => return Ok(*id),
            IdParam::Malformed { text, reason } => (text, reason),
        };
        let like = if self.is_watched_region(region) {
            self.nodes().match_name(text, spelling)
        } else {
            self.query_node_match(text, region, spelling, who).await?
        };
        match like {
            NodeMatch::One(id) => Ok(id),
            NodeMatch::Several(count) if spelling == NameMatch::Prefix => {
                Err(DirectoryError::AmbiguousNode { written: text.clone(), count }.into())
            }
            _ if *reason == IdError::TooManyDigits => {
                Err(DirectoryError::UnknownNode(text.clone()).into())
            }
            NodeMatch::None | NodeMatch::Several(_) => {
                Err(DirectoryError::NodeLookup(reason.clone()).into())
            }
        }
    }

    /// The same question as to the index, put to a server: first by name, then by the beginning of the id.
    async fn query_node_match(
        &self,
        text: &str,
        region: &Region,
        spelling: NameMatch,
        who: &LookupTokens,
    ) -> Result<NodeMatch, LookupFailure> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if text.is_empty() || !text.bytes().all(is_name) {
            return Ok(NodeMatch::None);
        }
        let by_name = format!("/v1/nodes?filter=Name%20%3D%3D%20%22{text}%22");
        let named =
            self.list_nodes(&by_name, region, who).await?.match_name(text, NameMatch::Exact);
        let is_prefix = text.len() >= MIN_PREFIX
            && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if named != NodeMatch::None || !is_prefix || spelling == NameMatch::Exact {
            return Ok(named);
        }
        // Nomad's index wants whole bytes; what is too much is sorted out here.
        let digits = text.bytes().filter(|byte| *byte != b'-').count();
        let even = if digits % 2 == 0 { text } else { text.get(..text.len() - 1).unwrap_or(text) };
        let by_prefix = format!("/v1/nodes?prefix={}", even.trim_end_matches('-'));
        Ok(self.list_nodes(&by_prefix, region, who).await?.match_name(text, NameMatch::Prefix))
    }

    /// The nodes that a server lists for a question.
    pub(super) async fn list_nodes(
        &self,
        path: &str,
        region: &Region,
        who: &LookupTokens,
    ) -> Result<NodeIndex, LookupFailure> {
        let question =
            ApiRequest { region: self.other_region(region), ..ApiRequest::new(path, None) };
        match question.fetch_raw_with(&self.api, who).await {
            ApiOutcome::Found(answer) => {
                let stubs: Vec<body::NodeStub<'_>> =
                    serde_json::from_slice(answer.body()).map_err(|_| LookupFailure::Hidden)?;
                Ok(NodeIndex::from_list(&stubs))
            }
            ApiOutcome::NoRegion => Err(DirectoryError::UnknownRegion.into()),
            ApiOutcome::NotFound | ApiOutcome::Denied | ApiOutcome::NoResponse => {
                Err(LookupFailure::Hidden)
            }
        }
    }

    /// Who leads another region is asked for each time: hardly anybody wants to know.
    async fn other_region_leader(&self, region: &Region) -> Result<Location, DirectoryError> {
        let question =
            ApiRequest { region: Some(region), ..ApiRequest::new("/v1/status/leader", None) };
        let rpc: String = match question.fetch(&self.api).await {
            ApiOutcome::Found(rpc) => rpc,
            ApiOutcome::NoRegion => return Err(DirectoryError::UnknownRegion),
            _ => return Err(DirectoryError::NoLeader),
        };
        let servers = self.servers();
        let member = servers.find_by_rpc(region, &rpc);
        self.member_location(
            &servers,
            member.ok_or(DirectoryError::NoLeader)?,
            RelayTarget::Unknown,
        )
    }

    /// The region, when it is not the one of the servers that are asked.
    pub(super) fn other_region<'a>(&self, region: &'a Region) -> Option<&'a Region> {
        Some(region).filter(|region| !self.is_own_region(region))
    }
}

//! Look-ups for which a server is asked.

use std::sync::Arc;

use nomad_acl::Subject;
use nomad_wire::{AllocId, IdError, Namespace, NodeId, Region, Written};

use super::{
    Shared, body,
    find::Step,
    index::{Like, MIN_PREFIX, NodeIndex},
    memory::{Allocation, Key},
    question::{Question, Verdict, Who},
};
use crate::{
    Agent, Target,
    connect::Connect,
    directory::{LocateError, Meant, Place, Spelling},
};

/// Why an agent is not known, when it may exist.
#[derive(Debug)]
pub(super) enum Unseen {
    /// There is none, or the question was wrong.
    Not(LocateError),
    /// Nobody may say: a server may know the way.
    Hidden,
    /// It is this node, and it is not asked itself: a server may know the way.
    NoPath(NodeId),
}

impl From<LocateError> for Unseen {
    fn from(error: LocateError) -> Self {
        Self::Not(error)
    }
}

impl<C: Connect> Shared<C> {
    pub(super) async fn look_up(
        &self,
        target: &Target,
        region: Option<&Region>,
        spelling: Spelling,
        who: &Who,
    ) -> Result<Place, LocateError> {
        let region = &self.home(region);
        if !self.servers().knows(region) {
            return Err(LocateError::UnknownRegion);
        }
        match target {
            Target::AnyClient => self.any_client(who).await,
            Target::SoleClient => self.sole_client(who).await,
            Target::Leader | Target::Server(_) => {
                let servers = self.servers_for(who).await;
                match target {
                    Target::Leader if !self.is_own(region) => self.foreign_leader(region).await,
                    Target::Server(written) => self.server(&servers, written, region, spelling),
                    _ => self.leader(&servers),
                }
            }
            Target::Node(written) => {
                let agent = match self.node_id(written, region, spelling, who).await {
                    Ok(id) => self.node(&id, region, who).await,
                    Err(unseen) => Err(unseen),
                };
                self.seen(agent, Subject::Agent, region)
            }
            Target::Allocation(Written::Id(id)) => self.owned(id, region, who).await,
            // Nobody has to be asked for these.
            Target::AnyServer | Target::SoleServer | Target::Allocation(_) => {
                match self.find(target, Some(region), spelling) {
                    Step::Found(found) => found,
                    Step::Ask => Err(LocateError::NoServers),
                }
            }
        }
    }

    /// The place of what was looked up: the agent, or a server that may know more.
    fn seen(
        &self,
        agent: Result<Arc<Agent>, Unseen>,
        subject: Subject,
        region: &Region,
    ) -> Result<Place, LocateError> {
        match agent {
            Ok(agent) => Ok(self.place(agent, subject, region)),
            Err(Unseen::Not(error)) => Err(error),
            Err(Unseen::Hidden) => {
                self.relayed(Meant::Unknown, subject, region).ok_or(LocateError::NoServers)
            }
            Err(Unseen::NoPath(id)) => self.without_path(id, subject, region),
        }
    }

    /// The allocation's node, and whose it is.
    async fn owned(&self, id: &AllocId, region: &Region, who: &Who) -> Result<Place, LocateError> {
        let (key, fetched) = (Key::new(region, id), self.fetch_allocation(id, region, who));
        match self.memory.allocations.get_or_insert_async(&key, fetched).await {
            Ok(found) => {
                let agent = self.node(&found.node, region, who).await;
                // A node that was collected while its allocation is still known.
                let agent = agent.map_err(|unseen| match unseen {
                    Unseen::NoPath(id) => Unseen::NoPath(id),
                    Unseen::Not(_) | Unseen::Hidden => Unseen::Hidden,
                });
                self.seen(agent, Subject::Namespace(found.namespace), region)
            }
            Err(Unseen::Not(error)) => Err(error),
            // Whose it is only the agent knows, so that the agent decides.
            Err(hidden @ (Unseen::Hidden | Unseen::NoPath(_))) => {
                self.seen(Err(hidden), Subject::Unknown, region)
            }
        }
    }

    async fn fetch_allocation(
        &self,
        id: &AllocId,
        region: &Region,
        who: &Who,
    ) -> Result<Allocation, Unseen> {
        let path = format!("/v1/allocation/{id}");
        let question = Question { region: self.foreign(region), ..Question::new(&path, None) };
        let found: body::Allocation = match question.ask_as(&self.api, who).await {
            Verdict::Is(found) => found,
            Verdict::Missing => {
                self.memory.miss(region, id.as_bytes());
                return Err(LocateError::UnknownAllocation(id.as_str().into()).into());
            }
            Verdict::NoRegion => return Err(LocateError::UnknownRegion.into()),
            Verdict::Refused | Verdict::Silent => return Err(Unseen::Hidden),
        };
        let node = found.node_id.parse().map_err(|_| Unseen::Hidden)?;
        let namespace = Namespace::new(&found.namespace);
        Ok(Allocation { node, namespace })
    }

    /// The id of a node that was written in some way.
    async fn node_id(
        &self,
        written: &Written<NodeId>,
        region: &Region,
        spelling: Spelling,
        who: &Who,
    ) -> Result<NodeId, Unseen> {
        let (text, reason) = match written {
            Written::Id(id) => return Ok(*id),
            Written::Malformed { text, reason } => (text, reason),
        };
        let like = if self.is_listed(region) {
            self.nodes().like(text, spelling)
        } else {
            self.ask_like(text, region, spelling, who).await?
        };
        match like {
            Like::One(id) => Ok(id),
            Like::Several(count) if spelling == Spelling::Short => {
                Err(LocateError::AmbiguousNode { written: text.clone(), count }.into())
            }
            _ if *reason == IdError::TooManyDigits => {
                Err(LocateError::UnknownNode(text.clone()).into())
            }
            Like::Nobody | Like::Several(_) => Err(LocateError::NodeLookup(reason.clone()).into()),
        }
    }

    /// The same question as to the index, put to a server: first by name, then by the beginning of the id.
    async fn ask_like(
        &self,
        text: &str,
        region: &Region,
        spelling: Spelling,
        who: &Who,
    ) -> Result<Like, Unseen> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if text.is_empty() || !text.bytes().all(is_name) {
            return Ok(Like::Nobody);
        }
        let by_name = format!("/v1/nodes?filter=Name%20%3D%3D%20%22{text}%22");
        let named = self.list_of(&by_name, region, who).await?.like(text, Spelling::Full);
        let is_prefix = text.len() >= MIN_PREFIX
            && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if named != Like::Nobody || !is_prefix || spelling == Spelling::Full {
            return Ok(named);
        }
        // Nomad's index wants whole bytes; what is too much is sorted out here.
        let digits = text.bytes().filter(|byte| *byte != b'-').count();
        let even = if digits % 2 == 0 { text } else { text.get(..text.len() - 1).unwrap_or(text) };
        let by_prefix = format!("/v1/nodes?prefix={}", even.trim_end_matches('-'));
        Ok(self.list_of(&by_prefix, region, who).await?.like(text, Spelling::Short))
    }

    /// The nodes that a server lists for a question.
    pub(super) async fn list_of(
        &self,
        path: &str,
        region: &Region,
        who: &Who,
    ) -> Result<NodeIndex, Unseen> {
        let question = Question { region: self.foreign(region), ..Question::new(path, None) };
        match question.ask_raw_as(&self.api, who).await {
            Verdict::Is(answer) => {
                let stubs: Vec<body::NodeStub<'_>> =
                    serde_json::from_slice(answer.body()).map_err(|_| Unseen::Hidden)?;
                Ok(NodeIndex::of(&stubs))
            }
            Verdict::NoRegion => Err(LocateError::UnknownRegion.into()),
            Verdict::Missing | Verdict::Refused | Verdict::Silent => Err(Unseen::Hidden),
        }
    }

    /// Who leads another region is asked for each time: hardly anybody wants to know.
    async fn foreign_leader(&self, region: &Region) -> Result<Place, LocateError> {
        let question =
            Question { region: Some(region), ..Question::new("/v1/status/leader", None) };
        let rpc: String = match question.ask(&self.api).await {
            Verdict::Is(rpc) => rpc,
            Verdict::NoRegion => return Err(LocateError::UnknownRegion),
            _ => return Err(LocateError::NoLeader),
        };
        let servers = self.servers();
        let member = servers.leads(region, &rpc);
        self.member(&servers, member.ok_or(LocateError::NoLeader)?, Meant::Unknown)
    }

    /// The region, when it is not the one of the servers that are asked.
    pub(super) fn foreign<'a>(&self, region: &'a Region) -> Option<&'a Region> {
        Some(region).filter(|region| !self.is_own(region))
    }
}

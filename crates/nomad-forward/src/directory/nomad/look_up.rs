//! Look-ups for which a server is asked.

use std::{net::SocketAddr, sync::Arc};

use nomad_acl::Subject;
use nomad_wire::{AllocId, IdError, Namespace, NodeId, Region, SecretId, Written};
use tokio::time::Instant;

use super::{
    Host, Shared, body,
    find::Step,
    index::{Like, MIN_PREFIX},
    memory::{Allocation, Key, Known},
    question::{Question, Verdict},
};
use crate::{
    Agent, Identity, Target, Transport,
    connect::Connect,
    directory::{LocateError, Meant, Place, Way},
};

/// How many client agents are looked for when any of them will do: one that cannot be reached has somebody to stand in.
const CLIENTS_TRIED: usize = 3;

/// Why an agent is not known, when it may exist.
enum Unseen {
    /// There is none, or the question was wrong.
    Not(LocateError),
    /// Nobody may say, or it has no address: a server may know the way.
    Hidden,
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
        token: Option<&SecretId>,
    ) -> Result<Place, LocateError> {
        let own = self.servers().region.clone();
        let region = region.unwrap_or(&own);
        if !self.servers().knows(region) {
            return Err(LocateError::UnknownRegion);
        }
        match target {
            Target::AnyClient => self.any_client(token).await,
            Target::Leader => self.foreign_leader(region).await,
            Target::Node(written) => {
                let agent = match self.node_id(written, region, token).await {
                    Ok(id) => self.node(&id, region, token).await,
                    Err(unseen) => Err(unseen),
                };
                self.seen(agent, Subject::Agent, region)
            }
            Target::Allocation(Written::Id(id)) => self.owned(id, region, token).await,
            // Nobody has to be asked for these.
            other => match self.find(other, Some(region)) {
                Step::Found(found) => found,
                Step::Ask => Err(LocateError::NoServers),
            },
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
            Ok(agent) => Ok(self.place(agent, subject)),
            Err(Unseen::Not(error)) => Err(error),
            Err(Unseen::Hidden) => {
                self.relayed(Meant::Unknown, subject, region).ok_or(LocateError::NoServers)
            }
        }
    }

    /// The allocation's node, and whose it is.
    async fn owned(
        &self,
        id: &AllocId,
        region: &Region,
        token: Option<&SecretId>,
    ) -> Result<Place, LocateError> {
        let (key, fetched) = (Key::new(region, id), self.fetch_allocation(id, region, token));
        match self.memory.allocations.get_or_insert_async(&key, fetched).await {
            Ok(found) => {
                let agent = self.node(&found.node, region, token).await;
                // A node that was collected while its allocation is still known.
                let agent = agent.map_err(|_| Unseen::Hidden);
                self.seen(agent, Subject::Namespace(found.namespace), region)
            }
            Err(Unseen::Not(error)) => Err(error),
            // Whose it is only the agent knows, so that the agent decides.
            Err(Unseen::Hidden) => self.seen(Err(Unseen::Hidden), Subject::Unknown, region),
        }
    }

    async fn fetch_allocation(
        &self,
        id: &AllocId,
        region: &Region,
        token: Option<&SecretId>,
    ) -> Result<Allocation, Unseen> {
        let path = format!("/v1/allocation/{id}");
        let question = Question { region: self.foreign(region), ..Question::new(&path, token) };
        let found: body::Allocation = match question.ask(&self.api).await {
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

    async fn node(
        &self,
        id: &NodeId,
        region: &Region,
        token: Option<&SecretId>,
    ) -> Result<Arc<Agent>, Unseen> {
        if let Some(known) = self.agent(region, id) {
            return Ok(known);
        }
        // What is old makes room; what is on its way does not.
        if self.memory.node(region, id).is_some() {
            self.memory.forget_node(region, id);
        }
        let (key, fetched) = (Key::new(region, id), self.fetch_node(id, region, token));
        Ok(self.memory.nodes.get_or_insert_async(&key, fetched).await?.agent)
    }

    async fn fetch_node(
        &self,
        id: &NodeId,
        region: &Region,
        token: Option<&SecretId>,
    ) -> Result<Known, Unseen> {
        let path = format!("/v1/node/{id}");
        let question = Question { region: self.foreign(region), ..Question::new(&path, token) };
        let node: body::Node = match question.ask(&self.api).await {
            Verdict::Is(node) => node,
            Verdict::Missing => {
                self.memory.miss(region, id.as_bytes());
                return Err(LocateError::UnknownNode(id.as_str().into()).into());
            }
            Verdict::NoRegion => return Err(LocateError::UnknownRegion.into()),
            Verdict::Refused | Verdict::Silent => return Err(Unseen::Hidden),
        };
        // An operator may advertise a name; a blank address means that the node has none.
        let written = node.http_addr.parse();
        let is_named = written.is_err();
        let address = match written {
            Ok(address) => address,
            Err(_) => self.named_address(&node.http_addr).await.ok_or(Unseen::Hidden)?,
        };
        let id: NodeId = node.id.parse().map_err(|_| Unseen::Hidden)?;
        let transport = if node.tls_enabled { Transport::Tls } else { Transport::Plain };
        let agent = Agent::client(&node.name, id, region.clone(), address)
            // A name that cannot stand in a header: the id can.
            .or_else(|_| Agent::client(id.as_str(), id, region.clone(), address))
            .map_err(|_| Unseen::Hidden)?;
        let agent = Arc::new(agent.over(transport));
        Ok(Known { agent, modified: node.modify_index, since: Instant::now(), is_named })
    }

    async fn named_address(&self, written: &str) -> Option<SocketAddr> {
        let (name, port) = written.rsplit_once(':')?;
        let host = Host::new(name, port.parse().ok()?);
        self.options.names.look_up(&host).await.ok()?.first().copied()
    }

    /// The id of a node that was written in some way.
    async fn node_id(
        &self,
        written: &Written<NodeId>,
        region: &Region,
        token: Option<&SecretId>,
    ) -> Result<NodeId, Unseen> {
        let (text, reason) = match written {
            Written::Id(id) => return Ok(*id),
            Written::Malformed { text, reason } => (text, reason),
        };
        let is_listed = self.nodes().len() > 0 && self.foreign(region).is_none();
        let like = if is_listed {
            self.nodes().like(text)
        } else {
            self.ask_like(text, region, token).await?
        };
        match like {
            Like::One(id) => Ok(id),
            Like::Several(count) => {
                Err(LocateError::AmbiguousNode { written: text.clone(), count }.into())
            }
            Like::Nobody if *reason == IdError::TooManyDigits => {
                Err(LocateError::UnknownNode(text.clone()).into())
            }
            Like::Nobody => Err(LocateError::NodeLookup(reason.clone()).into()),
        }
    }

    /// The same question as to the index, put to a server: first by name, then by the beginning of the id.
    async fn ask_like(
        &self,
        text: &str,
        region: &Region,
        token: Option<&SecretId>,
    ) -> Result<Like, Unseen> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if text.is_empty() || !text.bytes().all(is_name) {
            return Ok(Like::Nobody);
        }
        let by_name = format!("/v1/nodes?filter=Name%20%3D%3D%20%22{text}%22");
        let named = self.listed(&by_name, region, token).await?;
        let is_prefix = text.len() >= MIN_PREFIX
            && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if !named.is_empty() || !is_prefix {
            return Ok(like(&named));
        }
        // Nomad's index wants whole bytes; what is too much is sorted out here.
        let digits = text.bytes().filter(|byte| *byte != b'-').count();
        let even = if digits % 2 == 0 { text } else { text.get(..text.len() - 1).unwrap_or(text) };
        let by_prefix = format!("/v1/nodes?prefix={}", even.trim_end_matches('-'));
        let mut listed = self.listed(&by_prefix, region, token).await?;
        let prefix = text.to_ascii_lowercase();
        listed.retain(|id| id.as_str().starts_with(&*prefix));
        Ok(like(&listed))
    }

    async fn listed(
        &self,
        path: &str,
        region: &Region,
        token: Option<&SecretId>,
    ) -> Result<Vec<NodeId>, Unseen> {
        let question = Question { region: self.foreign(region), ..Question::new(path, token) };
        match question.ask_raw(&self.api).await {
            Verdict::Is(answer) => {
                let stubs: Vec<body::NodeStub<'_>> =
                    serde_json::from_slice(answer.body()).map_err(|_| Unseen::Hidden)?;
                Ok(stubs.iter().filter_map(|stub| stub.id.parse().ok()).collect())
            }
            Verdict::NoRegion => Err(LocateError::UnknownRegion.into()),
            Verdict::Missing | Verdict::Refused | Verdict::Silent => Err(Unseen::Hidden),
        }
    }

    /// Some client agent that should answer, and others that stand in for it.
    async fn any_client(&self, token: Option<&SecretId>) -> Result<Place, LocateError> {
        let own = self.servers().region.clone();
        let ready: Vec<NodeId> =
            self.nodes().ready().map(|node| node.id).take(CLIENTS_TRIED).collect();
        let mut clients = Vec::with_capacity(CLIENTS_TRIED);
        for id in &ready {
            clients.extend(self.node(id, &own, token).await.ok());
        }
        let fixed = || match self.options.nodes.first()?.identity() {
            Identity::Client(id) => self.memory.fixed(&id),
            Identity::Server(_) | Identity::Seed => None,
        };
        clients.extend(fixed());
        clients.sort_by_cached_key(|agent| !self.api.reach().is_open(agent));
        let mut clients = clients.into_iter();
        let agent = clients.next().ok_or(LocateError::NoClients)?;
        Ok(Place { agent, subject: Subject::Agent, others: clients.collect(), way: Way::Itself })
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
        let leads = |rpcs: &[Box<str>; 2]| rpcs.iter().any(|known| **known == *rpc);
        let member = servers.in_region(region).find(|member| leads(&member.rpc));
        self.member(&servers, member.ok_or(LocateError::NoLeader)?, Meant::Unknown)
    }

    /// The region, when it is not the one of the servers that are asked.
    fn foreign<'a>(&self, region: &'a Region) -> Option<&'a Region> {
        Some(region).filter(|region| **region != self.servers().region)
    }
}

fn like(ids: &[NodeId]) -> Like {
    match ids {
        [] => Like::Nobody,
        [id] => Like::One(*id),
        several => Like::Several(several.len()),
    }
}

//! Where a node is, and whether it is still there.
//!
//! Nobody tells that an address has changed hands, so that it follows from the list: a node that the servers have lost, or
//! whose address a later node advertises as well, is asked through the servers, which know who is connected to them.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
};

use futures_util::future::join_all;
use nomad_wire::{NodeId, Region};
use tokio::time::Instant;

use super::{
    Host, Shared, UNWATCHED_FOR, body,
    index::{Age, NodeIndex, Status, Stub},
    look_up::Unseen,
    memory::{Checked, Key, Known, NoPath},
    names::NAMES_AGAIN,
    question::{Question, Verdict, Who},
};
use crate::{Agent, Transport, connect::Connect, directory::LocateError};

/// So many nodes that may have taken an address are asked for: those that changed last. More than that only share a host
/// where a whole fleet is behind one address.
const MAX_RIVALS: usize = 32;

/// So many nodes of one host are looked at to find them.
const MAX_NEIGHBOURS: usize = 512;

/// What is known of a node without asking.
pub(super) enum Now {
    At(Arc<Agent>),
    NoPath(NoPath),
    Ask,
}

impl<C: Connect> Shared<C> {
    /// Where the node is, when it is known and what is known still holds.
    pub(super) fn known(&self, region: &Region, id: &NodeId) -> Now {
        // What the configuration says is about the own region, however that one is called.
        let is_own = self.servers().region == *region;
        if let Some(agent) = self.memory.fixed(id).filter(|_| is_own) {
            return Now::At(agent);
        }
        let listed = self.listed(region, id);
        if listed.is_some_and(|(status, _)| !status.is_alive()) {
            return Now::NoPath(NoPath::Lost);
        }
        let Some(known) = self.memory.node(region, id) else { return Now::Ask };
        let (_, neighbourhood) = match listed {
            Some(listed) => listed,
            None if known.since.elapsed() < UNWATCHED_FOR => (known.status, 0),
            None => return Now::Ask,
        };
        match (known.agent, known.checked) {
            (Err(_), _) if known.is_named && known.since.elapsed() >= NAMES_AGAIN => Now::Ask,
            (Err(reason), _) => Now::NoPath(reason),
            (Ok(_), _) if !known.status.is_alive() => Now::NoPath(NoPath::Lost),
            (Ok(agent), Some(checked)) if checked.neighbourhood == neighbourhood => {
                if checked.is_taken { Now::NoPath(NoPath::Taken) } else { Now::At(agent) }
            }
            (Ok(_), _) => Now::Ask,
        }
    }

    /// What the list says of a node of the own region: its status and its neighbourhood.
    fn listed(&self, region: &Region, id: &NodeId) -> Option<(Status, u64)> {
        if !self.is_watched.load(Ordering::Relaxed) || !self.is_own(region) {
            return None;
        }
        let nodes = self.nodes();
        nodes.find(id).map(|stub| (stub.status, stub.neighbourhood))
    }

    /// Finds out where a node is.
    pub(super) async fn node(
        &self,
        id: &NodeId,
        region: &Region,
        who: &Who,
    ) -> Result<Arc<Agent>, Unseen> {
        match self.known(region, id) {
            Now::At(agent) => return Ok(agent),
            Now::NoPath(_) => return Err(Unseen::NoPath(*id)),
            Now::Ask => {}
        }
        let known = self.fetched(id, region, who).await?;
        let Ok(agent) = &known.agent else { return Err(Unseen::NoPath(*id)) };
        let agent = Arc::clone(agent);
        let (neighbourhood, rivals) = self.rivals(id, &known, region, who).await;
        let rivals = rivals.iter().map(|rival| self.fetched(rival, region, who));
        let has_address = |rival: Result<Known, Unseen>| {
            rival.is_ok_and(|rival| !known.written.is_empty() && rival.written == known.written)
        };
        let is_taken = join_all(rivals).await.into_iter().any(has_address);
        let is_lost = !known.status.is_alive();
        let checked = Some(Checked { neighbourhood, is_taken });
        self.memory.nodes.insert(Key::new(region, id), Known { checked, ..known });
        if is_taken || is_lost { Err(Unseen::NoPath(*id)) } else { Ok(agent) }
    }

    /// The nodes that may have taken a node's address, and the neighbourhood that they were found in.
    async fn rivals(
        &self,
        id: &NodeId,
        known: &Known,
        region: &Region,
        who: &Who,
    ) -> (u64, Vec<NodeId>) {
        if let Some((_, neighbourhood)) = self.listed(region, id) {
            let nodes = self.nodes();
            let stub = nodes.find(id).map(|stub| (&*stub.host, stub.age));
            let (host, age) = stub.unwrap_or(("", known.age));
            return (neighbourhood, later(&nodes, host, id, age));
        }
        // Nobody tells of changes: those at the same host are asked for.
        let Some(host) = host(&known.written) else { return (0, Vec::new()) };
        let path = format!("/v1/nodes?filter=Address%20%3D%3D%20%22{host}%22");
        match self.list_of(&path, region, who).await {
            Ok(nodes) => (0, later(&nodes, host, id, known.age)),
            Err(_) => (0, Vec::new()),
        }
    }

    /// What a server says of a node, asked for once however many want it.
    async fn fetched(&self, id: &NodeId, region: &Region, who: &Who) -> Result<Known, Unseen> {
        // What is old makes room; what is on its way does not.
        if let Some(known) = self.memory.node(region, id) {
            let holds = match self.listed(region, id) {
                Some(_) => known.agent.is_ok() || !known.is_named,
                None => known.since.elapsed() < UNWATCHED_FOR,
            };
            if !holds {
                self.memory.forget_node(region, id);
            }
        }
        let (key, fetched) = (Key::new(region, id), self.fetch_node(id, region, who));
        self.memory.nodes.get_or_insert_async(&key, fetched).await
    }

    async fn fetch_node(&self, id: &NodeId, region: &Region, who: &Who) -> Result<Known, Unseen> {
        let path = format!("/v1/node/{id}");
        let question = Question { region: self.foreign(region), ..Question::new(&path, None) };
        let node: body::Node = match question.ask_as(&self.api, who).await {
            Verdict::Is(node) => node,
            Verdict::Missing => {
                self.memory.miss(region, id.as_bytes());
                return Err(LocateError::UnknownNode(id.as_str().into()).into());
            }
            Verdict::NoRegion => return Err(LocateError::UnknownRegion.into()),
            Verdict::Refused | Verdict::Silent => return Err(Unseen::Hidden),
        };
        let is_named = node.http_addr.parse::<SocketAddr>().is_err() && !node.http_addr.is_empty();
        Ok(Known {
            agent: self.agent_of(&node, region).await,
            written: node.http_addr.as_str().into(),
            age: Age { created: node.create_index, modified: node.modify_index },
            status: Status::of(&node.status),
            since: Instant::now(),
            is_named,
            checked: None,
        })
    }

    /// The agent at the address that a node advertises. An operator may advertise a name; a blank one leads nowhere.
    async fn agent_of(&self, node: &body::Node, region: &Region) -> Result<Arc<Agent>, NoPath> {
        let address = match node.http_addr.parse() {
            Ok(address) => address,
            Err(_) => self.named_address(&node.http_addr).await.ok_or(NoPath::Address)?,
        };
        if self.options.is_own(address) {
            tracing::warn!(node = node.id, %address, "a node advertises the gateway's own address");
            return Err(NoPath::Own);
        }
        let id: NodeId = node.id.parse().map_err(|_| NoPath::Address)?;
        let transport = if node.tls_enabled { Transport::Tls } else { Transport::Plain };
        let agent = Agent::client(&node.name, id, region.clone(), address)
            // A name that cannot stand in a header: the id can.
            .or_else(|_| Agent::client(id.as_str(), id, region.clone(), address));
        Ok(Arc::new(agent.map_err(|_| NoPath::Address)?.over(transport)))
    }

    async fn named_address(&self, written: &str) -> Option<SocketAddr> {
        let (name, port) = written.rsplit_once(':')?;
        let host = Host::new(name, port.parse().ok()?);
        self.options.names.look_up(&host).await.ok()?.first().copied()
    }
}

/// Live nodes of a host that may have taken the address of this one, those first that changed last.
fn later(nodes: &NodeIndex, host: &str, id: &NodeId, age: Age) -> Vec<NodeId> {
    let neighbours = nodes.at_host(host).take(MAX_NEIGHBOURS);
    // Whoever changed before this one was registered was there before it, as all that follow.
    let neighbours = neighbours.take_while(|stub| stub.age.modified >= age.created);
    let is_rival =
        |stub: &&Stub| stub.status.is_alive() && stub.id != *id && stub.age.may_displace(age);
    neighbours.filter(is_rival).map(|stub| stub.id).take(MAX_RIVALS).collect()
}

/// The host of an address, as the list of nodes shows it; nothing when it cannot stand in a filter.
fn host(written: &str) -> Option<&str> {
    let (host, _) = written.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':');
    (!host.is_empty() && host.bytes().all(is_host)).then_some(host)
}

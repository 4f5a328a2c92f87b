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
    Host, Shared, UNWATCHED_TTL,
    api_request::{ApiOutcome, ApiRequest, LookupTokens},
    body,
    directory_cache::{CachedNode, Key, NeighbourCheck, NoPath},
    look_up::LookupFailure,
    node_index::{NodeEntry, NodeIndex, NodeStatus, NodeVersion},
    resolver::RESOLVE_INTERVAL,
};
use crate::{Agent, Transport, connect::Connect, directory::DirectoryError};

/// So many nodes that may have taken an address are asked for: those that changed last. More than that only share a host
/// where a whole fleet is behind one address.
const MAX_RIVALS: usize = 32;

/// So many nodes of one host are looked at to find them.
const MAX_NEIGHBOURS_SCANNED: usize = 512;

/// What is known of a node without asking.
pub(super) enum NodeLocation {
    At(Arc<Agent>),
    NoPath(NoPath),
    NotCached,
}

impl<C: Connect> Shared<C> {
    /// Where the node is, when it is known and what is known still holds.
    pub(super) fn cached_node_location(&self, region: &Region, id: &NodeId) -> NodeLocation {
        // What the configuration says is about the own region, however that one is called.
        let is_own = self.servers().region == *region;
        if let Some(agent) = self.cache.configured(id).filter(|_| is_own) {
            return NodeLocation::At(agent);
        }
        let listed = self.listed_status(region, id);
        if listed.is_some_and(|(status, _)| !status.is_alive()) {
            return NodeLocation::NoPath(NoPath::Down);
        }
        let Some(known) = self.cache.node(region, id) else { return NodeLocation::NotCached };
        let (_, neighbourhood) = match listed {
            Some(listed) => listed,
            None if known.fetched_at.elapsed() < UNWATCHED_TTL => (known.status, 0),
            None => return NodeLocation::NotCached,
        };
        match (known.agent, known.neighbour_check) {
            (Err(_), _)
                if known.has_host_name && known.fetched_at.elapsed() >= RESOLVE_INTERVAL =>
            {
                NodeLocation::NotCached
            }
            (Err(reason), _) => NodeLocation::NoPath(reason),
            (Ok(_), _) if !known.status.is_alive() => NodeLocation::NoPath(NoPath::Down),
            (Ok(agent), Some(checked)) if checked.neighbours_hash == neighbourhood => {
                if checked.is_address_taken {
                    NodeLocation::NoPath(NoPath::AddressTaken)
                } else {
                    NodeLocation::At(agent)
                }
            }
            (Ok(_), _) => NodeLocation::NotCached,
        }
    }

    /// What the list says of a node of the own region: its status and its neighbourhood.
    fn listed_status(&self, region: &Region, id: &NodeId) -> Option<(NodeStatus, u64)> {
        if !self.is_watched.load(Ordering::Relaxed) || !self.is_own_region(region) {
            return None;
        }
        let nodes = self.nodes();
        nodes.find(id).map(|stub| (stub.status, stub.neighbours_hash))
    }

    /// Finds out where a node is.
    pub(super) async fn look_up_node(
        &self,
        id: &NodeId,
        region: &Region,
        who: &LookupTokens,
    ) -> Result<Arc<Agent>, LookupFailure> {
        match self.cached_node_location(region, id) {
            NodeLocation::At(agent) => return Ok(agent),
            NodeLocation::NoPath(_) => return Err(LookupFailure::NoPath(*id)),
            NodeLocation::NotCached => {}
        }
        let known = self.get_or_fetch_node(id, region, who).await?;
        let Ok(agent) = &known.agent else { return Err(LookupFailure::NoPath(*id)) };
        let agent = Arc::clone(agent);
        let (neighbourhood, rivals) = self.rivals(id, &known, region, who).await;
        let rivals = rivals.iter().map(|rival| self.get_or_fetch_node(rival, region, who));
        let has_address = |rival: Result<CachedNode, LookupFailure>| {
            rival.is_ok_and(|rival| {
                !known.advertised.is_empty() && rival.advertised == known.advertised
            })
        };
        let is_taken = join_all(rivals).await.into_iter().any(has_address);
        let is_lost = !known.status.is_alive();
        let checked =
            Some(NeighbourCheck { neighbours_hash: neighbourhood, is_address_taken: is_taken });
        self.cache
            .nodes
            .insert(Key::new(region, id), CachedNode { neighbour_check: checked, ..known });
        if is_taken || is_lost { Err(LookupFailure::NoPath(*id)) } else { Ok(agent) }
    }

    /// The nodes that may have taken a node's address, and the neighbourhood that they were found in.
    async fn rivals(
        &self,
        id: &NodeId,
        known: &CachedNode,
        region: &Region,
        who: &LookupTokens,
    ) -> (u64, Vec<NodeId>) {
        if let Some((_, neighbourhood)) = self.listed_status(region, id) {
            let nodes = self.nodes();
            let stub = nodes.find(id).map(|stub| (&*stub.host, stub.version));
            let (host, age) = stub.unwrap_or(("", known.version));
            return (neighbourhood, rivals_at_host(&nodes, host, id, age));
        }
        // Nobody tells of changes: those at the same host are asked for.
        let Some(host) = filterable_host(&known.advertised) else { return (0, Vec::new()) };
        let path = format!("/v1/nodes?filter=Address%20%3D%3D%20%22{host}%22");
        match self.list_nodes(&path, region, who).await {
            Ok(nodes) => (0, rivals_at_host(&nodes, host, id, known.version)),
            Err(_) => (0, Vec::new()),
        }
    }

    /// What a server says of a node, asked for once however many want it.
    async fn get_or_fetch_node(
        &self,
        id: &NodeId,
        region: &Region,
        who: &LookupTokens,
    ) -> Result<CachedNode, LookupFailure> {
        // What is old makes room; what is on its way does not.
        if let Some(known) = self.cache.node(region, id) {
            let holds = match self.listed_status(region, id) {
                Some(_) => known.agent.is_ok() || !known.has_host_name,
                None => known.fetched_at.elapsed() < UNWATCHED_TTL,
            };
            if !holds {
                self.cache.forget_node(region, id);
            }
        }
        let (key, fetched) = (Key::new(region, id), self.fetch_node(id, region, who));
        self.cache.nodes.get_or_insert_async(&key, fetched).await
    }

    async fn fetch_node(
        &self,
        id: &NodeId,
        region: &Region,
        who: &LookupTokens,
    ) -> Result<CachedNode, LookupFailure> {
        let path = format!("/v1/node/{id}");
        let question =
            ApiRequest { region: self.other_region(region), ..ApiRequest::new(&path, None) };
        let node: body::Node = match question.fetch_with(&self.api, who).await {
            ApiOutcome::Found(node) => node,
            ApiOutcome::NotFound => {
                self.cache.insert_unknown(region, id.as_bytes());
                return Err(DirectoryError::UnknownNode(id.as_str().into()).into());
            }
            ApiOutcome::NoRegion => return Err(DirectoryError::UnknownRegion.into()),
            ApiOutcome::Denied | ApiOutcome::NoResponse => return Err(LookupFailure::Hidden),
        };
        let is_named = node.http_addr.parse::<SocketAddr>().is_err() && !node.http_addr.is_empty();
        Ok(CachedNode {
            agent: self.node_agent(&node, region).await,
            advertised: node.http_addr.as_str().into(),
            version: NodeVersion { created: node.create_index, modified: node.modify_index },
            status: NodeStatus::parse(&node.status),
            fetched_at: Instant::now(),
            has_host_name: is_named,
            neighbour_check: None,
        })
    }

    /// The agent at the address that a node advertises. An operator may advertise a name; a blank one leads nowhere.
    async fn node_agent(&self, node: &body::Node, region: &Region) -> Result<Arc<Agent>, NoPath> {
        let address = match node.http_addr.parse() {
            Ok(address) => address,
            Err(_) => self.resolve_address(&node.http_addr).await.ok_or(NoPath::NoUsableAddress)?,
        };
        if self.options.is_own_address(address) {
            tracing::warn!(node = node.id, %address, "a node advertises the gateway's own address");
            return Err(NoPath::GatewayAddress);
        }
        let id: NodeId = node.id.parse().map_err(|_| NoPath::NoUsableAddress)?;
        let transport = if node.tls_enabled { Transport::Tls } else { Transport::Plain };
        let agent = Agent::client(&node.name, id, region.clone(), address)
            // A name that cannot stand in a header: the id can.
            .or_else(|_| Agent::client(id.as_str(), id, region.clone(), address));
        Ok(Arc::new(agent.map_err(|_| NoPath::NoUsableAddress)?.with_transport(transport)))
    }

    async fn resolve_address(&self, written: &str) -> Option<SocketAddr> {
        let (name, port) = written.rsplit_once(':')?;
        let host = Host::new(name, port.parse().ok()?);
        self.options.resolver.resolve(&host).await.ok()?.first().copied()
    }
}

/// Live nodes of a host that may have taken the address of this one, those first that changed last.
fn rivals_at_host(nodes: &NodeIndex, host: &str, id: &NodeId, age: NodeVersion) -> Vec<NodeId> {
    let neighbours = nodes.at_host(host).take(MAX_NEIGHBOURS_SCANNED);
    // Whoever changed before this one was registered was there before it, as all that follow.
    let neighbours = neighbours.take_while(|stub| stub.version.modified >= age.created);
    let is_rival = |stub: &&NodeEntry| {
        stub.status.is_alive() && stub.id != *id && stub.version.may_displace(age)
    };
    neighbours.filter(is_rival).map(|stub| stub.id).take(MAX_RIVALS).collect()
}

/// The host of an address, as the list of nodes shows it; nothing when it cannot stand in a filter.
fn filterable_host(written: &str) -> Option<&str> {
    let (host, _) = written.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':');
    (!host.is_empty() && host.bytes().all(is_host)).then_some(host)
}

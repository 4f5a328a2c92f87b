//! Reasons that several rows share.

pub(super) const AT_HAND: &str = "at hand, or from a server, which waits 5 s for a leader";

pub(super) const BEGINNING: &str =
    "a framed one has a heartbeat after a second; a plain one sends no head before its first byte";

pub(super) const GOSSIP: &str = "a query to all members, as `agent.keyring.list`";

pub(super) const TWICE: &str =
    "a client that was told that there is no response must not change it a second time";

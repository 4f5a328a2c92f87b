//! Shared by the flows: a cluster, a client, and masks for values that change.

mod client;
mod mask;
mod puppet;
mod scripted;
mod websocket;
pub(crate) mod world;

pub(crate) use self::{
    client::{Stream, TestResponse, get, send},
    mask::masked,
    puppet::{FakeAgent, FakeResponse, Feed, Feeder, send_chunk},
    scripted::{Script, start_counted, start_scripted},
    websocket::{EchoAgent, Socket},
    world::TestCluster,
};

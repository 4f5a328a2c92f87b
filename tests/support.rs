//! What the flows share: a world to ask, a client to ask with, and masks for what changes by itself.

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

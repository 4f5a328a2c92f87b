//! What the flows share: a world to ask, a client to ask with, and masks for what changes by itself.

mod client;
mod mask;
mod puppet;
mod scripted;
mod websocket;
pub(crate) mod world;

pub(crate) use self::{
    client::{Answer, Stream, get, send},
    mask::masked,
    puppet::{Feed, Feeder, Puppet, Reply, say},
    scripted::{Script, counted, scripted},
    websocket::{EchoAgent, Socket},
    world::World,
};

//! HTTP/2 written by hand: frames that no library would send.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::client::TlsStream;

use crate::hello::LIMIT;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

/// What a peer that takes nothing is given before it counts as held back.
const STUCK: Duration = Duration::from_secs(2);

/// One frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// The header block of a request, without tables and Huffman's code.
pub(crate) fn block(method: &str, path: &str) -> Vec<u8> {
    let mut block = vec![0x87]; // `:scheme: https`
    for (name, value) in [(0x02, method), (0x04, path), (0x01, "gateway.test")] {
        block.push(name);
        push_text(&mut block, value);
    }
    block
}

/// A header with a name of its own that is not remembered.
pub(crate) fn push_header(block: &mut Vec<u8>, name: &str, value: &str) {
    block.push(0);
    push_text(block, name);
    push_text(block, value);
}

/// A length of seven bits and more, and the bytes.
pub(crate) fn push_text(block: &mut Vec<u8>, text: &str) {
    let mut rest = text.len();
    if rest < 127 {
        block.push(u8::try_from(rest).unwrap());
    } else {
        block.push(127);
        rest -= 127;
        while rest >= 128 {
            block.push(u8::try_from(rest % 128).unwrap() | 128);
            rest /= 128;
        }
        block.push(u8::try_from(rest).unwrap());
    }
    block.extend_from_slice(text.as_bytes());
}

/// A request without a body.
pub(crate) fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &block("GET", path))
}

/// A caller who has said hello and reads nothing until it is told to.
pub(crate) struct Caller {
    write: WriteHalf<TlsStream<TcpStream>>,
    read: Option<ReadHalf<TlsStream<TcpStream>>>,
    reading: Option<JoinHandle<Seen>>,
}

/// What the gateway has sent until the connection ended.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The code of its last GOAWAY.
    pub(crate) goaway: Option<u32>,
    /// How many frames of each kind.
    pub(crate) frames: [usize; 10],
}

/// How a flood ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Flooded {
    /// All of it was taken.
    Taken,
    /// The gateway takes no more, and keeps the connection.
    HeldBack,
    /// The gateway has closed the connection.
    Closed,
}

impl Caller {
    /// Says hello with these settings.
    pub(crate) async fn hello(stream: TlsStream<TcpStream>, settings: &[u8]) -> Self {
        let (read, mut write) = tokio::io::split(stream);
        write.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        write.write_all(&frame(SETTINGS, 0, 0, settings)).await.unwrap();
        write.flush().await.unwrap();
        Self { write, read: Some(read), reading: None }
    }

    /// From now on everything is read, counted and forgotten.
    pub(crate) fn reading(mut self) -> Self {
        self.reading = self.read.take().map(|read| tokio::spawn(read_all(read)));
        self
    }

    /// Sends frames until all are sent, or the gateway wants no more.
    pub(crate) async fn flood(&mut self, frames: impl Iterator<Item = Vec<u8>>) -> Flooded {
        let mut piece = Vec::new();
        for frame in frames {
            piece.extend_from_slice(&frame);
            if piece.len() < 8 << 10 {
                continue;
            }
            match self.send(&std::mem::take(&mut piece)).await {
                Some(Ok(())) => {}
                Some(Err(_)) => return Flooded::Closed,
                None => return Flooded::HeldBack,
            }
        }
        match self.send(&piece).await {
            Some(Ok(())) => Flooded::Taken,
            Some(Err(_)) => Flooded::Closed,
            None => Flooded::HeldBack,
        }
    }

    /// Nothing when it is not taken.
    async fn send(&mut self, bytes: &[u8]) -> Option<io::Result<()>> {
        let sending = async {
            self.write.write_all(bytes).await?;
            self.write.flush().await
        };
        timeout(STUCK, sending).await.ok()
    }

    /// What a caller who reads had been sent when the gateway ended the connection.
    pub(crate) async fn ended(&mut self) -> Seen {
        let reading = self.reading.take().unwrap();
        timeout(LIMIT, reading).await.expect("the connection stays open").unwrap()
    }
}

async fn read_all(mut read: ReadHalf<TlsStream<TcpStream>>) -> Seen {
    let mut seen = Seen::default();
    loop {
        let mut head = [0; 9];
        if read.read_exact(&mut head).await.is_err() {
            return seen;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        if read.read_exact(&mut payload).await.is_err() {
            return seen;
        }
        if let Some(count) = seen.frames.get_mut(usize::from(head[3])) {
            *count += 1;
        }
        if head[3] == GOAWAY {
            seen.goaway = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
    }
}

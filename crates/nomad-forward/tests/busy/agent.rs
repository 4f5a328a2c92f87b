//! An agent as awkward as Go's: its handlers go on after their response is over, answer before they have read, and say
//! more than they were asked.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hyper_util::rt::TokioIo;
use nomad_forward::{Agent, Endpoint, connect::Connect};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, duplex},
    time::sleep,
};

/// When a case says that something comes later, this much later.
pub(crate) const LATER: Duration = Duration::from_secs(1);

/// A body is read in pieces of so much.
const PIECE: usize = 8 << 10;

/// What the handler of a call does. The answer to each is its own number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    /// Reads the request, answers it, is done.
    Plain,
    /// The same in chunks.
    Chunked,
    /// Streams for ever; after a HEAD into nothing.
    Stream,
    /// Has no content, and goes on working.
    NoContentAndWorks,
    /// Says that nothing was modified, and goes on working.
    NotModifiedAndWorks,
    /// Refuses before it has read the body, and then reads the body slowly.
    RefusesThenReads,
    /// Refuses before it has read the body, and never reads it when it is a long one: Go reads on up to a limit.
    RefusesAndForgets,
    /// Refuses in chunks before it has read the body, and closes.
    RefusesAndCloses,
    /// Sends informational responses before its own.
    SaysWait,
    /// A response that ends late.
    EndsLate,
    /// Sends another response at once that nobody asked for.
    SaysMore,
    /// Sends another response that nobody asked for after a while.
    SaysMoreLater,
    /// Closes after a while, having said nothing of it.
    ClosesLate,
}

impl Case {
    pub(crate) const ALL: [Self; 13] = [
        Self::Plain,
        Self::Chunked,
        Self::Stream,
        Self::NoContentAndWorks,
        Self::NotModifiedAndWorks,
        Self::RefusesThenReads,
        Self::RefusesAndForgets,
        Self::RefusesAndCloses,
        Self::SaysWait,
        Self::EndsLate,
        Self::SaysMore,
        Self::SaysMoreLater,
        Self::ClosesLate,
    ];
}

/// The agent, and the connector that reaches it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Awkward {
    connections: Arc<AtomicUsize>,
    carried_out: Arc<Mutex<Vec<usize>>>,
}

impl Awkward {
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The numbers of the changes that it made.
    pub(crate) fn carried_out(&self) -> Vec<usize> {
        self.carried_out.lock().unwrap().clone()
    }
}

impl Connect for Awkward {
    type Io = TokioIo<DuplexStream>;
    type Key = Endpoint;

    fn key(&self, agent: &Agent) -> Endpoint {
        agent.endpoint().clone()
    }

    async fn connect(&self, _: &Agent) -> io::Result<Self::Io> {
        let (ours, theirs) = duplex(16 << 10);
        self.connections.fetch_add(1, Ordering::SeqCst);
        let agent = self.clone();
        tokio::spawn(async move {
            let mut line = Line { io: BufReader::new(theirs), agent };
            while line.serve().await.is_ok() {}
        });
        Ok(TokioIo::new(ours))
    }
}

/// One connection: its requests are served one after the other.
struct Line {
    io: BufReader<DuplexStream>,
    agent: Awkward,
}

struct Asked {
    is_head: bool,
    is_change: bool,
    case: Case,
    number: usize,
    length: Option<usize>,
}

impl Line {
    async fn serve(&mut self) -> io::Result<()> {
        let asked = self.head().await?;
        let refused = "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno";
        match asked.case {
            Case::RefusesThenReads => {
                self.say(refused).await?;
                return self.body(&asked, Duration::from_millis(400)).await;
            }
            Case::RefusesAndForgets => {
                self.say(refused).await?;
                if asked.length.is_none_or(|length| length > PIECE) {
                    std::future::pending::<()>().await;
                }
                return self.body(&asked, Duration::ZERO).await;
            }
            Case::RefusesAndCloses => {
                let refused = "HTTP/1.1 413 Too Large\r\ntransfer-encoding: chunked\r\n\r\n";
                self.say(&format!("{refused}2\r\nno\r\n0\r\n\r\n")).await?;
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            _ => self.body(&asked, Duration::ZERO).await?,
        }
        if asked.is_change {
            self.agent.carried_out.lock().unwrap().push(asked.number);
        }
        self.answer(&asked).await
    }

    async fn answer(&mut self, asked: &Asked) -> io::Result<()> {
        let number = asked.number.to_string();
        let whole = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", number.len());
        let body = if asked.is_head { "" } else { &*number };
        match asked.case {
            Case::Stream => {
                self.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
                self.go_on(asked.is_head).await
            }
            Case::NoContentAndWorks => {
                self.say("HTTP/1.1 204 No Content\r\n\r\n").await?;
                self.go_on(true).await
            }
            Case::NotModifiedAndWorks => {
                self.say("HTTP/1.1 304 Not Modified\r\n\r\n").await?;
                self.go_on(true).await
            }
            Case::Chunked => {
                self.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
                let chunks = format!("{:x}\r\n{number}\r\n0\r\n\r\n", number.len());
                self.say(if asked.is_head { "" } else { &chunks }).await
            }
            Case::SaysWait => {
                self.say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n").await?;
                self.say(&format!("{whole}{body}")).await
            }
            Case::EndsLate => {
                self.say(&whole).await?;
                sleep(LATER).await;
                self.say(body).await
            }
            Case::SaysMore => {
                self.say(&format!("{whole}{body}HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbad"))
                    .await
            }
            Case::SaysMoreLater => {
                self.say(&format!("{whole}{body}")).await?;
                sleep(LATER / 2).await;
                self.say("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbad").await
            }
            Case::ClosesLate => {
                self.say(&format!("{whole}{body}")).await?;
                sleep(LATER / 2).await;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            _ => self.say(&format!("{whole}{body}")).await,
        }
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.io.get_mut().write_all(text.as_bytes()).await
    }

    /// A handler that streams, and notices only that its connection is gone.
    async fn go_on(&mut self, is_nothing: bool) -> io::Result<()> {
        loop {
            sleep(Duration::from_millis(100)).await;
            if !is_nothing {
                self.say("3\r\n{}\n\r\n").await?;
            }
        }
    }

    async fn head(&mut self) -> io::Result<Asked> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.io.read_u8().await?);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let query = |key: &str| head.split(&format!("{key}=")).nth(1)?.split(['&', ' ']).next();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next());
        let case = query("case").unwrap();
        let case = Case::ALL.into_iter().find(|one| format!("{one:?}").eq_ignore_ascii_case(case));
        Ok(Asked {
            is_head: head.starts_with("head"),
            is_change: head.starts_with("post"),
            case: case.unwrap(),
            number: query("number").unwrap().parse().unwrap(),
            length: match length {
                Some(length) => Some(length.parse().unwrap()),
                None => (!head.contains("transfer-encoding")).then_some(0),
            },
        })
    }

    /// Reads the body, and rests after each piece of it.
    async fn body(&mut self, asked: &Asked, rest: Duration) -> io::Result<()> {
        let mut left = asked.length;
        while left != Some(0) {
            let size = match left {
                Some(left) => left.min(PIECE),
                None => self.chunk_size().await?,
            };
            if left.is_none_or(|left| left > size) {
                sleep(rest).await;
            }
            let mut piece = vec![0; size];
            self.io.read_exact(&mut piece).await?;
            match &mut left {
                Some(left) => *left -= size,
                None => {
                    self.io.read_exact(&mut [0; 2]).await?;
                    if size == 0 {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    async fn chunk_size(&mut self) -> io::Result<usize> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(self.io.read_u8().await?);
        }
        Ok(usize::from_str_radix(String::from_utf8(line).unwrap().trim(), 16).unwrap())
    }
}

//! Sans-io, zero-copy codec for the framed streams of HashiCorp Nomad: logs, files and monitors,
//! and what shares their grammar, the event stream and exec messages.
//!
//! On the wire a stream of frames is nothing but JSON objects, one behind the other:
//!
//! ```text
//! {"Data":"aGVsbG8K","File":"alloc/logs/web.stdout.0","Offset":6}{}{}{"File":"…","FileEvent":"…"}
//! ```
//!
//! # Contract
//!
//! Bytes go in as they come ([`Decoder::feed`]), in chunks of any size, and frames come out
//! ([`Decoder::next_frame`]) as soon as their last byte is in. `Some` is a frame, `None` asks for
//! more bytes, an error is the end. How the bytes were cut up changes neither the frames nor the
//! errors nor any position in them.
//!
//! So a whole reader is this loop, whatever the bytes come from:
//!
//! ```
//! use nomad_frames::Decoder;
//!
//! # let mut source = [&br#"{"Data":"aGVsbG8K","Off"#[..], br#"set":6}{}"#].into_iter().map(bytes::Bytes::from_static);
//! let mut decoder = Decoder::default();
//! while let Some(chunk) = source.next() {
//!     decoder.feed(chunk)?;
//!     while let Some(frame) = decoder.next_frame()? {
//!         println!("{} bytes of {}", frame.data().decoded_len(), frame.file());
//!     }
//! }
//! decoder.finish()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where the bytes lie
//!
//! ```text
//!  chunk  ┌────────────────────────────────────────────┬─────────────────────┐
//!  as fed │{"Data":"aGVsbG8K","File":"f","Offset":6}{} │{"Data":"aGVsb…      │
//!         └────────▲────────────────▲──────────────────┴─────────┬───────────┘
//!                  │ data()         │ file()                     │ copied, once
//!            a Frame is four positions in the chunk              ▼
//!                                                        ┌──────────────────────────┐
//!  the next chunk brings the rest of it ───────────────► │ carry: one frame, reused │
//!                                                        └──────────────────────────┘
//! ```
//!
//! A frame that lies in one chunk is lent from that chunk, and no byte of it is moved. Nomad
//! sends one HTTP chunk for each frame, so with a body that hands its chunks on this is the rule.
//! A frame that straddles chunks is gathered in one buffer that is used again for the next.
//! [`Frame::to_buf`] makes an owner of the same bytes.
//!
//! `Data` stays in base64, unseen: finding a frame costs a search for one quote. Whoever wants
//! the bytes [decodes](Payload::decode_into) them, and learns then whether they are base64.
//!
//! # What is accepted
//!
//! What Nomad's own Go client accepts: keys in any order and case, escapes in them too, unknown
//! keys, the last of several equal ones, `null`, blanks anywhere between tokens, text that is not
//! UTF-8 (each wrong byte becomes U+FFFD). Three things it accepts are refused: `Data` as an array of
//! numbers, nesting beyond [`Limits::max_depth`], frames beyond [`Limits::max_frame`]. One that
//! it refuses is accepted: an overwritten `Data` need not have been base64.
//!
//! # What a peer can cost
//!
//! Time linear in the bytes received, if they come one by one as well; memory of one
//! [`Limits::max_frame`], beside what was fed and not read.
//!
//! # The other direction
//!
//! [`StreamFrame::encode`] writes a frame exactly as Nomad does, and a [`Framer`] cuts reads of a
//! file into frames by Nomad's rules, with the clock as an argument.
//!
//! # Features
//!
//! - `codec`: `FrameCodec`, for tokio-util's `FramedRead` and `FramedWrite`.
//! - `stream`: `FrameStream`, a `Stream` over any `http_body::Body`.

mod base64;
#[cfg(feature = "codec")]
mod codec;
mod decoder;
mod encode;
mod error;
mod event;
mod exec;
mod fields;
mod frame;
mod framer;
mod json_object;
mod layout_predictor;
mod limits;
mod members;
mod object_decoder;
mod payload;
mod scanner;
mod span;
mod splitter;
#[cfg(feature = "stream")]
mod stream;
mod text;
mod tracker;
mod transcoder;

#[cfg(feature = "codec")]
pub use codec::{CodecError, FrameCodec};
#[cfg(feature = "stream")]
pub use stream::{FrameStream, FrameStreamError};
pub use {
    decoder::{Decoder, DecoderFull},
    encode::StreamFrame,
    error::FrameError,
    event::{Event, EventBatch},
    exec::{ExecData, ExecMessage, TtySize},
    frame::{Frame, FrameBuf},
    framer::{Framer, FramerConfig, Offsets},
    limits::Limits,
    object_decoder::ObjectDecoder,
    payload::{Payload, PayloadBuffer, PayloadError, PayloadReader},
    tracker::{Position, Tracker},
    transcoder::{OutputFormat, TranscodeError, Transcoder},
};

/// The examples of the README run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

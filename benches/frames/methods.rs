//! The ways to do each work. The first of each list is the reference.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use nomad_frames::Decoder;
use serde::{Deserialize, Serialize};

use crate::harness::Method;
use crate::stream::Stream;

/// The frame as one writes it down without thinking of copies.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Naive {
    #[serde(skip_serializing_if = "String::is_empty")]
    data: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    file: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    file_event: String,
    #[serde(skip_serializing_if = "is_zero")]
    offset: i64,
}

fn is_zero(offset: &i64) -> bool {
    *offset == 0
}

impl Naive {
    fn weigh(&self) -> u64 {
        let data = STANDARD.decode(&self.data).expect("the stream is valid");
        data.len() as u64 + self.file.len() as u64 + self.offset as u64
    }
}

const INVARIANT: &str = "the stream is valid";

fn naive(stream: &Stream) -> Method<'_> {
    Method::new("naive: serde_json stream + base64 scalar", || {
        serde_json::Deserializer::from_slice(&stream.bytes)
            .into_iter::<Naive>()
            .map(|frame| frame.expect(INVARIANT).weigh())
            .fold(0, u64::wrapping_add)
    })
}

fn sonic(stream: &Stream) -> Method<'_> {
    Method::new("sonic-rs stream + base64 scalar", || {
        sonic_rs::Deserializer::from_slice(&stream.bytes)
            .into_stream::<Naive>()
            // It calls the end of its input an error.
            .map_while(Result::ok)
            .map(|frame| frame.weigh())
            .fold(0, u64::wrapping_add)
    })
}

fn memory_bounds(stream: &Stream) -> [Method<'_>; 2] {
    let mut copy = vec![0; stream.bytes.len()];
    [
        Method::new("memchr", || u64::from(memchr::memchr(0, &stream.bytes).is_some())),
        Method::new("memcpy", move || {
            copy.copy_from_slice(&stream.bytes);
            u64::from(copy[0])
        }),
    ]
}

pub(crate) fn split(stream: &Stream) -> Vec<Method<'_>> {
    let ours = Method::new("nomad-frames", || {
        let mut decoder = Decoder::default();
        decoder.feed(stream.bytes.clone()).expect("an empty decoder takes any chunk");
        drain(&mut decoder)
    });
    [naive(stream), sonic(stream)].into_iter().chain(memory_bounds(stream)).chain([ours]).collect()
}

pub(crate) fn decode(stream: &Stream) -> Vec<Method<'_>> {
    let mut out = Vec::new();
    let into = Method::new("nomad-frames, decode_into a cleared Vec", move || {
        decoded(&stream.bytes, |payload| {
            out.clear();
            payload.decode_into(&mut out).expect(INVARIANT)
        })
    });
    let mut room = vec![0; stream.data.len() + 3];
    let slice = Method::new("nomad-frames, decode_slice", move || {
        decoded(&stream.bytes, |payload| payload.decode_slice(&mut room).expect(INVARIANT))
    });
    [naive(stream), sonic(stream)]
        .into_iter()
        .chain(memory_bounds(stream))
        .chain([into, slice])
        .collect()
}

fn decoded(bytes: &Bytes, mut one: impl FnMut(nomad_frames::Payload<'_>) -> usize) -> u64 {
    let mut decoder = Decoder::default();
    decoder.feed(bytes.clone()).expect("an empty decoder takes any chunk");
    let mut sum = 0;
    while let Some(frame) = decoder.next_frame().expect(INVARIANT) {
        sum += one(frame.data()) as u64;
    }
    sum
}

fn drain(decoder: &mut Decoder) -> u64 {
    let mut sum = 0_u64;
    while let Some(frame) = decoder.next_frame().expect(INVARIANT) {
        sum += (frame.data().as_base64().len() + frame.file_bytes().len()) as u64;
        sum = sum.wrapping_add(frame.offset() as u64);
    }
    sum
}

pub(crate) fn fed(stream: &Stream, read: usize) -> Vec<Method<'_>> {
    let mut buffer = vec![0; read];
    vec![
        Method::new("naive: Vec + serde_json stream, retried", move || naive_fed(stream, read)),
        Method::new("memchr", || u64::from(memchr::memchr(0, &stream.bytes).is_some())),
        Method::new("memcpy through one buffer", move || {
            stream.bytes.chunks(read).fold(0, |sum, chunk| {
                buffer[..chunk.len()].copy_from_slice(chunk);
                sum + u64::from(buffer[0])
            })
        }),
        Method::new("nomad-frames, chunks as an HTTP body hands them on", move || {
            let mut decoder = Decoder::default();
            stream.bytes.chunks(read).fold(0, |sum, chunk| {
                decoder.feed(stream.bytes.slice_ref(chunk)).expect("the decoder was drained");
                drain(&mut decoder).wrapping_add(sum)
            })
        }),
        Method::new("nomad-frames, the copy of the read included", move || {
            let mut decoder = Decoder::default();
            let mut sum = 0_u64;
            feed(stream, read, |chunk| {
                decoder.feed(chunk).expect("the decoder was drained");
                sum = sum.wrapping_add(drain(&mut decoder));
            });
            sum
        }),
    ]
}

/// Reads as from a socket: into a buffer that is used again once nobody holds a piece of it.
fn feed(stream: &Stream, read: usize, mut take: impl FnMut(Bytes)) {
    let mut buffer = BytesMut::with_capacity(read);
    for chunk in stream.bytes.chunks(read) {
        buffer.reserve(read);
        buffer.extend_from_slice(chunk);
        take(buffer.split().freeze());
    }
}

fn naive_fed(stream: &Stream, read: usize) -> u64 {
    let mut buffer = Vec::new();
    let mut sum = 0_u64;
    for chunk in stream.bytes.chunks(read) {
        buffer.extend_from_slice(chunk);
        let mut frames = serde_json::Deserializer::from_slice(&buffer).into_iter::<Naive>();
        for frame in frames.by_ref() {
            match frame {
                Ok(frame) => sum = sum.wrapping_add(frame.weigh()),
                Err(error) => {
                    assert!(error.is_eof(), "{INVARIANT}");
                    break;
                }
            }
        }
        let done = frames.byte_offset();
        buffer.drain(..done);
    }
    sum
}

pub(crate) fn encode(stream: &Stream) -> Vec<Method<'_>> {
    let mut out = BytesMut::with_capacity(2 * stream.data.len() + 256);
    let naive = Method::new("naive: base64 scalar + serde_json::to_vec", || {
        stream.parts.iter().fold(0, |sum, part| {
            let frame = Naive {
                data: STANDARD.encode(&stream.data[..part.len]),
                file: part.file.to_owned(),
                file_event: part.event.to_owned(),
                offset: part.offset,
            };
            sum + serde_json::to_vec(&frame).expect("strings and integers").len() as u64
        })
    });
    let sonic = Method::new("base64 scalar + sonic_rs::to_vec", || {
        stream.parts.iter().fold(0, |sum, part| {
            let frame = Naive {
                data: STANDARD.encode(&stream.data[..part.len]),
                file: part.file.to_owned(),
                file_event: part.event.to_owned(),
                offset: part.offset,
            };
            sum + sonic_rs::to_vec(&frame).expect("strings and integers").len() as u64
        })
    });
    let ours = Method::new("nomad-frames, a reused BytesMut", move || {
        stream.parts.iter().fold(0, |sum, part| {
            out.clear();
            part.frame(&stream.data).encode(&mut out);
            sum + out.len() as u64
        })
    });
    [naive, sonic].into_iter().chain(memory_bounds(stream)).chain([ours]).collect()
}

/// Bytes copied for each byte received, by the decoder's own count.
#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
pub(crate) fn copied(stream: &Stream) {
    for read in [stream.bytes.len(), 64 << 10, 16 << 10, 1 << 10] {
        let mut decoder = Decoder::default();
        feed(stream, read, |chunk| {
            decoder.feed(chunk).expect("the decoder was drained");
            drain(&mut decoder);
        });
        let share = decoder.copied_bytes() as f64 / stream.bytes.len() as f64;
        println!("  reads of {read:>8}: {share:.3} bytes copied per byte received");
    }
}

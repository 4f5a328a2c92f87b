//! The file format: <https://github.com/google/pprof/blob/main/proto/profile.proto>, as far as these profiles need it.

use std::{collections::HashMap, io::Write as _};

use flate2::{Compression, write::GzEncoder};

/// One profile.
#[derive(Debug, Default)]
pub(crate) struct Profile {
    /// What each value of a sample counts, and its unit.
    pub(super) kinds: Vec<(&'static str, &'static str)>,
    pub(super) samples: Vec<Sample>,
    /// When it was taken, in nanoseconds since 1970.
    pub(super) timestamp: i64,
    /// How long it took, in nanoseconds.
    pub(super) duration: i64,
    /// The distance of two samples, if they are periodic: kind, unit and length.
    pub(super) period: Option<(&'static str, &'static str, i64)>,
}

/// One stack, and its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sample {
    /// Innermost first.
    pub(super) stack: Vec<Frame>,
    /// One for each kind.
    pub(super) values: Vec<i64>,
    /// The name of the thread.
    pub(super) thread: String,
}

/// A function on a stack, or a stand-in for one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Frame {
    pub(super) name: String,
    pub(super) system_name: String,
    pub(super) file: String,
    pub(super) line: i64,
}

impl Frame {
    /// A frame with a name only.
    pub(super) fn named(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { system_name: name.clone(), name, ..Self::default() }
    }
}

impl Profile {
    /// The profile as gzipped protobuf.
    pub(crate) fn to_gzip(&self) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let written = encoder.write_all(&self.encode()).and_then(|()| encoder.finish());
        written.expect("writing to memory cannot fail")
    }

    fn encode(&self) -> Vec<u8> {
        let mut tables = Tables::default();
        // The first entry of the string table must be empty.
        tables.text("");
        let mut out = Message::default();
        for (kind, unit) in &self.kinds {
            out.message(1, &tables.value_type(kind, unit));
        }
        for sample in &self.samples {
            out.message(2, &tables.sample(sample));
        }
        let period =
            self.period.map(|(kind, unit, length)| (tables.value_type(kind, unit), length));
        out.0.extend_from_slice(&tables.encoded.0);
        for text in &tables.order {
            out.bytes(6, text.as_bytes());
        }
        out.int(9, self.timestamp);
        out.int(10, self.duration);
        if let Some((kind, length)) = period {
            out.message(11, &kind);
            out.int(12, length);
        }
        out.0
    }
}

/// String and location tables: each entry is written once and then referred to by its number.
#[derive(Default)]
struct Tables {
    texts: HashMap<String, i64>,
    order: Vec<String>,
    frames: HashMap<Frame, i64>,
    functions: HashMap<Frame, i64>,
    /// Fields 4 (locations) and 5 (functions) of the profile.
    encoded: Message,
}

impl Tables {
    fn text(&mut self, text: &str) -> i64 {
        if let Some(&number) = self.texts.get(text) {
            return number;
        }
        let number = number_after(self.order.len()) - 1;
        self.order.push(text.to_owned());
        self.texts.insert(text.to_owned(), number);
        number
    }

    fn value_type(&mut self, kind: &str, unit: &str) -> Message {
        let mut out = Message::default();
        out.int(1, self.text(kind));
        out.int(2, self.text(unit));
        out
    }

    fn sample(&mut self, sample: &Sample) -> Message {
        let mut out = Message::default();
        for frame in &sample.stack {
            out.int(1, self.location(frame));
        }
        for value in &sample.values {
            // A zero is a value here, and must be written.
            out.varint_field(2, *value);
        }
        let mut label = Message::default();
        label.int(1, self.text("thread"));
        label.int(2, self.text(&sample.thread));
        out.message(3, &label);
        out
    }

    fn location(&mut self, frame: &Frame) -> i64 {
        if let Some(&number) = self.frames.get(frame) {
            return number;
        }
        let number = number_after(self.frames.len());
        self.frames.insert(frame.clone(), number);
        let mut line = Message::default();
        line.int(1, self.function(frame));
        line.int(2, frame.line);
        let mut location = Message::default();
        location.int(1, number);
        location.message(4, &line);
        self.encoded.message(4, &location);
        number
    }

    fn function(&mut self, frame: &Frame) -> i64 {
        let function = Frame { line: 0, ..frame.clone() };
        if let Some(&number) = self.functions.get(&function) {
            return number;
        }
        let number = number_after(self.functions.len());
        let mut out = Message::default();
        out.int(1, number);
        out.int(2, self.text(&function.name));
        out.int(3, self.text(&function.system_name));
        out.int(4, self.text(&function.file));
        self.encoded.message(5, &out);
        self.functions.insert(function, number);
        number
    }
}

/// Numbers start at 1: to protobuf a zero is absent.
fn number_after(count: usize) -> i64 {
    i64::try_from(count + 1).unwrap_or(i64::MAX)
}

/// A protobuf message under construction.
#[derive(Debug, Default)]
struct Message(Vec<u8>);

impl Message {
    /// A number; zero is omitted, because that is what an absent field means.
    fn int(&mut self, field: u8, value: i64) {
        if value != 0 {
            self.varint_field(field, value);
        }
    }

    fn varint_field(&mut self, field: u8, value: i64) {
        self.0.push(field << 3);
        self.varint(value.cast_unsigned());
    }

    fn message(&mut self, field: u8, message: &Self) {
        self.bytes(field, &message.0);
    }

    fn bytes(&mut self, field: u8, bytes: &[u8]) {
        self.0.push(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// Seven bits per byte, the lowest first.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_are_written_as_protobuf_says() {
        let mut out = Message::default();
        out.int(1, 300);
        out.int(2, 0);
        out.varint_field(2, 0);
        out.bytes(6, b"ab");
        assert_eq!(out.0, [0x08, 0xac, 0x02, 0x10, 0x00, 0x32, 2, b'a', b'b']);
    }

    #[test]
    fn a_place_that_is_seen_twice_is_written_once() {
        let sample = Sample {
            stack: vec![Frame::named("inner"), Frame::named("outer")],
            values: vec![1],
            thread: "main".to_owned(),
        };
        let profile = Profile {
            kinds: vec![("samples", "count")],
            samples: vec![sample.clone(), sample],
            ..Profile::default()
        };
        let bytes = profile.encode();
        let count =
            |text: &str| bytes.windows(text.len()).filter(|w| *w == text.as_bytes()).count();
        assert_eq!((count("inner"), count("outer"), count("main"), count("samples")), (1, 1, 1, 1));
        assert_eq!(profile.to_gzip()[..2], [0x1f, 0x8b]);
    }
}

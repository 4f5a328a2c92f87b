//! Nomad's rules for cutting a file into frames, without a clock and without a socket.

use std::time::Duration;

use crate::StreamFrame;

/// How a stream is cut into frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FramerConfig {
    /// The most bytes of data in one frame; at least 1.
    pub max_frame: usize,
    /// How often waiting bytes are sent although they do not fill a frame. The beat counts from
    /// the start of the stream, not from the last byte.
    pub batch_window: Duration,
    /// How often a heartbeat is sent, also while data flows. [`Duration::MAX`] sends none.
    pub heartbeat_interval: Duration,
    /// What the `Offset` of a frame says.
    pub offsets: Offsets,
}

impl Default for FramerConfig {
    /// Nomad's numbers for files and logs, unchanged from 1.0 to 2.0: frames of 64 KiB, sent
    /// every 200 ms, a heartbeat every second; with offsets that are true.
    fn default() -> Self {
        Self {
            max_frame: 65_536,
            batch_window: Duration::from_millis(200),
            heartbeat_interval: Duration::from_secs(1),
            offsets: Offsets::Exact,
        }
    }
}

impl FramerConfig {
    /// Nomad's numbers for `/v1/agent/monitor`: as for files, but frames of 1 KiB.
    ///
    /// A monitor has no position: [send](Framer::send) with offset 0 and event `log`, and its
    /// frames carry no offset.
    #[must_use]
    pub fn monitor() -> Self {
        Self { max_frame: 1_024, ..Self::default() }
    }

    /// Sets what the `Offset` of a frame says.
    #[must_use]
    pub fn with_offsets(mut self, offsets: Offsets) -> Self {
        self.offsets = offsets;
        self
    }
}

/// What the `Offset` of a frame says, and which frames are sent only to say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Offsets {
    /// The position in the file just after the frame's last byte. An event is sent once, and no
    /// frame is sent that has neither data nor an event.
    #[default]
    Exact,
    /// What Nomad says, for those who compare byte by byte: the position after the first of the
    /// reads merged into the frame, then the size of a full frame added for each frame cut from
    /// the same burst. A burst that fills its last frame is followed by a frame without data,
    /// and an event without data is sent again at the next beat.
    NomadCompatible,
}

/// Cuts what a reader reads into frames, by Nomad's rules.
///
/// The framer owns no clock: `now` is the time since the stream began. Whoever drives it calls
/// [`tick`](Self::tick) when the [`deadline`](Self::deadline) has passed and before each
/// [`send`](Self::send), and hands every frame that comes out to the stream at once: Nomad
/// flushes one HTTP chunk per frame. A framed stream [encodes](StreamFrame::encode) each frame;
/// a plain one writes its `data` and skips it when there is none.
///
/// ```
/// use std::time::Duration;
/// use bytes::BytesMut;
/// use nomad_frames::{Framer, FramerConfig};
///
/// let mut framer = Framer::new(FramerConfig::default());
/// let mut out = BytesMut::new();
/// framer.send("app.log", "", b"one\n", 4, &mut |frame| frame.encode(&mut out));
/// framer.send("app.log", "", b"two\n", 8, &mut |frame| frame.encode(&mut out));
/// assert!(out.is_empty());
///
/// assert_eq!(framer.deadline(), Duration::from_millis(200));
/// framer.tick(framer.deadline(), &mut |frame| frame.encode(&mut out));
/// assert_eq!(out, r#"{"Data":"b25lCnR3bwo=","File":"app.log","Offset":8}"#);
/// ```
///
/// Memory: one buffer that never exceeds `max_frame`, and two short strings.
#[derive(Debug)]
pub struct Framer {
    config: FramerConfig,
    file: String,
    event: String,
    /// `True`: the position after the last byte in `buffer`. `NomadCompatible`: the offset to be sent.
    offset: i64,
    /// Always shorter than a full frame.
    buffer: Vec<u8>,
    /// Whether `file`, `event` and `offset` belong to something that was sent and not yet cleared.
    pending: bool,
    next_batch: Duration,
    next_heartbeat: Duration,
}

impl Framer {
    /// A framer at the start of a stream, with nothing to send.
    #[must_use]
    pub fn new(mut config: FramerConfig) -> Self {
        config.max_frame = config.max_frame.max(1);
        Self {
            next_batch: config.batch_window,
            next_heartbeat: config.heartbeat_interval,
            config,
            file: String::new(),
            event: String::new(),
            offset: 0,
            buffer: Vec::new(),
            pending: false,
        }
    }

    /// Takes what one read gave: `data` of `file`, or an `event` with or without data.
    /// `offset_after` is the position in the file just after `data`, or 0 for a stream without
    /// positions.
    ///
    /// Full frames, a change of file or event, and events without data go out at once; the rest
    /// waits for the next beat.
    #[expect(clippy::too_many_arguments, reason = "the four facts of a read, and where it goes")]
    pub fn send(
        &mut self,
        file: &str,
        event: &str,
        data: &[u8],
        offset_after: i64,
        sink: &mut impl FnMut(StreamFrame<'_>),
    ) {
        if self.pending && (self.file != file || self.event != event) {
            self.flush(sink);
        }
        let read = StreamFrame { file, event, offset: offset_after, data };
        if !self.merge_read(read) {
            return;
        }
        if data.is_empty() && self.buffer.is_empty() && !event.is_empty() {
            self.emit(&[], sink);
            self.reset_pending();
            return;
        }
        self.send_full_frames(data, sink);
    }

    /// Sends what is due at `now`, the time since the stream began: first the waiting bytes,
    /// then the heartbeat. A beat that was missed is not made up for.
    pub fn tick(&mut self, now: Duration, sink: &mut impl FnMut(StreamFrame<'_>)) {
        if now >= self.next_batch {
            self.next_batch = next_multiple(now, self.config.batch_window);
            if self.pending {
                self.flush(sink);
            }
        }
        if now >= self.next_heartbeat {
            self.next_heartbeat = next_multiple(now, self.config.heartbeat_interval);
            sink(StreamFrame::HEARTBEAT);
        }
    }

    /// Sends the bytes that still wait, if there are any. The framer is then empty.
    pub fn finish(&mut self, sink: &mut impl FnMut(StreamFrame<'_>)) {
        if !self.buffer.is_empty() {
            self.flush(sink);
        }
        self.pending = false;
    }

    /// When [`tick`](Self::tick) is next due, as time since the stream began. With nothing
    /// waiting this is the next heartbeat, so an idle stream wakes once a second.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        if self.pending { self.next_batch.min(self.next_heartbeat) } else { self.next_heartbeat }
    }

    /// Makes `read` the pending one, or joins it to the pending one; false if it says nothing.
    fn merge_read(&mut self, read: StreamFrame<'_>) -> bool {
        let says_nothing = match self.config.offsets {
            Offsets::Exact => read.data.is_empty() && read.event.is_empty(),
            Offsets::NomadCompatible => read.is_heartbeat(),
        };
        if says_nothing {
            return false;
        }
        if !self.pending {
            self.pending = true;
            self.file.clear();
            self.file.push_str(read.file);
            self.event.clear();
            self.event.push_str(read.event);
            self.offset = read.offset;
        }
        if self.config.offsets == Offsets::Exact {
            self.offset = read.offset;
        }
        true
    }

    /// Sends every full frame that the buffer and `data` make, and keeps the rest. A frame that
    /// lies inside `data` is sent from there, without a copy.
    fn send_full_frames(&mut self, mut data: &[u8], sink: &mut impl FnMut(StreamFrame<'_>)) {
        let full = self.config.max_frame;
        let end = self.offset;
        while self.buffer.len() + data.len() >= full {
            let (head, rest) = data.split_at(full - self.buffer.len());
            if self.config.offsets == Offsets::Exact {
                self.offset = position_before(end, rest.len());
            }
            if self.buffer.is_empty() {
                self.emit(head, sink);
            } else {
                self.buffer.extend_from_slice(head);
                let buffer = std::mem::take(&mut self.buffer);
                self.emit(&buffer, sink);
                self.buffer = buffer;
                self.buffer.clear();
            }
            if self.config.offsets == Offsets::NomadCompatible {
                self.offset = self.offset.saturating_add(full as i64);
            }
            data = rest;
        }
        if self.config.offsets == Offsets::Exact {
            self.offset = end;
        }
        self.buffer.extend_from_slice(data);
        if self.buffer.is_empty() {
            self.reset_pending();
        }
    }

    /// Sends what is pending, with data or without, and forgets it.
    fn flush(&mut self, sink: &mut impl FnMut(StreamFrame<'_>)) {
        let buffer = std::mem::take(&mut self.buffer);
        self.emit(&buffer, sink);
        self.buffer = buffer;
        self.buffer.clear();
        self.pending = false;
    }

    /// After everything pending was sent: Nomad keeps it pending, and so says it again.
    fn reset_pending(&mut self) {
        self.pending = self.config.offsets == Offsets::NomadCompatible;
    }

    fn emit(&self, data: &[u8], sink: &mut impl FnMut(StreamFrame<'_>)) {
        sink(StreamFrame { file: &self.file, event: &self.event, offset: self.offset, data });
    }
}

/// The position `count` bytes before `end`; a stream without positions stays at 0.
fn position_before(end: i64, count: usize) -> i64 {
    end.saturating_sub_unsigned(count as u64).max(0)
}

/// The first whole multiple of `period` after `now`.
fn next_multiple(now: Duration, period: Duration) -> Duration {
    let period_ns = period.as_nanos().max(1);
    let next = (now.as_nanos() / period_ns + 1).saturating_mul(period_ns);
    let seconds = u64::try_from(next / 1_000_000_000).unwrap_or(u64::MAX);
    Duration::new(seconds, (next % 1_000_000_000) as u32)
}

#[cfg(test)]
mod tests;

//! Nomad's framer rules, one by one.

use super::*;

#[derive(Debug, PartialEq, Eq, Clone)]
struct Sent {
    file: String,
    event: String,
    offset: i64,
    len: usize,
}

fn sent(file: &str, event: &str, offset: i64, len: usize) -> Sent {
    Sent { file: file.to_owned(), event: event.to_owned(), offset, len }
}

/// A framer, the frames that came out and the bytes they carried.
struct Bench {
    framer: Framer,
    frames: Vec<Sent>,
    bytes: Vec<u8>,
}

impl Bench {
    fn new(config: FramerConfig) -> Self {
        Self { framer: Framer::new(config), frames: Vec::new(), bytes: Vec::new() }
    }

    fn with(
        &mut self,
        act: impl FnOnce(&mut Framer, &mut dyn FnMut(StreamFrame<'_>)),
    ) -> &mut Self {
        let (frames, bytes) = (&mut self.frames, &mut self.bytes);
        act(&mut self.framer, &mut |f| {
            frames.push(sent(f.file, f.event, f.offset, f.data.len()));
            bytes.extend_from_slice(f.data);
        });
        self
    }

    fn send(&mut self, file: &str, event: &str, len: usize, offset: i64) -> &mut Self {
        let data = vec![b'x'; len];
        self.with(|f, mut sink| f.send(file, event, &data, offset, &mut sink))
    }

    fn tick(&mut self, millis: u64) -> &mut Self {
        self.with(|f, mut sink| f.tick(Duration::from_millis(millis), &mut sink))
    }

    fn finish(&mut self) -> &mut Self {
        self.with(|f, mut sink| f.finish(&mut sink))
    }

    fn expect(&mut self, frames: &[Sent]) -> &mut Self {
        assert_eq!(self.frames, frames);
        self.frames.clear();
        self
    }
}

fn nomad() -> Bench {
    Bench::new(FramerConfig::default().with_offsets(Offsets::NomadCompatible))
}

fn exact() -> Bench {
    Bench::new(FramerConfig::default())
}

#[test]
fn a_short_read_waits_for_the_beat() {
    for mut b in [nomad(), exact()] {
        b.send("f", "", 5, 5).tick(199).expect(&[]);
        b.tick(200).expect(&[sent("f", "", 5, 5)]);
        b.tick(400).expect(&[]);
    }
}

#[test]
fn merged_reads_differ_only_in_offset() {
    nomad().send("f", "", 5, 5).send("f", "", 3, 8).tick(200).expect(&[sent("f", "", 5, 8)]);
    exact().send("f", "", 5, 5).send("f", "", 3, 8).tick(200).expect(&[sent("f", "", 8, 8)]);
}

#[test]
fn a_file_a_little_longer_than_a_frame() {
    // Nomad's second offset is past the end of the 65,546-byte file.
    nomad()
        .send("f", "", 65_536, 65_536)
        .send("f", "", 10, 65_546)
        .finish()
        .expect(&[sent("f", "", 65_536, 65_536), sent("f", "", 131_072, 10)]);
    exact()
        .send("f", "", 65_536, 65_536)
        .send("f", "", 10, 65_546)
        .finish()
        .expect(&[sent("f", "", 65_536, 65_536), sent("f", "", 65_546, 10)]);
}

#[test]
fn a_frame_is_cut_across_reads_at_its_true_position() {
    let mut b = exact();
    b.send("f", "", 40_000, 40_000).send("f", "", 65_536, 105_536).tick(200);
    b.expect(&[sent("f", "", 65_536, 65_536), sent("f", "", 105_536, 40_000)]);
    assert_eq!(b.bytes.len(), 105_536);
}

#[test]
fn one_read_of_many_frames() {
    let mut b = exact();
    b.send("f", "", 7, 7).send("f", "", 200_000, 200_007).finish();
    b.expect(&[
        sent("f", "", 65_536, 65_536),
        sent("f", "", 131_072, 65_536),
        sent("f", "", 196_608, 65_536),
        sent("f", "", 200_007, 3_399),
    ]);
}

#[test]
fn full_frames_with_nothing_left_are_echoed_by_nomad_only() {
    nomad()
        .send("f", "", 65_536, 65_536)
        .tick(200)
        .tick(400)
        .expect(&[sent("f", "", 65_536, 65_536), sent("f", "", 131_072, 0)]);
    exact()
        .send("f", "", 65_536, 65_536)
        .tick(200)
        .tick(400)
        .expect(&[sent("f", "", 65_536, 65_536)]);
}

#[test]
fn an_event_goes_out_at_once_and_from_nomad_twice() {
    let event = sent("f", "file truncated", 0, 0);
    nomad()
        .send("f", "file truncated", 0, 0)
        .expect(std::slice::from_ref(&event))
        .tick(200)
        .expect(std::slice::from_ref(&event));
    nomad().send("f", "file deleted", 0, 3).send("g", "", 2, 2).tick(200).expect(&[
        sent("f", "file deleted", 3, 0),
        sent("f", "file deleted", 3, 0),
        sent("g", "", 2, 2),
    ]);
    exact().send("f", "file truncated", 0, 0).tick(200).expect(&[event]);
}

#[test]
fn a_change_of_file_or_event_sends_what_waits() {
    for mut b in [nomad(), exact()] {
        b.send("f", "", 5, 5).send("g", "", 2, 2).expect(&[sent("f", "", 5, 5)]);
        b.send("g", "file deleted", 0, 2)
            .expect(&[sent("g", "", 2, 2), sent("g", "file deleted", 2, 0)]);
    }
}

#[test]
fn the_heartbeat_beats_while_data_flows() {
    for mut b in [nomad(), exact()] {
        b.send("f", "", 1, 1).tick(1_000);
        b.expect(&[sent("f", "", 1, 1), sent("", "", 0, 0)]);
        b.tick(1_999).expect(&[]);
        // A driver that slept through two beats sends one.
        b.tick(4_100).expect(&[sent("", "", 0, 0)]);
        assert_eq!(b.framer.deadline(), Duration::from_secs(5));
    }
}

#[test]
fn the_deadline_is_the_heartbeat_until_something_waits() {
    let mut b = exact();
    assert_eq!(b.framer.deadline(), Duration::from_secs(1));
    b.tick(450).send("f", "", 1, 1);
    assert_eq!(b.framer.deadline(), Duration::from_millis(600));
    b.tick(600);
    assert_eq!(b.framer.deadline(), Duration::from_secs(1));
}

#[test]
fn a_heartbeat_of_max_never_comes() {
    let mut b =
        Bench::new(FramerConfig { heartbeat_interval: Duration::MAX, ..FramerConfig::default() });
    b.tick(u64::MAX).expect(&[]);
    assert_eq!(b.framer.deadline(), Duration::MAX);
}

#[test]
fn the_end_sends_what_waits_and_no_empty_frame() {
    for mut b in [nomad(), exact()] {
        b.send("f", "", 5, 5).finish().expect(&[sent("f", "", 5, 5)]);
        b.finish().expect(&[]);
        b.send("f", "", 65_536, 65_541).finish().expect(&[sent("f", "", 65_541, 65_536)]);
    }
}

#[test]
fn a_monitor_has_no_positions_unless_nomads_are_asked_for() {
    let mut b = Bench::new(FramerConfig::monitor());
    b.send("", "log", 2_500, 0).tick(200);
    b.expect(&[sent("", "log", 0, 1_024), sent("", "log", 0, 1_024), sent("", "log", 0, 452)]);

    let mut b = Bench::new(FramerConfig::monitor().with_offsets(Offsets::NomadCompatible));
    b.send("", "log", 2_048, 0).tick(200).send("", "log", 10, 0).tick(400);
    b.expect(&[
        sent("", "log", 0, 1_024),
        sent("", "log", 1_024, 1_024),
        sent("", "log", 2_048, 0),
        sent("", "log", 0, 10),
    ]);
}

/// A framer of Nomad's own tests: small frames, long windows.
fn small(max_frame: usize, batch: u64) -> Bench {
    let batch = Duration::from_millis(batch);
    Bench::new(FramerConfig { max_frame, batch_window: batch, ..FramerConfig::default() })
}

#[test]
fn one_byte_is_flushed_whole_and_nothing_comes_after_the_end() {
    let mut b = small(100, 100);
    b.send("foo", "bar", 1, 1).tick(99).expect(&[]);
    b.tick(100).expect(&[sent("foo", "bar", 1, 1)]);
    assert_eq!(b.bytes, b"x");
    b.finish().expect(&[]);
}

#[test]
fn a_frame_leaves_when_it_is_full_and_not_before() {
    let mut b = small(3, 500);
    b.send("foo", "", 1, 1).tick(250).expect(&[]);
    b.send("foo", "", 2, 3).expect(&[sent("foo", "", 3, 3)]);
    b.finish().expect(&[]);
}

#[test]
fn nothing_said_is_a_heartbeat() {
    let mut b = small(100, 100);
    let beat = u64::try_from(FramerConfig::default().heartbeat_interval.as_millis()).unwrap();
    b.tick(beat - 1).expect(&[]);
    b.tick(beat).expect(&[sent("", "", 0, 0)]);
}

#[test]
fn what_many_files_say_comes_in_its_order() {
    let mut b = small(10, 100);
    let mut all = Vec::new();
    for file in 0..5 {
        for shard in 0..10 {
            let data: Vec<u8> = (0..7).map(|at| b'a' + (file * 31 + shard * 7 + at) % 26).collect();
            let name = format!("file{file}");
            let offset = i64::from(shard + 1) * 7;
            b.with(|framer, mut sink| framer.send(&name, "", &data, offset, &mut sink));
            all.extend(data);
        }
    }
    b.finish();
    assert_eq!(b.bytes, all);
    assert!(b.frames.iter().all(|frame| frame.len <= 10));
    let files: Vec<_> =
        b.frames.chunk_by(|a, b| a.file == b.file).map(|run| &run[0].file).collect();
    assert_eq!(files, ["file0", "file1", "file2", "file3", "file4"]);
}

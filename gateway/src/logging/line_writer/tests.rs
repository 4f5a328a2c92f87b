use std::sync::{
    Mutex,
    mpsc::{Receiver, Sender, channel},
};

use super::*;

/// A disk that has room for so many bytes, and takes at most seven at once.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<(Vec<u8>, usize)>>);

impl Disk {
    fn set_free_space(&self, room: usize) {
        self.0.lock().unwrap().1 = room;
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap()
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut disk = self.0.lock().unwrap();
        let count = bytes.len().min(7).min(disk.1);
        if count == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.1 -= count;
        disk.0.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A reader who takes a line only when the test does.
struct SlowReader(Sender<Vec<u8>>, Receiver<()>);

impl Write for SlowReader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1.recv().map_err(io::Error::other)?;
        self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Clone, Default)]
struct RecordedEvents(Arc<Mutex<Vec<String>>>);

impl WriterEvents for RecordedEvents {
    fn write_failed(&mut self, _: &io::Error) {
        self.0.lock().unwrap().push("failed".to_owned());
    }

    fn write_resumed(&mut self, lost: u64) -> Option<Vec<u8>> {
        self.0.lock().unwrap().push(format!("lost {lost}"));
        Some(format!("({lost} lost)\n").into_bytes())
    }
}

#[test]
fn a_full_disk_loses_whole_lines_and_counts_each() {
    let (disk, reports) = (Disk::default(), RecordedEvents::default());
    let lines = LineWriter::start("test", 64, disk.clone(), reports.clone()).unwrap();
    let write = |text: &str| {
        lines.write(text.as_bytes().to_vec());
        lines.flush_blocking();
    };
    disk.set_free_space(13);
    write("a whole line\n");
    // Nothing of the first fits, half of the next does, and nothing of the last.
    write("lost\n");
    disk.set_free_space(3);
    write("finished later\n");
    write("lost as well\n");
    assert_eq!(disk.text(), "a whole line\nfin");
    assert_eq!(
        (lines.lines_lost(), reports.0.lock().unwrap().as_slice()),
        (2, &["failed".into()][..])
    );
    disk.set_free_space(1000);
    write("again\n");
    assert_eq!(disk.text(), "a whole line\nfinished later\nagain\n(2 lost)\n");
    assert_eq!(*reports.0.lock().unwrap(), ["failed", "lost 2"]);
    // The next failure is a new one.
    disk.set_free_space(0);
    write("lost\n");
    assert_eq!((lines.lines_lost(), reports.0.lock().unwrap().len()), (3, 3));
}

#[test]
fn nobody_waits_for_a_reader_who_has_stopped() {
    let (read, written) = channel();
    let (go, wait) = channel();
    let lines =
        LineWriter::start("test", 4, SlowReader(read, wait), RecordedEvents::default()).unwrap();
    let since = Instant::now();
    for number in 0..100 {
        lines.write(format!("{number}\n").into_bytes());
    }
    let lost = lines.lines_lost();
    assert!((90..100).contains(&lost), "{lost} of 100 lines lost with room for 4");
    // What is too long for all the room there is does not get it.
    lines.write(vec![b'x'; MAX_QUEUED_BYTES]);
    assert_eq!(lines.lines_lost(), lost + 1);
    lines.flush_blocking();
    assert!(since.elapsed() < Duration::from_secs(5));
    let mut text = Vec::new();
    for _ in 0..100 {
        go.send(()).unwrap();
    }
    while !text.ends_with(format!("({} lost)\n", lost + 1).as_bytes()) {
        text.extend(written.recv_timeout(Duration::from_secs(10)).unwrap());
    }
    assert!(text.starts_with(b"0\n1\n"), "{}", String::from_utf8_lossy(&text));
}

#[test]
fn bytes_are_bounded_as_well() {
    let (read, _written) = channel();
    let (_go, wait) = channel();
    let lines =
        LineWriter::start("test", 1024, SlowReader(read, wait), RecordedEvents::default()).unwrap();
    for _ in 0..32 {
        lines.write(vec![b'x'; 1 << 20]);
    }
    assert_eq!(lines.lines_lost(), 16);
}

//! How much a peer may cost.

/// The bounds that a decoder keeps, whatever its peer sends.
///
/// ```
/// use nomad_frames::Limits;
///
/// let limits = Limits { max_frame: 1 << 20, ..Limits::default() };
/// assert_eq!(limits.max_depth, 64);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest frame in bytes of JSON. It also bounds what a decoder keeps of an unfinished
    /// frame. At most 4 GiB - 1, which is where it is cut off.
    pub max_frame: usize,
    /// How deep objects and arrays may nest, the frame itself counted. At most 128.
    pub max_depth: u8,
    /// How many bytes may wait in a decoder that are fed and not yet read.
    pub max_buffered: usize,
    /// The longest error text after the last frame, in bytes.
    pub max_error_text: usize,
}

impl Default for Limits {
    /// For streams of files, logs and monitors: frames of 256 KiB, which is room for Nomad's own
    /// 64 KiB of data as base64 (87,384 bytes), a path of 4 KiB with every byte escaped, and as
    /// much again; 64 levels, where Nomad's frames have one; 1 MiB waiting; 16 KiB of error text.
    fn default() -> Self {
        Self {
            max_frame: 256 << 10,
            max_depth: 64,
            max_buffered: 1 << 20,
            max_error_text: 16 << 10,
        }
    }
}

impl Limits {
    /// For the event stream, whose objects hold whole jobs, nodes and allocations: 32 MiB.
    #[must_use]
    pub fn events() -> Self {
        Self { max_frame: 32 << 20, max_buffered: 4 << 20, ..Self::default() }
    }

    /// Cuts off what the decoder's own counters cannot hold: spans are 32 bits wide, and the
    /// open brackets are the bits of one 128-bit word.
    pub(crate) fn clamp(self) -> Self {
        Self {
            max_frame: self.max_frame.clamp(2, u32::MAX as usize),
            max_depth: self.max_depth.clamp(1, 128),
            ..self
        }
    }
}

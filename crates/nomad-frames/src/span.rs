//! A piece of a frame, as two 32-bit positions instead of a pointer and a length.

use std::ops::Range;

/// `start <= end`, both counted from the first byte of the frame they belong to, and `end` no
/// greater than the length of that frame. [`Limits`](crate::Limits) keeps frames below 4 GiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(crate) const fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    pub(crate) const fn start(self) -> usize {
        self.start as usize
    }

    pub(crate) const fn end(self) -> usize {
        self.end as usize
    }

    pub(crate) const fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.start == self.end
    }

    pub(crate) const fn range(self) -> Range<usize> {
        self.start()..self.end()
    }

    /// The same piece, seen from `by` bytes further to the left.
    pub(crate) const fn shift(self, by: usize) -> Self {
        Self::new(self.start() + by, self.end() + by)
    }
}

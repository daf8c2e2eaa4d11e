//! The texts of the stored lines, one behind the other in blocks. The newest blocks lie
//! open; the others are packed (LZ4, which costs less than reading a line did), for log
//! lines are much alike.

use std::collections::VecDeque;
use std::fmt;
use std::ops::{Deref, Range};
use std::rc::Rc;

use lz4_flex::block;

/// Bytes of text in one block.
pub(super) const BLOCK: usize = 32 * 1024;

/// Blocks that lie open: what is written to, and what a pane that follows shows.
const OPEN: usize = 2;

/// A text as it is handed out: it lies in the store, or in a block that was unpacked.
#[derive(Clone)]
pub struct Text<'s>(Kept<'s>);

#[derive(Clone)]
enum Kept<'s> {
    Open(&'s str),
    Unpacked(Rc<str>, Range<usize>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Kept::Open(text) => text,
            Kept::Unpacked(block, place) => block.get(place.clone()).unwrap_or_default(),
        }
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text<'_> {}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

/// Where a text lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The block's number, counted from the first block ever.
    pub block: u32,
    pub start: u16,
    pub length: u16,
}

#[derive(Debug)]
enum Block {
    Open(String),
    Packed {
        bytes: Box<[u8]>,
        /// Of the text.
        length: usize,
    },
}

/// The blocks that are there.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    blocks: VecDeque<Block>,
    /// The number of the first one.
    first: u32,
}

impl Blocks {
    /// Writes a text, which is shorter than [`BLOCK`], behind the last one; a new block
    /// begins when it does not fit.
    pub(super) fn write(&mut self, text: &str) -> Place {
        let fits = |block: &Block| match block {
            Block::Open(written) => written.len() + text.len() < BLOCK,
            Block::Packed { .. } => false,
        };
        if !self.blocks.back().is_some_and(fits) {
            self.pack_oldest_open();
            self.blocks.push_back(Block::Open(String::with_capacity(BLOCK)));
        }
        let mut start = 0;
        if let Some(Block::Open(written)) = self.blocks.back_mut() {
            start = written.len();
            written.push_str(text);
        }
        let last = u32::try_from(self.blocks.len().saturating_sub(1)).unwrap_or_default();
        Place {
            block: self.first.wrapping_add(last),
            // Both are less than BLOCK, which is less than 2^16.
            start: u16::try_from(start).unwrap_or_default(),
            length: u16::try_from(text.len()).unwrap_or_default(),
        }
    }

    /// Forgets the blocks before the one of that number; all without one.
    pub(super) fn forget_before(&mut self, oldest: Option<u32>) {
        while oldest != Some(self.first) && self.blocks.pop_front().is_some() {
            self.first = self.first.wrapping_add(1);
        }
    }

    /// Bytes that the blocks take.
    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        let taken = |block: &Block| match block {
            Block::Open(text) => text.capacity(),
            Block::Packed { bytes, .. } => bytes.len(),
        };
        self.blocks.iter().map(taken).sum()
    }

    fn get(&self, number: u32) -> Option<&Block> {
        self.blocks.get(number.wrapping_sub(self.first) as usize)
    }

    /// Before a block is added: the oldest of the open ones is packed. What does not get
    /// smaller stays as it is.
    fn pack_oldest_open(&mut self) {
        let Some(place) = (self.blocks.len() + 1).checked_sub(OPEN + 1) else { return };
        let Some(oldest) = self.blocks.get_mut(place) else { return };
        let Block::Open(text) = oldest else { return };
        let packed = block::compress(text.as_bytes());
        if packed.len() < text.len() {
            *oldest = Block::Packed { bytes: packed.into(), length: text.len() };
        } else {
            text.shrink_to_fit();
        }
    }
}

/// Reads texts and keeps the block that it unpacked last, for the next text is mostly in
/// the same one.
#[derive(Debug)]
pub(super) struct Unpacker<'s> {
    blocks: &'s Blocks,
    last: Option<(u32, Rc<str>)>,
}

impl<'s> Unpacker<'s> {
    pub(super) const fn new(blocks: &'s Blocks) -> Self {
        Self { blocks, last: None }
    }

    /// The text at a place; `None` when it is not there any more.
    pub(super) fn text(&mut self, place: Place) -> Option<Text<'s>> {
        let start = usize::from(place.start);
        let range = start..start + usize::from(place.length);
        match self.blocks.get(place.block)? {
            Block::Open(text) => text.get(range).map(|text| Text(Kept::Open(text))),
            Block::Packed { bytes, length } => {
                let text = self.unpacked(place.block, bytes, *length)?;
                Some(Text(Kept::Unpacked(text, range)))
            }
        }
    }

    fn unpacked(&mut self, number: u32, bytes: &[u8], length: usize) -> Option<Rc<str>> {
        if let Some((last, text)) = &self.last
            && *last == number
        {
            return Some(Rc::clone(text));
        }
        let text = block::decompress(bytes, length).ok()?;
        let text: Rc<str> = String::from_utf8(text).ok()?.into();
        self.last = Some((number, Rc::clone(&text)));
        Some(text)
    }
}

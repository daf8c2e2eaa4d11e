//! Header blocks: names and values, compressed with zlib, one context for all blocks of
//! a direction, which begins with a dictionary (SPDY Protocol draft 3.1, section 2.6.10).

use std::collections::HashMap;
use std::io;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use super::dictionary::dictionary;

/// Longest block that is taken, uncompressed.
const LONGEST: usize = 64 * 1024;

fn broken(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Reads the blocks of one direction.
#[derive(Debug)]
pub(super) struct Inflater {
    zlib: Decompress,
}

impl Default for Inflater {
    fn default() -> Self {
        Self { zlib: Decompress::new(true) }
    }
}

impl Inflater {
    /// The headers of a block; names in lower case.
    ///
    /// # Errors
    /// When it is no such block, or too long.
    pub(super) fn headers(&mut self, block: &[u8]) -> io::Result<HashMap<String, String>> {
        parse(&self.inflate(block)?)
    }

    fn inflate(&mut self, block: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        let begin = self.zlib.total_in();
        let mut buffer = vec![0; 4096];
        loop {
            let read = usize::try_from(self.zlib.total_in() - begin).map_err(broken)?;
            let rest = block.get(read..).unwrap_or_default();
            let before = self.zlib.total_out();
            match self.zlib.decompress(rest, &mut buffer, FlushDecompress::Sync) {
                Ok(_) => {}
                Err(error) if error.needs_dictionary().is_some() => {
                    self.zlib.set_dictionary(&dictionary()).map_err(broken)?;
                    continue;
                }
                Err(error) => return Err(broken(error)),
            }
            let written = usize::try_from(self.zlib.total_out() - before).map_err(broken)?;
            plain.extend_from_slice(buffer.get(..written).unwrap_or_default());
            if plain.len() > LONGEST {
                return Err(broken("a header block that is too long"));
            }
            let all = usize::try_from(self.zlib.total_in() - begin).map_err(broken)? >= block.len();
            if written == 0 || (all && written < buffer.len()) {
                return Ok(plain);
            }
        }
    }
}

fn parse(mut block: &[u8]) -> io::Result<HashMap<String, String>> {
    let count = number(&mut block)?;
    let mut headers = HashMap::new();
    for _ in 0..count {
        let name = text(&mut block)?.to_ascii_lowercase();
        headers.insert(name, text(&mut block)?);
    }
    Ok(headers)
}

fn number(block: &mut &[u8]) -> io::Result<usize> {
    let (bytes, rest) = block.split_first_chunk::<4>().ok_or_else(|| broken("a header block breaks off"))?;
    *block = rest;
    usize::try_from(u32::from_be_bytes(*bytes)).map_err(broken)
}

fn text(block: &mut &[u8]) -> io::Result<String> {
    let length = number(block)?;
    let (text, rest) = block.split_at_checked(length).ok_or_else(|| broken("a header block breaks off"))?;
    *block = rest;
    String::from_utf8(text.to_vec()).map_err(broken)
}

/// Writes the blocks of one direction.
#[derive(Debug)]
pub(super) struct Deflater {
    zlib: Compress,
}

impl Deflater {
    /// A direction in which nothing was sent yet.
    ///
    /// # Errors
    /// When zlib does not take the dictionary.
    pub(super) fn new() -> io::Result<Self> {
        let mut zlib = Compress::new(Compression::default(), true);
        zlib.set_dictionary(&dictionary()).map_err(broken)?;
        Ok(Self { zlib })
    }

    /// The next block.
    ///
    /// # Errors
    /// When zlib fails.
    pub(super) fn block(&mut self, headers: &[(&str, &str)]) -> io::Result<Vec<u8>> {
        let mut plain = length(headers.len());
        for (name, value) in headers {
            for text in [name, value] {
                plain.extend_from_slice(&length(text.len()));
                plain.extend_from_slice(text.as_bytes());
            }
        }
        let mut block = Vec::with_capacity(plain.len() + 64);
        self.zlib.compress_vec(&plain, &mut block, FlushCompress::Sync).map_err(broken)?;
        Ok(block)
    }
}

fn length(of: usize) -> Vec<u8> {
    u32::try_from(of).unwrap_or(u32::MAX).to_be_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blocks_of_one_direction_share_their_context() {
        let mut deflater = Deflater::new().unwrap();
        let mut inflater = Inflater::default();
        for number in ["0", "1", "2"] {
            let sent = [("streamtype", "data"), ("port", "8000"), ("requestid", number)];
            let headers = inflater.headers(&deflater.block(&sent).unwrap()).unwrap();
            assert_eq!(headers.get("requestid").map(String::as_str), Some(number));
            assert_eq!(headers.len(), 3);
        }
    }

    #[test]
    fn a_block_that_grows_without_end_is_refused() {
        let large = "x".repeat(LONGEST + 1);
        let block = {
            let mut deflater = Deflater::new().unwrap();
            let mut plain = length(1);
            for text in ["a", &large] {
                plain.extend_from_slice(&length(text.len()));
                plain.extend_from_slice(text.as_bytes());
            }
            let mut block = Vec::with_capacity(plain.len());
            deflater.zlib.compress_vec(&plain, &mut block, FlushCompress::Sync).unwrap();
            block
        };
        assert!(Inflater::default().headers(&block).is_err());
    }

    proptest! {
        #[test]
        fn garbage_is_an_error_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Inflater::default().headers(&bytes);
            let _ = parse(&bytes);
        }
    }
}

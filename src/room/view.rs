//! What is on the screen, apart from what is known: focus, overlays, scroll.

use super::dialog::Dialog;
use super::intent::{Extent, Motion, Overlay, Pane, Writing};
use super::release::Looking;
use super::text::TextLine;

/// The state of the screen.
#[derive(Debug)]
pub struct View {
    pub focus: Pane,
    /// The focused pane fills the screen.
    pub zoomed: bool,
    pub overlay: Option<Overlay>,
    /// First row shown of the overlay, or the chosen one where rows are chosen.
    pub overlay_offset: usize,
    pub dialog: Option<Dialog>,
    pub prompt: Option<Prompt>,
    pub palette: Palette,
    /// The selected pod's place in the pane's list.
    pub pod: usize,
    /// The pod whose details lie open, by name: the list may change its order meanwhile.
    pub pod_shown: Option<String>,
    /// First row shown of the operation pane.
    pub operation_offset: usize,
    /// The chosen signal's place in the pane's list.
    pub signal: usize,
    /// What of the pipeline is looked at.
    pub release: Looking,
    /// The chosen item's place in the list that the checklist pane shows.
    pub check: usize,
    /// The checklist pane shows only what is open.
    pub open_only: bool,
    /// The item that a prompt or the evidence is about, by its place in the checklist: the
    /// list may change its order meanwhile.
    pub item_asked: Option<usize>,
}

impl Default for View {
    fn default() -> Self {
        Self {
            focus: Pane::Pair,
            zoomed: false,
            overlay: None,
            overlay_offset: 0,
            dialog: None,
            prompt: None,
            palette: Palette::default(),
            pod: 0,
            pod_shown: None,
            operation_offset: 0,
            signal: 0,
            release: Looking::default(),
            check: 0,
            open_only: false,
            item_asked: None,
        }
    }
}

/// The command palette: what was typed and which entry is chosen.
#[derive(Debug, Default)]
pub struct Palette {
    pub text: TextLine,
    pub chosen: usize,
}

/// A question that takes one line.
#[derive(Clone, Debug)]
pub struct Prompt {
    pub kind: PromptKind,
    pub text: TextLine,
    /// Why what was typed cannot be taken.
    pub trouble: Option<String>,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptKind {
    /// Text to find in the logs.
    Search,
    /// Text to find in a job's log.
    SearchJobLog,
    /// A regular expression that log lines must match to be kept.
    Pattern,
    /// The reason for taking command from its holder.
    TakeCommand,
    /// The words of a note.
    Write(Writing),
}

impl Prompt {
    /// An empty prompt.
    #[must_use]
    pub fn new(kind: PromptKind) -> Self {
        Self { kind, text: TextLine::default(), trouble: None }
    }
}

/// `offset` moved, within what there is.
#[must_use]
pub fn moved(offset: usize, motion: Motion, extent: Extent) -> usize {
    let page = extent.page.max(1);
    let to = match motion {
        Motion::Up => offset.min(extent.most).saturating_sub(1),
        Motion::Down => offset.saturating_add(1),
        Motion::PageUp => offset.min(extent.most).saturating_sub(page),
        Motion::PageDown => offset.saturating_add(page),
        Motion::Home => 0,
        Motion::End => extent.most,
    };
    to.min(extent.most)
}

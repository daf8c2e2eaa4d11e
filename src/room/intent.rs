//! What an operator wants, whatever key, palette entry or command said it.

use super::checklist::CheckIntent;
use crate::sop::operation::{ActionKind, Order};

/// Something an operator wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Intent {
    Quit,
    Suspend,
    Redraw,
    Focus(Pane),
    FocusNext,
    Zoom,
    Move(Motion, Extent),
    Open(Overlay),
    /// Close the topmost overlay; with none, leave the zoom.
    Close,
    /// Open the dialog for an action.
    Ask(ActionKind),
    /// A key typed into the open dialog or prompt.
    Edit(Edit),
    /// Enter: the armed button of a dialog, the chosen entry of a palette, the end of a prompt.
    Accept,
    /// Tab: the dialog's next field or way.
    NextField,
    PreviousField,
    /// Write what the dialog is about in an editor: a pull request's title and text.
    EditOutside,
    /// An order without a dialog: a headless command, whose flags are the confirmation.
    Perform(Box<Order>),
    /// Take command of the release, without changing anything yet.
    TakeCommand,
    GiveUpCommand,
    Logs(LogIntent),
    Release(ReleaseIntent),
    Check(CheckIntent),
    /// Ask for the words of a note.
    Write(Writing),
    /// The link to the dashboard: to the clipboard, or into a browser.
    CopyDashboard,
    OpenDashboard,
    /// Begin or end the chosen fault of the rehearsal.
    ToggleFault,
    /// What was chosen in the palette, which closes with it.
    Chosen(Box<Intent>),
}

/// The notes that an operator can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Writing {
    /// A critical bug was found.
    Bug,
    /// Not to be rolled back for what was raised so far.
    Stop,
    /// The watch goes on for longer.
    Extend,
    /// The watch is over.
    End,
    /// An item of the checklist is so.
    Tick,
    /// An item of the checklist is let go.
    Waive,
    /// An item of the checklist does not apply.
    NotApply,
}

impl Writing {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Bug, Self::Stop, Self::Extend, Self::End, Self::Tick, Self::Waive, Self::NotApply];

    /// Whether it is about an item of the checklist.
    #[must_use]
    pub const fn is_of_checklist(self) -> bool {
        matches!(self, Self::Tick | Self::Waive | Self::NotApply)
    }
}

/// The panes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pane {
    Pair,
    Operation,
    Errors,
    Signals,
    /// The release's pull request and the run of its pipeline.
    Pipeline,
    Checklist,
}

impl Pane {
    /// All panes, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Pair, Self::Operation, Self::Errors, Self::Signals, Self::Pipeline, Self::Checklist];

    /// The pane's title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Pair => "Blue/green",
            Self::Operation => "Operation",
            Self::Errors => "Errors",
            Self::Signals => "Signals",
            Self::Pipeline => "Pipeline",
            Self::Checklist => "Checklist",
        }
    }
}

/// A movement in the focused pane or overlay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
}

/// How far a movement may go in what is on the screen; the drawing side knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Rows of one page.
    pub page: usize,
    /// The largest offset that still shows something.
    pub most: usize,
}

/// What can lie over the panes, besides dialogs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overlay {
    Help,
    Interlocks,
    /// What was done: the record's operations.
    History,
    /// The program's own diagnostics.
    Diagnostics,
    Palette,
    /// Everything known of the selected pod.
    Pod,
    /// What can be made to go wrong in a rehearsal.
    Faults,
    /// The chain of evidence, link by link.
    Chain,
    /// The log of a job of the pipeline.
    JobLog,
    /// Everything known of the chosen item of the checklist.
    Evidence,
}

/// A change to a line of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    Insert(char),
    Paste(String),
    Backspace,
    /// Ctrl-U.
    Clear,
}

/// What can be done with the logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogIntent {
    /// Stop or resume the moving of the view; lines go on being read.
    Pause,
    Follow,
    Wrap,
    /// Move lines that are not wrapped.
    Left,
    Right,
    /// Lines or groups.
    Groups,
    /// The lines of the chosen group.
    OpenGroup,
    Search,
    NextHit,
    PreviousHit,
    NextColour,
    NextPod,
    NextLevel,
    /// Ask for a pattern to filter by.
    Pattern,
    Save,
    Copy,
}

/// What can be looked at of the release's pull request and pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseIntent {
    /// The run before the one that is shown, of the same workflow.
    OlderRun,
    NewerRun,
    /// The newest run of another workflow: staging's.
    NextWorkflow,
    /// The release's own run again.
    Follow,
    /// The whole log of the chosen job.
    OpenLog,
    /// Ask for text to find in the job's log.
    Search,
    NextHit,
    PreviousHit,
    /// Open the shown run, or the pull request while there is none, in the browser.
    Browse,
    /// Copy its address.
    CopyAddress,
}

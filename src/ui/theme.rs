//! How things look: the sixteen colours every terminal has, and marks with a
//! plain stand-in for each. Nothing is told by colour alone.

use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;

use crate::room::message::StepState;
use crate::room::roster::PodStanding;
use crate::sop::chain::Fit;
use crate::sop::colour::Colour;
use crate::sop::pipeline::RunState;
use crate::sop::verdict::Verdict;

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Colours may be used (`NO_COLOR`, `--color`).
    pub colour: bool,
    /// The locale is UTF-8: marks and borders beyond ASCII.
    pub unicode: bool,
}

/// What a piece of text is, apart from what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    /// Of less weight than its surroundings.
    Dim,
    Strong,
    Side(Colour),
    Warn,
    Bad,
    /// Must not be overlooked: production, alarms, read-only.
    Loud,
    /// The selected row or pane title.
    Chosen,
    /// What was searched for.
    Hit,
}

/// Marks, each one column wide but for the arrow and the ellipsis.
#[derive(Debug)]
pub(crate) struct Glyphs {
    green: &'static str,
    blue: &'static str,
    pub(crate) good: &'static str,
    pub(crate) bad: &'static str,
    pub(crate) warn: &'static str,
    pub(crate) unknown: &'static str,
    pub(crate) now: &'static str,
    pub(crate) pending: &'static str,
    pub(crate) full: &'static str,
    pub(crate) hollow: &'static str,
    pub(crate) arrow: &'static str,
    pub(crate) dot: &'static str,
    pub(crate) ellipsis: &'static str,
    pub(crate) chosen: &'static str,
    pub(crate) times: &'static str,
    pub(crate) bar_full: &'static str,
    pub(crate) bar_empty: &'static str,
    border: border::Set<'static>,
}

const UNICODE: Glyphs = Glyphs {
    green: "▲",
    blue: "▽",
    good: "✓",
    bad: "✗",
    warn: "!",
    unknown: "?",
    now: "▶",
    pending: "·",
    full: "●",
    hollow: "○",
    arrow: "→",
    dot: "·",
    ellipsis: "…",
    chosen: "›",
    times: "×",
    bar_full: "█",
    bar_empty: "░",
    border: border::ROUNDED,
};

const ASCII: Glyphs = Glyphs {
    green: "^",
    blue: "v",
    good: "+",
    bad: "x",
    warn: "!",
    unknown: "?",
    now: ">",
    pending: "-",
    full: "*",
    hollow: "o",
    arrow: "->",
    dot: "-",
    ellipsis: "..",
    chosen: ">",
    times: "x",
    bar_full: "#",
    bar_empty: ".",
    border: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
};

impl Glyphs {
    /// A colour's shape.
    pub(crate) const fn side(&self, colour: Colour) -> &'static str {
        match colour {
            Colour::Green => self.green,
            Colour::Blue => self.blue,
        }
    }

    pub(crate) const fn verdict(&self, verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Pass => self.good,
            Verdict::Warn => self.warn,
            Verdict::NoData | Verdict::Stale => self.unknown,
            Verdict::Fail => self.bad,
        }
    }

    pub(crate) const fn step(&self, state: StepState) -> &'static str {
        match state {
            StepState::Running => self.now,
            StepState::Done => self.good,
            StepState::Failed => self.bad,
            StepState::Unknown => self.unknown,
        }
    }

    pub(crate) const fn fit(&self, fit: &Fit) -> &'static str {
        match fit {
            Fit::Fits(_) => self.good,
            Fit::DoesNotFit(_) => self.bad,
            Fit::Unknown(_) => self.unknown,
            Fit::NotYet(_) => self.pending,
        }
    }

    pub(crate) const fn run(&self, state: &RunState) -> &'static str {
        match state {
            RunState::Passed => self.good,
            RunState::Failed | RunState::TimedOut | RunState::Cancelled => self.bad,
            RunState::Running => self.now,
            RunState::Queued | RunState::Skipped | RunState::Neutral => self.pending,
            RunState::Waiting => self.warn,
            RunState::Other(_) => self.unknown,
        }
    }

    pub(crate) const fn pod(&self, standing: PodStanding) -> &'static str {
        match standing {
            PodStanding::Failing => self.bad,
            PodStanding::Starting => self.hollow,
            PodStanding::Ready => self.full,
            PodStanding::Leaving => self.pending,
        }
    }
}

impl Look {
    pub(crate) const fn glyphs(self) -> &'static Glyphs {
        if self.unicode { &UNICODE } else { &ASCII }
    }

    pub(crate) const fn border(self) -> border::Set<'static> {
        self.glyphs().border
    }

    /// The style of a tone. Without colours, weight and reversal have to do.
    pub(crate) fn style(self, tone: Tone) -> Style {
        let style = Style::new();
        let coloured = |style: Style, colour| if self.colour { style.fg(colour) } else { style };
        match tone {
            Tone::Plain => style,
            Tone::Dim => style.add_modifier(Modifier::DIM),
            Tone::Strong => style.add_modifier(Modifier::BOLD),
            Tone::Side(Colour::Green) => coloured(style, Color::LightGreen),
            Tone::Side(Colour::Blue) => coloured(style, Color::LightBlue),
            Tone::Warn => coloured(style.add_modifier(Modifier::BOLD), Color::Yellow),
            Tone::Bad => coloured(style.add_modifier(Modifier::BOLD), Color::LightRed),
            Tone::Loud => coloured(style.add_modifier(Modifier::BOLD | Modifier::REVERSED), Color::LightRed),
            Tone::Chosen => style.add_modifier(Modifier::REVERSED),
            Tone::Hit => coloured(style.add_modifier(Modifier::REVERSED), Color::Yellow),
        }
    }
}

/// The tone in which a verdict is said.
pub(crate) const fn verdict_tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Pass => Tone::Strong,
        Verdict::Warn | Verdict::NoData => Tone::Warn,
        Verdict::Stale | Verdict::Fail => Tone::Bad,
    }
}

/// The tone in which a link of the chain of evidence is said.
pub(crate) const fn fit_tone(fit: &Fit) -> Tone {
    match fit {
        Fit::Fits(_) => Tone::Plain,
        Fit::DoesNotFit(_) => Tone::Bad,
        Fit::Unknown(_) => Tone::Warn,
        Fit::NotYet(_) => Tone::Dim,
    }
}

/// The tone in which the state of a run, a job or a step is said.
pub(crate) const fn run_tone(state: &RunState) -> Tone {
    match state {
        RunState::Failed | RunState::TimedOut | RunState::Cancelled => Tone::Bad,
        RunState::Waiting | RunState::Other(_) => Tone::Warn,
        RunState::Running => Tone::Strong,
        RunState::Queued | RunState::Skipped | RunState::Neutral => Tone::Dim,
        RunState::Passed => Tone::Plain,
    }
}

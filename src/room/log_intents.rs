//! What the operator does with the logs.

use regex::{Regex, RegexBuilder};

use super::Room;
use super::intent::{Extent, LogIntent, Motion};
use super::logs::{Criteria, Level, LogFilter, Mode, Step, Towards};
use super::message::Effect;
use super::view::{Prompt, PromptKind};

/// Most lines that are copied: what a terminal takes as one clipboard text.
const MOST_COPIED: usize = 100;
/// Rows that every errors pane has: a hit that is among so many is on the screen.
const ROWS_AT_LEAST: usize = 4;
/// Columns that one key moves lines sideways.
const SIDEWAYS: i16 = 20;
/// Largest compiled pattern, in bytes.
const MOST_PATTERN: usize = 1 << 20;

impl Room {
    pub(super) fn log_intent(&mut self, intent: LogIntent) -> Vec<Effect> {
        match intent {
            LogIntent::Search => self.view.prompt = Some(Prompt::new(PromptKind::Search)),
            LogIntent::Pattern => self.view.prompt = Some(Prompt::new(PromptKind::Pattern)),
            LogIntent::NextLevel => return self.capture(self.next_filter()),
            LogIntent::Copy => return vec![Effect::Copy(self.copied())],
            LogIntent::Save => {
                while self.logs.advance() {}
                let lines = self.logs.selected().map(|line| line.plain()).collect();
                return vec![Effect::SaveLogs { lines, at: self.now.wall }];
            }
            LogIntent::Pause => self.logs.follow(!self.logs.view().is_following()),
            LogIntent::Follow => self.logs.follow(true),
            LogIntent::Wrap => self.logs.wrap(!self.logs.view().wrap),
            LogIntent::Left => self.logs.sideways(-SIDEWAYS),
            LogIntent::Right => self.logs.sideways(SIDEWAYS),
            LogIntent::Groups => self.lines_or_groups(),
            LogIntent::OpenGroup => {
                self.logs.open_group();
            }
            LogIntent::NextHit => self.hit(Towards::Newer),
            LogIntent::PreviousHit => self.hit(Towards::Older),
            LogIntent::NextColour => self.next_colour(),
            LogIntent::NextPod => self.next_pod(),
        }
        Vec::new()
    }

    /// Captures other lines from now on.
    pub(super) fn capture(&mut self, filter: LogFilter) -> Vec<Effect> {
        vec![Effect::FilterLogs(self.logs.set_filter(filter))]
    }

    pub(super) fn scroll_logs(&mut self, motion: Motion, extent: Extent) {
        let step = match motion {
            Motion::Up => Step::Up(1),
            Motion::Down => Step::Down(1),
            Motion::PageUp => Step::PageUp,
            Motion::PageDown => Step::PageDown,
            Motion::Home => Step::Home,
            Motion::End => Step::End,
        };
        self.logs.step(step, extent.page.max(1));
    }

    /// Searches for `text`; none ends the search.
    pub(super) fn search_logs(&mut self, text: &str) {
        let pattern = pattern(&format!("(?i){}", regex::escape(text))).ok().filter(|_| !text.is_empty());
        self.logs.set_mode(Mode::Lines);
        self.logs.search(pattern, ROWS_AT_LEAST);
    }

    fn hit(&mut self, towards: Towards) {
        self.logs.set_mode(Mode::Lines);
        self.logs.jump(towards, ROWS_AT_LEAST);
    }

    /// The level after the one that is captured now; after a pattern, errors.
    fn next_filter(&self) -> LogFilter {
        LogFilter::Level(match self.logs.filter() {
            LogFilter::Level(Level::Error | Level::Fatal) => Level::Warn,
            LogFilter::Level(Level::Warn) => Level::Info,
            LogFilter::Level(Level::Info) => Level::Debug,
            LogFilter::Level(Level::Debug) => Level::Trace,
            LogFilter::Level(Level::Trace) | LogFilter::Pattern(_) => Level::Error,
        })
    }

    fn copied(&self) -> String {
        let lines: Vec<String> = match self.logs.view().mode {
            Mode::Lines => self.logs.visible(MOST_COPIED).iter().map(super::logs::LineRef::plain).collect(),
            Mode::Groups => self
                .logs
                .ranked_groups()
                .iter()
                .take(MOST_COPIED)
                .map(|group| format!("{} x {}", group.count, group.example))
                .collect(),
        };
        lines.join("\n")
    }

    /// From the lines of one group the way leads back to all groups.
    fn lines_or_groups(&mut self) {
        let to = match self.logs.view().mode {
            Mode::Lines => Mode::Groups,
            Mode::Groups => Mode::Lines,
        };
        let criteria = self.logs.view().criteria();
        if criteria.shape.is_some() {
            self.logs.narrow(Criteria { shape: None, ..criteria.clone() });
        }
        self.logs.set_mode(to);
    }

    fn next_colour(&mut self) {
        use crate::sop::colour::Colour;
        let criteria = self.logs.view().criteria().clone();
        let colour = match criteria.colour {
            None => Some(Colour::Blue),
            Some(Colour::Blue) => Some(Colour::Green),
            Some(Colour::Green) => None,
        };
        self.logs.narrow(Criteria { colour, ..criteria });
    }

    /// The next pod in the blue/green pane's order; after the last one, all of them.
    fn next_pod(&mut self) {
        let criteria = self.logs.view().criteria().clone();
        let order = &self.world.roster().order;
        let mut pods = order.blue.iter().chain(&order.green);
        let next = match &criteria.pod {
            None => pods.next(),
            Some(now) => pods.skip_while(|pod| **pod != **now).nth(1),
        };
        let pod = next.map(|pod| pod.as_str().into());
        self.logs.narrow(Criteria { pod, ..criteria });
    }
}

/// A typed pattern, bounded in size.
pub(super) fn pattern(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text)
        .size_limit(MOST_PATTERN)
        .build()
        .map_err(|error| error.to_string().lines().last().unwrap_or_default().to_owned())
}

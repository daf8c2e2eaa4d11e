//! The checklist in the room: what verifiers found, what operators said, and how each item
//! stands by that now.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Room;
use super::intent::Writing;
use super::message::{CheckNews, Effect, Notice, Urgency};
use super::view::{Prompt, PromptKind};
use crate::sop::chain::version_of;
use crate::sop::checklist::evidence::{Evidence, Found, Inputs};
use crate::sop::checklist::facts::{Facts, look};
use crate::sop::checklist::previous_version::PreviousVersion;
use crate::sop::checklist::repository::{self, Known as KnownOfRepository};
use crate::sop::checklist::standing::{Held, Known, Standing, State, began, count, held, mark, stand};
use crate::sop::checklist::{Checklist, Item, MayWaive, Verifier};
use crate::sop::command::Command;
use crate::sop::interlock::Freshness;
use crate::sop::note::Noted;
use crate::sop::phase::Phase;
use crate::sop::repository::Repository;

/// What can be done with the checklist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckIntent {
    /// Take back what was said of the chosen item.
    Untick,
    /// Look again.
    Again,
    /// Only what is open, or everything.
    Filter,
}

/// What the source of evidence has to know: another order makes it look again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckOrder {
    pub release: Inputs,
    /// How often an operator asked for each item.
    pub again: BTreeMap<String, u64>,
}

/// What is known of the items.
#[derive(Debug, Default)]
pub struct Kept {
    evidence: BTreeMap<String, Evidence>,
    running: BTreeSet<String>,
    again: BTreeMap<String, u64>,
    release: Inputs,
    /// In the order of the checklist's items; empty until it was looked at.
    pub standings: Vec<Standing>,
    held: Option<Vec<Held>>,
}

impl Kept {
    /// What is held up; `None`: no checklist is kept.
    #[must_use]
    pub fn held(&self) -> Option<Vec<Held>> {
        self.held.clone()
    }

    /// What the source of evidence is to do.
    #[must_use]
    pub fn order(&self) -> CheckOrder {
        CheckOrder { release: self.release.clone(), again: self.again.clone() }
    }

    /// Whether every question that is asked outside has had an answer about this state of
    /// the release.
    #[must_use]
    pub fn is_answered(&self, checklist: &Checklist) -> bool {
        let mut asked = checklist.items.iter().filter(|item| matches!(item.verifier, Verifier::Asked(_)));
        asked.all(|item| {
            let answered = self.evidence.get(&item.id).is_some_and(|evidence| {
                let found_out = evidence.found != Found::Unknown;
                evidence.of == self.release || (found_out && !item.is_of_another(&evidence.of, &self.release))
            });
            answered && !self.running.contains(&item.id)
        })
    }
}

impl Room {
    /// Takes in what a verifier tells.
    pub(super) fn learn_check(&mut self, item: String, news: CheckNews) {
        if self.setting.checklist.as_ref().is_none_or(|checklist| checklist.item(&item).is_none()) {
            return;
        }
        match news {
            CheckNews::Running => {
                self.checklist.running.insert(item);
            }
            CheckNews::Found(evidence) => {
                self.checklist.running.remove(&item);
                self.checklist.evidence.insert(item, evidence);
            }
        }
    }

    /// Works out how every item stands now.
    pub fn look_at_checklist(&mut self) {
        let Some(checklist) = self.setting.checklist.clone() else { return };
        let release = self.release_inputs();
        let began = self.release_began();
        let facts = self.facts();
        let looks: Vec<Option<Evidence>> =
            checklist.items.iter().map(|item| self.look_at_item(item, &facts, &release)).collect();
        let standings = checklist.items.iter().zip(&looks).map(|(item, look)| {
            let known = Known {
                evidence: look.as_ref().or_else(|| self.checklist.evidence.get(&item.id)),
                running: self.checklist.running.contains(&item.id),
                mark: mark(&self.notes, &item.id, began),
            };
            stand(item, known, &release, self.now)
        });
        let standings: Vec<Standing> = standings.collect();
        self.checklist.held = Some(held(&checklist, &standings));
        self.checklist.standings = standings;
        self.checklist.release = release;
        // What actions rest on is never older than what the list shows.
        self.assessed.evidence.checklist = self.checklist.held();
    }

    fn look_at_item(&self, item: &Item, facts: &Facts<'_>, release: &Inputs) -> Option<Evidence> {
        let (found, seen, from) = look(&item.verifier, facts)?;
        let read = facts.repository.and_then(|known| known.read);
        let at = match (&item.verifier, read) {
            // As old as what was read: while GitHub is away it ages.
            (Verifier::Repository(_), Some((read, _))) => read,
            _ => self.now,
        };
        Some(Evidence { found, seen, from: from.to_owned(), at, of: release.clone() })
    }

    fn facts(&self) -> Facts<'_> {
        let policy = &self.setting.policy;
        let fresh = match self.world.freshness(self.now) {
            Freshness::Never => false,
            Freshness::ReadNow => true,
            Freshness::Age(age) => age <= policy.stale_after,
        };
        Facts {
            now: self.now,
            window: policy.window.as_ref(),
            zone: (&self.setting.zone, &self.setting.zone_label),
            on_call: policy.on_call,
            duty: self.metrics.duty.as_ref(),
            cluster: fresh.then_some(&self.world.cluster),
            repository: self.setting.github.as_ref().map(|setting| KnownOfRepository {
                setting,
                read: self.repository.as_ref().map(|(read, repository)| (*read, repository)),
                trouble: self.repository_trouble(),
                over: self.release_is_over(),
            }),
        }
    }

    /// Whether what was read of the repository is of a release that is over. Until the next
    /// one is found the last one stands there. One whose traffic has moved ends with its close.
    fn release_is_over(&self) -> bool {
        let forward = self.phase().is_some_and(|phase| matches!(phase, Phase::Watch | Phase::StandDown));
        // Where no pull request is configured to bring it, the run is the release.
        let merged = |repository: &Repository| {
            repository.pull_request.is_some() && repository.is_done_with(self.now.wall)
        };
        !forward && self.repository().is_some_and(merged)
    }

    /// What the release is that the checklist is about.
    fn release_inputs(&self) -> Inputs {
        let cluster = &self.world.cluster;
        let forward = self.phase().is_some_and(Phase::is_after_switch);
        let colour = cluster.active().map(|active| if forward { active } else { active.other() });
        let deployment = colour.and_then(|colour| cluster.deployments[colour].as_ref());
        let repository = self.repository().filter(|_| !self.release_is_over());
        Inputs {
            head: repository.and_then(repository::head).map(|head| head.0.clone()),
            image: deployment.and_then(|deployment| deployment.image.clone()),
            version: repository.and_then(version_of).map(str::to_owned),
        }
    }

    pub(super) fn release_began(&self) -> Timestamp {
        self.record.as_ref().map_or(Timestamp::MIN, began)
    }

    /// The checklist with how its items stand, once they were looked at.
    #[must_use]
    pub fn listed(&self) -> Option<(&Checklist, &[Standing])> {
        let checklist = self.setting.checklist.as_deref()?;
        let standings = self.checklist.standings.as_slice();
        (standings.len() == checklist.items.len()).then_some((checklist, standings))
    }

    /// Whether the previous version works with the new schema; `None` where nothing asks.
    #[must_use]
    pub fn previous_version(&self) -> Option<PreviousVersion> {
        let (checklist, standings) = self.listed()?;
        PreviousVersion::of(checklist, standings)
    }

    /// How many items are settled, and how many there are.
    #[must_use]
    pub fn settled_items(&self) -> (usize, usize) {
        let Some((checklist, standings)) = self.listed() else { return (0, 0) };
        let each = checklist.groups.iter().map(|group| count(checklist, standings, &group.id));
        each.fold((0, 0), |(settled, all), (of_group, in_group)| (settled + of_group, all + in_group))
    }

    /// The places of the items that are shown, by the filter.
    #[must_use]
    pub fn shown_items(&self) -> Vec<usize> {
        let standings = &self.checklist.standings;
        let open = |place: &usize| !self.view.open_only || !standings[*place].state.is_settled();
        (0..standings.len()).filter(open).collect()
    }

    /// The place of the item that the selection of the pane stands on.
    #[must_use]
    pub fn chosen_item(&self) -> Option<usize> {
        let shown = self.shown_items();
        shown.get(self.view.check.min(shown.len().checked_sub(1)?)).copied()
    }

    pub(super) fn check_intent(&mut self, intent: CheckIntent) -> Vec<Effect> {
        let Some((item, checklist)) = self.chosen_item().zip(self.setting.checklist.clone()) else {
            if intent == CheckIntent::Filter {
                self.view.open_only = !self.view.open_only;
            }
            return Vec::new();
        };
        let item = &checklist.items[item];
        match intent {
            CheckIntent::Filter => {
                self.view.open_only = !self.view.open_only;
                // The same item stays chosen where it is still shown.
                let place = checklist.place(&item.id);
                let shown = self.shown_items();
                self.view.check = shown.iter().position(|shown| Some(*shown) == place).unwrap_or(0);
                Vec::new()
            }
            CheckIntent::Again => {
                self.look_again(item);
                Vec::new()
            }
            CheckIntent::Untick => self.take_back(item),
        }
    }

    fn look_again(&mut self, item: &Item) {
        let words = match item.verifier {
            Verifier::Asked(_) => {
                *self.checklist.again.entry(item.id.clone()).or_default() += 1;
                return;
            }
            Verifier::Manual => format!("{}: nothing to run, an operator has to say so", item.id),
            _ => format!("{}: it is looked at all the time", item.id),
        };
        self.notice(Notice { urgency: Urgency::Info, words });
    }

    fn take_back(&mut self, item: &Item) -> Vec<Effect> {
        let said = mark(&self.notes, &item.id, self.release_began());
        let words = if self.setting.read_only {
            "read-only: nothing is written down".to_owned()
        } else if said.is_some_and(|note| !matches!(note.what, Noted::Unticked { .. })) {
            return vec![self.write_down(Noted::Unticked { item: item.id.clone() })];
        } else {
            format!("{}: nobody has said anything of it", item.id)
        };
        self.notice(Notice { urgency: Urgency::Warning, words });
        Vec::new()
    }

    /// Opens the prompt for what is said of the chosen item, or says why it cannot be said.
    pub(super) fn begin_check(&mut self, writing: Writing) {
        let asked = self.chosen_item();
        match self.may_say(writing, asked) {
            Ok(_) => {
                self.view.item_asked = asked;
                self.view.overlay = None;
                self.view.prompt = Some(Prompt::new(PromptKind::Write(writing)));
            }
            Err(words) => self.notice(Notice { urgency: Urgency::Warning, words }),
        }
    }

    /// Takes what was typed; with a fault in it the prompt stays and says so.
    pub(super) fn finish_check(&mut self, writing: Writing, mut prompt: Prompt) -> Vec<Effect> {
        let typed = prompt.text.as_str().trim().to_owned();
        let said = self.may_say(writing, self.view.item_asked).and_then(|id| self.said(writing, id, typed));
        match said {
            Ok(noted) => vec![self.write_down(noted)],
            Err(trouble) => {
                prompt.trouble = Some(trouble);
                self.view.prompt = Some(prompt);
                Vec::new()
            }
        }
    }

    fn said(&self, writing: Writing, item: String, typed: String) -> Result<Noted, String> {
        let of = self.checklist.release.clone();
        match writing {
            Writing::Tick => Ok(Noted::Ticked { item, words: typed, of }),
            _ if typed.is_empty() => Err("a reason is needed".into()),
            Writing::NotApply => Ok(Noted::NotApplicable { item, reason: typed, of }),
            _ => Ok(Noted::Waived { item, reason: typed, of }),
        }
    }

    /// Whether that may be said of an item now; its id.
    fn may_say(&self, writing: Writing, item: Option<usize>) -> Result<String, String> {
        if self.setting.read_only {
            return Err("read-only: nothing is written down".into());
        }
        let (checklist, standings) = self.listed().ok_or("no checklist is kept here")?;
        let place = item.filter(|place| *place < checklist.items.len()).ok_or("no item is chosen")?;
        let (item, standing) = (&checklist.items[place], &standings[place]);
        let words = item.words.say(checklist.language);
        match writing {
            Writing::Tick if !item.takes_ticks() => {
                Err(format!("{words}: it is verified by the program, nobody ticks it"))
            }
            Writing::Tick if standing.state == State::Fail => {
                Err(format!("{words}: it fails, nobody ticks that: {}", standing.words))
            }
            Writing::NotApply if !item.if_necessary => {
                Err(format!("{words}: it is always necessary; waive it with a reason"))
            }
            Writing::Waive => match item.may_waive {
                MayWaive::Anyone => Ok(item.id.clone()),
                MayWaive::InCommand if matches!(self.command, Command::Mine { .. }) => Ok(item.id.clone()),
                MayWaive::InCommand => {
                    Err(format!("{words}: only who is in command waives it; take command first"))
                }
                MayWaive::Nobody => Err(format!("{words}: nobody may waive it")),
            },
            _ => Ok(item.id.clone()),
        }
    }
}

//! Whether things are well: one verdict over what is known of the active colour,
//! with its reasons. What is not known is never well.

use super::Room;
use super::assess::PROBE_HOLDS;
use super::message::{LinkState, Probe};
use crate::sop::colour::Colour;
use crate::sop::interlock::Freshness;
use crate::sop::moment::Moment;
use crate::sop::rollout::{Rollout, rollout};
use crate::sop::trigger::Cause;
use crate::sop::verdict::{Findings, Judgement, Verdict};

impl Room {
    /// Whether the traffic is served well, as far as anyone can tell from here.
    #[must_use]
    pub fn judgement(&self) -> Judgement {
        let mut found = Findings::default();
        self.judge_connections(&mut found);
        match self.world.cluster.active() {
            Some(active) => {
                self.judge_endpoints(active, &mut found);
                self.judge_pods(active, &mut found);
                self.judge_idle(active.other(), &mut found);
            }
            None if self.world.cluster.service.is_some() => {
                found.add(Verdict::Fail, "the Service's selector names neither colour");
            }
            None => {}
        }
        self.judge_probes(&mut found);
        self.judge_signals(&mut found);
        self.judge_alerts(&mut found);
        self.judge_errors(&mut found);
        if let Some(trouble) = &self.record_trouble {
            found.add(Verdict::Warn, format!("shared record: {trouble}"));
        }
        found.judgement()
    }

    fn judge_connections(&self, found: &mut Findings) {
        match self.world.freshness(self.now) {
            Freshness::Never => found.add(Verdict::NoData, "the cluster has not been read yet"),
            Freshness::Age(age) if age > self.setting.policy.stale_after => {
                let why = self.world.lost().map_or_else(
                    || "the server is silent".to_owned(),
                    |(source, why, _)| format!("{}: {why}", source.word()),
                );
                found.add(Verdict::Stale, why);
            }
            Freshness::Age(_) | Freshness::ReadNow => {
                for (source, link) in &self.world.links {
                    if let LinkState::Lost { why } | LinkState::Unavailable { why } = &link.state {
                        found.add(Verdict::Warn, format!("{} not read: {why}", source.word()));
                    }
                }
            }
        }
    }

    fn judge_endpoints(&self, active: Colour, found: &mut Findings) {
        let Some(count) = self.world.roster().endpoints else {
            return found.add(Verdict::NoData, "endpoints not read yet");
        };
        if count.ready[active] == 0 && count.unknown > 0 {
            let words = format!("{} endpoints serve whose pods are not known yet", count.unknown);
            found.add(Verdict::NoData, words);
        } else if count.ready[active] == 0 {
            found.add(Verdict::Fail, format!("{} has no endpoint that serves", active.label()));
        }
        let strays = count.ready[active.other()];
        if strays > 0 {
            found.add(Verdict::Warn, format!("{strays} endpoints still of {}", active.other().label()));
        }
    }

    fn judge_pods(&self, active: Colour, found: &mut Findings) {
        let Some(deployment) = &self.world.cluster.deployments[active] else {
            return found.add(Verdict::NoData, format!("{}'s Deployment not seen", active.label()));
        };
        if deployment.ready < deployment.desired {
            let verdict = if deployment.ready == 0 { Verdict::Fail } else { Verdict::Warn };
            let words = format!("{}: {} of {} ready", active.label(), deployment.ready, deployment.desired);
            found.add(verdict, words);
        }
        if let Some(stuck) = &self.world.roster().stuck[active] {
            found.add(Verdict::Warn, format!("{}: {stuck}", active.label()));
        }
    }

    /// What is being brought up, or stands by, should not be in trouble either.
    fn judge_idle(&self, idle: Colour, found: &mut Findings) {
        let status = self.world.cluster.deployments[idle].as_ref().map(rollout);
        if let Some(stuck) = &self.world.roster().stuck[idle] {
            found.add(Verdict::Warn, format!("{}: {stuck}", idle.label()));
        } else if let Some(Rollout::Failed(why)) = status {
            found.add(Verdict::Warn, format!("{}: {why}", idle.label()));
        }
    }

    fn judge_probes(&self, found: &mut Findings) {
        self.judge_probe("the URL", self.world.probes.back(), found);
        if let Some(path) = &self.setting.api_path {
            self.judge_probe(path, self.world.api_probes.back(), found);
        }
    }

    fn judge_probe(&self, what: &str, newest: Option<&(Moment, Probe)>, found: &mut Findings) {
        let Some((at, probe)) = newest else {
            return found.add(Verdict::NoData, format!("{what} has not answered yet"));
        };
        if self.now.since(*at) > PROBE_HOLDS {
            return found.add(Verdict::NoData, format!("{what} has not been asked for a minute"));
        }
        match &probe.answer {
            Ok(200..=299) => self.judge_version(probe, found),
            Ok(status @ 500..) => found.add(Verdict::Fail, format!("{what} answers {status}")),
            Ok(status) => found.add(Verdict::Warn, format!("{what} answers {status}")),
            Err(why) => found.add(Verdict::Fail, format!("{what} does not answer: {why}")),
        }
    }

    fn judge_signals(&self, found: &mut Findings) {
        for judged in &self.assessed.signals {
            if judged.verdict != Verdict::Pass {
                found.add(judged.verdict, judged.words.clone());
            }
        }
        // What no signal shows: an operator's word, and the pipeline's.
        let told = |cause: &Cause| matches!(cause, Cause::Bug | Cause::Smoke);
        for trigger in self.open_triggers().filter(|trigger| told(&trigger.cause)) {
            found.add(Verdict::Fail, trigger.words.clone());
        }
    }

    fn judge_errors(&self, found: &mut Findings) {
        let new = self.logs.switched_at.map_or(0, |at| self.logs.groups().new_since(at));
        if new > 0 {
            let errors = if new == 1 { "error" } else { "errors" };
            found.add(Verdict::Warn, format!("{new} new {errors} since the switch"));
        }
    }

    fn judge_version(&self, probe: &Probe, found: &mut Findings) {
        let cluster = &self.world.cluster;
        let expected = cluster.active().and_then(|active| cluster.version(active));
        if let (Some(answered), Some(expected)) = (probe.version.as_deref(), expected)
            && answered != expected
        {
            found.add(Verdict::Warn, format!("the URL answers with {answered}, not {expected}"));
        }
    }
}

//! Which operations may start now: dependencies done and limits kept.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use honey_model::Address;
use honey_plan::{Action, Plan};

use crate::limits::Limits;

/// Operations that share the same limits.
type Lane = (String, Option<String>);

/// The ready queue. Operations are numbers: their places in the plan.
pub(crate) struct Schedule {
    limits: Limits,
    /// How many operations each one still waits for.
    unmet: Vec<u32>,
    /// Who waits for each one.
    followers: Vec<Vec<u32>>,
    lanes: Vec<Option<Lane>>,
    ready: BTreeMap<Lane, BTreeSet<u32>>,
    weightless: BTreeSet<u32>,
    running: usize,
    running_driver: HashMap<String, usize>,
    running_host: HashMap<String, usize>,
    dropped: Vec<bool>,
}

impl Schedule {
    /// `done` are the operations that an earlier part of the run finished.
    pub(crate) fn new(plan: &Plan, limits: Limits, done: &dyn Fn(&Address) -> bool) -> Self {
        let count = plan.operations.len();
        let number: HashMap<&Address, u32> =
            (0..).zip(&plan.operations).map(|(at, op)| (&op.address, at)).collect();
        let mut schedule = Self {
            unmet: vec![0; count],
            followers: vec![Vec::new(); count],
            lanes: Vec::with_capacity(count),
            ready: BTreeMap::new(),
            weightless: BTreeSet::new(),
            running: 0,
            running_driver: HashMap::new(),
            running_host: HashMap::new(),
            dropped: vec![false; count],
            limits,
        };
        let finished: Vec<bool> = plan.operations.iter().map(|operation| done(&operation.address)).collect();
        for (at, operation) in plan.operations.iter().enumerate() {
            let free = operation.action == Action::Forget || (schedule.limits.weightless)(operation);
            let lane = (!free).then(|| (operation.driver.clone(), (schedule.limits.host_of)(operation)));
            schedule.lanes.push(lane);
            for first in operation.after.iter().filter_map(|first| number.get(first)) {
                if !finished[*first as usize] {
                    schedule.unmet[at] += 1;
                    schedule.followers[*first as usize].push(number[&operation.address]);
                }
            }
        }
        for (at, finished) in (0..).zip(&finished) {
            if !finished && schedule.unmet[at as usize] == 0 {
                schedule.enqueue(at);
            }
        }
        schedule
    }

    fn enqueue(&mut self, at: u32) {
        match &self.lanes[at as usize] {
            None => drop(self.weightless.insert(at)),
            Some(lane) => drop(self.ready.entry(lane.clone()).or_default().insert(at)),
        }
    }

    /// Takes what may start now, in the plan's order, at most `most`.
    pub(crate) fn take(&mut self, most: usize) -> Vec<u32> {
        let mut taken = Vec::new();
        while taken.len() < most {
            if let Some(at) = self.weightless.pop_first() {
                taken.push(at);
                continue;
            }
            let next = self
                .ready
                .iter()
                .filter(|(lane, _)| self.admits(lane))
                .filter_map(|(lane, queue)| queue.first().map(|at| (*at, lane)))
                .min_by_key(|(at, _)| *at)
                .map(|(at, lane)| (at, lane.clone()));
            let Some((at, lane)) = next else { break };
            if let Some(queue) = self.ready.get_mut(&lane) {
                queue.remove(&at);
                if queue.is_empty() {
                    self.ready.remove(&lane);
                }
            }
            self.running += 1;
            *self.running_driver.entry(lane.0).or_default() += 1;
            if let Some(host) = lane.1 {
                *self.running_host.entry(host).or_default() += 1;
            }
            taken.push(at);
        }
        taken
    }

    fn admits(&self, (driver, host): &Lane) -> bool {
        let driver_limit = self.limits.per_driver.get(driver).copied().unwrap_or(usize::MAX).max(1);
        let on_host = host.as_ref().and_then(|host| self.running_host.get(host)).copied().unwrap_or_default();
        self.running < self.limits.parallel.max(1)
            && self.running_driver.get(driver).copied().unwrap_or_default() < driver_limit
            && (host.is_none() || on_host < self.limits.per_host.max(1))
    }

    /// It does not run any more. Its followers wait for it no longer only when it succeeded.
    pub(crate) fn finish(&mut self, at: u32, succeeded: bool) {
        if let Some((driver, host)) = &self.lanes[at as usize] {
            self.running -= 1;
            if let Some(running) = self.running_driver.get_mut(driver) {
                *running -= 1;
            }
            if let Some(running) = host.as_ref().and_then(|host| self.running_host.get_mut(host)) {
                *running -= 1;
            }
        }
        if !succeeded {
            return;
        }
        for follower in std::mem::take(&mut self.followers[at as usize]) {
            let unmet = &mut self.unmet[follower as usize];
            *unmet -= 1;
            if *unmet == 0 && !self.dropped[follower as usize] {
                self.enqueue(follower);
            }
        }
    }

    /// Everything that waits for this one, near or far, and was not given back before.
    pub(crate) fn drop_followers(&mut self, at: u32) -> Vec<u32> {
        let mut all = Vec::new();
        let mut open = vec![at];
        while let Some(next) = open.pop() {
            for follower in &self.followers[next as usize] {
                if !std::mem::replace(&mut self.dropped[*follower as usize], true) {
                    all.push(*follower);
                    open.push(*follower);
                }
            }
        }
        all.sort_unstable();
        all
    }
}

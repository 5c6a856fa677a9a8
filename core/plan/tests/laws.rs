//! Laws of planning over random graphs.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;

use honey_model::{Desired, State, value};
use honey_plan::{Action, Purpose};
use proptest::prelude::*;
use serde_json::json;
use support::{World, address, desired, options, plan, plan_with, resource};

/// For each resource: which earlier ones it refers to, which it only follows, a value.
type Shape = Vec<(Vec<usize>, Vec<usize>, u8, bool)>;

fn shapes() -> impl Strategy<Value = Shape> {
    let one = |at: usize| {
        let earlier = if at == 0 { 0..=0 } else { 0..=3.min(at) };
        (
            proptest::collection::vec(0..at.max(1), earlier.clone()),
            proptest::collection::vec(0..at.max(1), earlier),
            0..3_u8,
            prop::bool::weighted(0.8),
        )
    };
    (1..24_usize).prop_flat_map(move |count| (0..count).map(one).collect::<Vec<_>>())
}

fn name(at: usize) -> String {
    // Names whose order is not the order of the dependencies.
    format!("w/thing/{}-{at}", (at * 7) % 10)
}

fn wanted(shape: &Shape) -> Desired {
    let present: Vec<bool> = shape.iter().map(|(_, _, _, present)| *present).collect();
    desired(shape.iter().enumerate().filter(|(at, _)| present[*at]).map(
        |(at, (refers, follows, number, _))| {
            let references: Vec<_> = refers
                .iter()
                .filter(|other| **other < at && present[**other])
                .map(|other| value::reference(&address(&name(*other)), "/id"))
                .collect();
            let mut one =
                resource(&name(at), json!({ "number": number, "uses": references, "region": number / 2 }));
            one.after = follows
                .iter()
                .filter(|other| **other < at && present[**other])
                .map(|other| address(&name(*other)))
                .collect();
            one
        },
    ))
}

proptest! {
    #[test]
    fn applying_a_plan_leaves_nothing_to_do(first in shapes(), second in shapes()) {
        let (mut world, mut state) = (World::default(), State::empty("l"));
        for shape in [&first, &second] {
            let wanted = wanted(shape);
            // A value that follows a replaced object settles within one plan.
            let made = plan(&wanted, &world, &state).unwrap();
            world.apply(&made, &mut state);
            let again = plan(&wanted, &world, &state).unwrap();
            prop_assert!(again.is_empty(), "{:?}", support::actions(&again));
            prop_assert_eq!(world.objects.len(), wanted.resources.len());
            prop_assert_eq!(again.unchanged.len(), wanted.resources.len());
        }
        let observed = world.observe(&wanted(&second), &state);
        let destroy = plan_with(&wanted(&second), &observed, &state, options(Purpose::Destroy)).unwrap();
        world.apply(&destroy, &mut state);
        prop_assert!(world.objects.is_empty());
        prop_assert!(state.resources.is_empty());
    }

    #[test]
    fn plans_are_the_same_every_time_and_keep_order(first in shapes(), second in shapes()) {
        let (mut world, mut state) = (World::default(), State::empty("l"));
        let made = plan(&wanted(&first), &world, &state).unwrap();
        world.apply(&made, &mut state);
        let wanted = wanted(&second);
        let made = plan(&wanted, &world, &state).unwrap();
        prop_assert_eq!(honey_plan::file::write(&made), honey_plan::file::write(&plan(&wanted, &world, &state).unwrap()));
        let position: BTreeMap<_, _> = made.operations.iter().enumerate().map(|(at, op)| (&op.address, at)).collect();
        for (at, operation) in made.operations.iter().enumerate() {
            for needed in &operation.dependencies {
                let Some(other) = position.get(needed) else { continue };
                match (operation.action, made.operations[*other].action) {
                    (Action::Delete, Action::Delete) => prop_assert!(at < *other, "a dependent goes first"),
                    (Action::Delete, _) | (_, Action::Delete) => {}
                    _ => {
                        prop_assert!(*other < at);
                        prop_assert!(made.operations[*other].wave < operation.wave);
                    }
                }
            }
        }
    }

    #[test]
    fn a_circle_is_named_whole(shape in shapes(), extra in 1..6_usize) {
        let mut wanted = wanted(&shape);
        let names: Vec<_> = (0..extra).map(|at| format!("w/ring/{at}")).collect();
        for at in 0..extra {
            let mut one = resource(&names[at], json!({}));
            one.after.push(address(&names[(at + 1) % extra]));
            wanted.add(one).unwrap();
        }
        let found = plan(&wanted, &World::default(), &State::empty("l")).unwrap_err();
        let circle = found.iter().find(|diagnostic| diagnostic.code == "HNY0201").unwrap();
        for name in &names {
            prop_assert!(circle.summary.contains(name.as_str()));
        }
        prop_assert_eq!(circle.summary.matches(" → ").count(), extra);
    }
}

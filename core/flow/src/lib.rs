//! Honey's verbs: observe, plan, apply, verify, cutover.

//! What operators do with the real binary, judged by the lab's own books.

#[path = "scenario/cutover.rs"]
mod cutover;
#[path = "scenario/interruption.rs"]
mod interruption;
#[path = "scenario/saved_plan.rs"]
mod saved_plan;
#[path = "scenario/story.rs"]
mod story;

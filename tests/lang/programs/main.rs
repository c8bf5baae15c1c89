//! Programs as users write them: the samples that engines for durable execution publish, written anew in plain Rust. Each is
//! compared with the function as it stands here, by inputs that take different branches, and some are crashed at every commit.

mod agent;
mod approval;
mod auction;
mod chargeback;
mod dispatch;
mod document_review;
mod encryption;
mod etl;
mod expense;
mod file_processing;
mod food_ordering;
mod fulfilment;
mod game;
mod insurance_claim;
mod inventory;
mod kyc;
mod loan;
mod loyalty;
mod money_transfer;
mod monitor;
mod mutex;
mod payroll;
mod polling;
mod seats;
mod shopping_cart;
mod signup;
mod sliding_window;
mod subscription;
mod support_ticket;
mod test_runner;
mod transcoding;

mod trip_booking;

use workflow_runtime::{
    machine::{Workflow, WorkflowCall},
    testing::differential::{Agreement, Differential},
};

/// Compares function and machine.
#[track_caller]
fn agree<W: Workflow>(call: impl Fn() -> WorkflowCall<W>) -> Agreement {
    Differential::new(call).run()
}

/// What was asked for, in order: the names of activities, signals, answers and children.
fn asked(agreement: &Agreement) -> String {
    let word = |operation: &String| {
        let mut words = operation.split([' ', '[']);
        let first = words.next().unwrap_or_default().to_owned();
        // An answer has no number in front of it.
        if first.parse::<u64>().is_ok() { words.next().unwrap_or_default().to_owned() } else { first }
    };
    agreement.operations.iter().map(word).collect::<Vec<_>>().join(" ")
}

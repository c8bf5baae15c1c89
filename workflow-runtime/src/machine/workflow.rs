//! A workflow function as the runtime sees it.

use super::{
    StepError,
    cx::{Cx, Flow},
    operation::WorkflowCall,
    outcome::Outcome,
};
use crate::{
    activity::bounds::Arguments,
    journal::{encoding::DecodeError, payload::Payload},
};
use std::{future::Future, pin::Pin, sync::OnceLock};
use workflow_definition::{Definition, Fingerprint};

/// A future that stays on its thread.
pub type LocalBoxFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// A function with `#[workflow]`. Implemented by the macro.
pub trait Workflow: Sized + 'static {
    /// The registered name.
    const NAME: &'static str;
    /// The arguments, a tuple.
    type Args: Arguments;
    /// The return type as an outcome.
    type Outcome: Outcome;
    /// The registered description.
    fn def() -> &'static WorkflowDef;
    /// The user's function as written, for tests that compare it with the machine.
    #[doc(hidden)]
    fn check(args: Self::Args) -> LocalBoxFuture<<Self::Outcome as Outcome>::Out>;
}

/// The value that a workflow returns.
pub type OkOf<W> = <<W as Workflow>::Outcome as Outcome>::Ok;
/// The error that a workflow returns.
pub type ErrOf<W> = <<W as Workflow>::Outcome as Outcome>::Err;

/// The function that `#[workflow]` makes of a workflow: names its type by value.
pub trait WorkflowFn<Args> {
    /// The workflow.
    type Def: Workflow;
}

macro_rules! workflow_fn { ($($a:ident)*) => {
    impl<F, W: Workflow, $($a),*> WorkflowFn<($($a,)*)> for F
    where
        F: Fn($($a),*) -> WorkflowCall<W>,
    {
        type Def = W;
    }
} }
workflow_fn!();
workflow_fn!(A);
workflow_fn!(A B);
workflow_fn!(A B C);
workflow_fn!(A B C D);
workflow_fn!(A B C D E);
workflow_fn!(A B C D E G);
workflow_fn!(A B C D E G H);
workflow_fn!(A B C D E G H I);

/// What the macro registers for a workflow.
pub struct WorkflowDef {
    /// The registered name.
    pub name: &'static str,
    /// Names that stored instances may carry from before a rename.
    pub aliases: &'static [&'static str],
    /// Where the function stands.
    pub file: &'static str,
    /// Where the function stands.
    pub line: u32,
    /// Slot keys in the order of the table in the machine.
    pub slots: &'static [&'static str],
    /// Runs the machine to its next suspension.
    pub step: fn(&mut Cx<'_>) -> Result<Flow, StepError>,
    /// Whether this payload is a tuple of the workflow's arguments.
    pub accepts: fn(&Payload) -> Result<(), DecodeError>,
    /// Builds the definition.
    pub describe: fn() -> Definition,
    /// Filled at first use.
    pub cache: OnceLock<Described>,
}

/// What is derived from a definition once per process.
pub struct Described {
    definition: Definition,
    fingerprint: Fingerprint,
    /// For every point, for every slot of the table: is it live there?
    live: Vec<Vec<bool>>,
}

impl WorkflowDef {
    fn described(&self) -> &Described {
        self.cache.get_or_init(|| {
            let definition = (self.describe)();
            let live = definition
                .points
                .iter()
                .map(|p| self.slots.iter().map(|s| p.live.iter().any(|l| l == s)).collect())
                .collect();
            Described { fingerprint: definition.fingerprint(), live, definition }
        })
    }

    /// The static description of the state machine.
    pub fn definition(&self) -> &Definition {
        &self.described().definition
    }

    /// Its fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        self.described().fingerprint
    }

    pub(super) fn live(&self, _: &Definition) -> &[Vec<bool>] {
        &self.described().live
    }
}

/// A registration of a workflow, collected from every crate that is linked.
pub struct WorkflowRegistration(pub fn() -> &'static WorkflowDef);
inventory::collect!(WorkflowRegistration);

/// Whether a payload decodes as the arguments of `W`.
///
/// # Errors
///
/// It does not.
pub fn accepts<W: Workflow>(args: &Payload) -> Result<(), DecodeError> {
    W::Args::load(args).map(drop)
}

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

/// A function with `#[workflow]`, generic or not: another workflow can await it, as a part of its own run. Implemented by the macro.
pub trait InlineWorkflow: Sized + 'static {
    /// The registered name.
    const NAME: &'static str;
    /// The arguments, a tuple.
    type Args: Arguments;
    /// The return type as an outcome.
    type Outcome: Outcome;
    /// The registered description: the same for every type that a generic workflow is used with.
    fn def() -> &'static WorkflowDef;
    /// Runs the machine to its next suspension.
    ///
    /// # Errors
    ///
    /// [`StepError`]: a value could not be decoded or encoded.
    #[doc(hidden)]
    fn step(cx: &mut Cx<'_>) -> Result<Flow, StepError>;
    /// The user's function as written, for tests that compare it with the machine.
    #[doc(hidden)]
    fn check(args: Self::Args) -> LocalBoxFuture<<Self::Outcome as Outcome>::Out>;
}

/// A workflow that can be the root of an instance: it is found by its name alone. Implemented by the macro for functions without type
/// parameters.
#[diagnostic::on_unimplemented(
    message = "a generic workflow cannot be the root of an instance",
    label = "this is generic: it can only be awaited inline, by a workflow",
    note = "an instance is found again by the name of its workflow, which does not say for which types",
    note = "write a workflow without type parameters that awaits it with the types you want, and start that one"
)]
pub trait Workflow: InlineWorkflow {}

/// The value that a workflow returns.
pub type OkOf<W> = <<W as InlineWorkflow>::Outcome as Outcome>::Ok;
/// The error that a workflow returns.
pub type ErrOf<W> = <<W as InlineWorkflow>::Outcome as Outcome>::Err;

/// Runs a machine to its next suspension.
pub type StepFn = fn(&mut Cx<'_>) -> Result<Flow, StepError>;

/// The function that `#[workflow]` makes of a workflow: names its type by value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no function with `#[workflow]`",
    label = "not a workflow",
    note = "name the function itself, without calling it"
)]
pub trait WorkflowFn<Args> {
    /// The workflow.
    type Def: InlineWorkflow;
}

macro_rules! workflow_fn { ($($a:ident)*) => {
    impl<F, W: InlineWorkflow, $($a),*> WorkflowFn<($($a,)*)> for F
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
workflow_fn!(A B C D E G H I J);
workflow_fn!(A B C D E G H I J K);
workflow_fn!(A B C D E G H I J K L);
workflow_fn!(A B C D E G H I J K L M);

/// What the macro registers for a workflow.
///
/// `cargo workflow check` reads the first four fields in object files, so their places are fixed.
#[repr(C)]
pub struct WorkflowDef {
    /// Runs the machine to its next suspension; `None` for a generic workflow, where the point that awaits it knows the types.
    pub step: Option<StepFn>,
    /// The registered name.
    pub name: &'static str,
    /// Where the function stands.
    pub file: &'static str,
    /// Where the function stands.
    pub line: u32,
    /// Names that stored instances may carry from before a rename.
    pub aliases: &'static [&'static str],
    /// Slot keys in the order of the table in the machine.
    pub slots: &'static [&'static str],
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
pub fn accepts<W: InlineWorkflow>(args: &Payload) -> Result<(), DecodeError> {
    W::Args::load(args).map(drop)
}

/// What a generic workflow accepts as the root of an instance.
///
/// # Errors
///
/// Always: nobody can say for which types it is to run.
pub fn accepts_nothing(_: &Payload) -> Result<(), DecodeError> {
    Err(DecodeError::mismatch("a generic workflow cannot be the root of an instance".into()))
}

/// A workflow that a point awaits, with the types with which it is used there.
pub struct Helper {
    pub(super) def: &'static WorkflowDef,
    pub(super) step: StepFn,
}

impl Helper {
    /// The helper that `W` is.
    pub(super) fn of<W: InlineWorkflow>() -> Self {
        Helper { def: W::def(), step: W::step }
    }
}

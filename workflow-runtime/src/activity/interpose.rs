//! What a test puts between an engine and its activities.

use super::{ActivityContext, ActivityDef, AttemptFuture, AttemptReport, AttemptRequest, OnDone, States};

/// Stands between an engine and the activities that it runs; for tests.
pub trait Interpose: Send + Sync + 'static {
    /// What runs instead of the activity. `None`: the activity itself.
    fn replace(
        &self,
        request: &AttemptRequest,
        def: &'static ActivityDef,
        states: &States,
        cx: &ActivityContext,
    ) -> Option<AttemptFuture> {
        let _ = (request, def, states, cx);
        None
    }

    /// An attempt has ended; `deliver` tells the engine, now or later.
    fn report(&self, request: &AttemptRequest, report: AttemptReport, deliver: OnDone) {
        let _ = request;
        deliver(report);
    }
}

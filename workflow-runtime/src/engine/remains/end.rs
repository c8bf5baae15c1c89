//! Ending an instance whose checkpoint is damaged, with what is left of it.

use super::{Found, Remains};
use crate::{
    engine::{
        actor::Actor,
        draft::Draft,
        error::{RebuildError, Unavailable},
        group::Delta,
        instance::Instance,
        message::Mail,
        worker::Worker,
    },
    journal::id::WorkflowId,
};
use jiff::Timestamp;
use std::rc::Rc;

impl Worker {
    /// What can be done for an instance that cannot be loaded because its checkpoint is damaged, if somebody asks: it is made anew, or
    /// ended.
    ///
    /// # Errors
    ///
    /// `why` it cannot be loaded, if nobody asks or too little is left; or why that is not durable.
    pub(in crate::engine) async fn salvage(
        self: &Rc<Self>,
        id: &WorkflowId,
        why: Unavailable,
    ) -> Result<Actor, Unavailable> {
        if !matches!(why, Unavailable::Damaged { .. }) {
            return Err(why);
        }
        let rebuilds = |mail: &Mail| matches!(mail, Mail::Rebuild { .. });
        while let Some(Mail::Rebuild { reply }) = self.take_mail_of(id, rebuilds) {
            match self.rebuild(id, &why).await {
                Ok(actor) => {
                    // The caller may be gone; what was done is done.
                    let _ = reply.send(Ok(()));
                    return Ok(actor);
                }
                Err(RebuildError::Unavailable(e)) => {
                    let _ = reply.send(Err(e.clone().into()));
                    return Err(e);
                }
                Err(e) => drop(reply.send(Err(e))),
            }
        }
        self.end_remains(id, why).await
    }

    /// Ends an instance, if somebody asks for its end.
    async fn end_remains(self: &Rc<Self>, id: &WorkflowId, why: Unavailable) -> Result<Actor, Unavailable> {
        let asks = |mail: &Mail| matches!(mail, Mail::Terminate { .. });
        if !self.has_mail(id, asks) {
            return Err(why);
        }
        let Some(found) = self.remains(id).find().await? else { return Err(why) };
        tracing::warn!(error = %why, "the checkpoint is damaged: it is made anew from what is left");
        let (mut actor, mut draft, ended) = self.over_damage(id, found);
        if ended {
            // Those who ask are told so.
            actor.store(draft).await?;
            return Ok(actor);
        }
        let Some(Mail::Terminate { reason, reply }) = self.take_mail_of(id, asks) else { return Err(why) };
        draft.terminate(&actor.instance.keys, reason);
        match actor.store(draft).await {
            Ok(()) => drop(reply.send(Ok(()))),
            Err(e) => {
                let _ = reply.send(Err(e.clone().into()));
                return Err(e);
            }
        }
        Ok(actor)
    }

    pub(super) fn remains<'a>(&'a self, id: &'a WorkflowId) -> Remains<'a> {
        Remains { worker: self, id, keys: self.shared.keys(id) }
    }

    /// An actor that has nothing yet, the draft of what was found, and whether that had ended.
    pub(super) fn over_damage(self: &Rc<Self>, id: &WorkflowId, found: Found) -> (Actor, Box<Draft>, bool) {
        let Found { checkpoint, writes, revision, ended } = found;
        let instance = Box::new(Instance::new(&self.shared, id.clone()));
        let mut draft = Draft::new(checkpoint, self.shared.clock.now(), Delta::of(&instance.members));
        (draft.writes, draft.over_damage) = (writes, Some(revision));
        let has_ended = ended.is_some();
        if let Some((state, at)) = ended {
            draft.checkpoint.end(state, at);
        }
        (Actor { worker: self.clone(), instance, floor: Timestamp::MIN }, draft, has_ended)
    }
}

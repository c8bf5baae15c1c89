//! Answers from an archive: no store and no service is needed for them.

use super::{
    ServiceError,
    answer::{exported, shown},
    args::{Archived, Remote, parse_status, parse_tag},
    show,
};
use crate::{
    archive::{Archive, ArchiveError, RunSummary},
    journal::id::RunId,
};
use serde_json::{Value, json};

/// Prints what the archive says. What cannot be read of it is told, and is an error behind the answer.
pub(super) fn answer(command: &Remote, as_json: bool) -> Result<(), ServiceError> {
    let Some(directory) = command.archive() else { return Ok(()) };
    let archive = Archive::open(directory)?;
    let mut damage = vec![];
    let value = match command {
        Remote::List { workflow, status, tag, limit, .. } => {
            damage.extend(archive.damage().iter().cloned());
            list(&archive, (workflow.as_deref(), status.as_deref(), tag.as_deref()), *limit, &mut damage)?
        }
        Remote::Show { id, which } => shown(&archive.run(find(&archive, id, which)?)?),
        Remote::History { id, which } => {
            let mut entries = vec![];
            for page in archive.history(find(&archive, id, which)?)? {
                match page {
                    Ok(page) => entries.extend(page),
                    Err(e) => damage.push(e),
                }
            }
            shown(&entries)
        }
        Remote::Export { id, which } => {
            let recorded = archive.recorded(find(&archive, id, which)?)?;
            let unwritable = |message| ServiceError::Refused { code: "WE121".into(), message };
            exported(&recorded).map_err(unwritable)?
        }
        Remote::Result { id, which, .. } => {
            let run = archive.run(find(&archive, id, which)?)?;
            json!({ "state": run.summary.status, "value": run.outcome.map(|value| value.to_json()) })
        }
        _ => Value::Null,
    };
    show::answer(command, &value, as_json)?;
    let last = damage.pop();
    damage.iter().for_each(|error| eprintln!("error: {error}"));
    last.map_or(Ok(()), |error| Err(error.into()))
}

/// The run that is meant.
fn find(archive: &Archive, id: &str, which: &Archived) -> Result<RunId, ServiceError> {
    if let Some(run) = which.run {
        return Ok(RunId(run));
    }
    let newest = archive.newest(id).map(|run| run.run_id);
    newest.ok_or_else(|| {
        for error in archive.damage() {
            eprintln!("error: {error}");
        }
        ServiceError::Usage(format!("the archive holds no run of `{id}`; `list --archive` shows those that there are"))
    })
}

fn list(
    archive: &Archive,
    (workflow, status, tag): (Option<&str>, Option<&str>, Option<&str>),
    limit: usize,
    damage: &mut Vec<ArchiveError>,
) -> Result<Value, ServiceError> {
    let (status, tag) = (status.map(parse_status).transpose()?, tag.map(parse_tag).transpose()?);
    let mut matches = |run: &&RunSummary| {
        let named = workflow.is_none_or(|name| run.workflow == name) && status.is_none_or(|s| run.status == s);
        let Some((key, value)) = tag.as_ref().filter(|_| named) else { return named };
        match archive.run(run.run_id) {
            Ok(archived) => archived.tags.get(key) == Some(value),
            Err(e) => {
                damage.push(e);
                false
            }
        }
    };
    let runs: Vec<_> = archive.runs().into_iter().filter(|run| matches(run)).take(limit + 1).collect();
    Ok(json!({ "instances": shown(&&runs[..limit.min(runs.len())]), "more": runs.len() > limit }))
}

//! An archive, read.

use super::{
    error::ArchiveError,
    format::{self, Defined, HEAD, Kind, Part, Place, Whole},
    listed::{ArchivedRun, RunSummary},
    scan,
};
use crate::{
    engine::Recorded,
    journal::{history::Entry, id::RunId},
};
use serde::de::DeserializeOwned;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{ErrorKind, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};
use workflow_definition::{Definition, Fingerprint};

/// The runs in a directory, as of when it was opened. An engine may go on writing to it.
#[derive(Debug)]
pub struct Archive {
    directory: PathBuf,
    runs: BTreeMap<RunId, (Place, RunSummary)>,
    definitions: BTreeMap<Fingerprint, Vec<Place>>,
    damage: Vec<ArchiveError>,
}

impl Archive {
    /// Reads the indexes of the files in a directory.
    ///
    /// Files and blocks that cannot be read are left out, and told by [`damage`](Self::damage).
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Io`]: the directory cannot be read; [`ArchiveError::Newer`]: a file is of a newer build.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, ArchiveError> {
        let directory = directory.as_ref().to_owned();
        let (mut runs, mut definitions, mut damage) = (BTreeMap::new(), BTreeMap::<_, Vec<_>>::new(), vec![]);
        for file in scan::numbers(&directory)? {
            let scanned = match scan::scan(&format::file(&directory, file)) {
                Ok(scanned) => scanned,
                Err(newer @ ArchiveError::Newer { .. }) => return Err(newer),
                Err(unreadable) => {
                    damage.push(unreadable);
                    continue;
                }
            };
            damage.extend(scanned.damage);
            for (at, run) in scanned.index.runs {
                // A process that died between archiving a run and removing it has archived it twice, the second time
                // perhaps without what had been removed by then.
                let known = runs.get(&run.run_id).is_some_and(|(_, r): &(Place, RunSummary)| r.entries >= run.entries);
                if !known {
                    runs.insert(run.run_id, (Place { file, at }, run));
                }
            }
            for (at, fingerprint) in scanned.index.definitions {
                definitions.entry(fingerprint).or_default().push(Place { file, at });
            }
        }
        Ok(Archive { directory, runs, definitions, damage })
    }

    /// All runs, those that were started first first.
    pub fn runs(&self) -> Vec<&RunSummary> {
        let mut runs: Vec<_> = self.runs.values().map(|(_, run)| run).collect();
        runs.sort_by_key(|run| (run.started, run.closed, run.run_id));
        runs
    }

    /// The run under an id that was started last.
    pub fn newest(&self, workflow_id: &str) -> Option<&RunSummary> {
        let of_id = self.runs.values().map(|(_, run)| run).filter(|run| run.workflow_id == workflow_id);
        of_id.max_by_key(|run| (run.started, run.closed, run.run_id))
    }

    /// What cannot be read, as far as the indexes show it. Blocks with parts of histories show it when they are read.
    pub fn damage(&self) -> &[ArchiveError] {
        &self.damage
    }

    /// A run without its history.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`]: there is no such run, or it cannot be read.
    pub fn run(&self, run: RunId) -> Result<ArchivedRun, ArchiveError> {
        Ok(self.whole(run)?.run)
    }

    /// The history of a run, in pages. One that is damaged is an error in its place, and the next ones follow.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`]: there is no such run, or it cannot be read.
    pub fn history(&self, run: RunId) -> Result<Pages<'_>, ArchiveError> {
        let Whole { parts, entries, .. } = self.whole(run)?;
        Ok(Pages { archive: self, run, parts: parts.into_iter(), last: Some(entries) })
    }

    /// The history of a run with all that is needed to [`verify`](crate::engine::verify()) it.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`]: there is no such run, or some of it cannot be read.
    pub fn recorded(&self, run: RunId) -> Result<Recorded, ArchiveError> {
        let archived = self.run(run)?;
        let entries = self.history(run)?.collect::<Result<Vec<_>, _>>()?.concat();
        let definitions = archived.definitions.iter().filter_map(|f| self.definition(*f).transpose());
        let definitions = definitions.collect::<Result<Vec<_>, _>>()?;
        let ArchivedRun { summary, input, .. } = archived;
        let input = input.ok_or(ArchiveError::NoStart { run })?;
        let RunSummary { workflow_id, workflow, started, .. } = summary;
        Ok(Recorded::of(workflow_id, run, (workflow, input, started), definitions, entries))
    }

    /// From the first file where it can be read.
    fn definition(&self, fingerprint: Fingerprint) -> Result<Option<Definition>, ArchiveError> {
        let mut failed = None;
        for place in self.definitions.get(&fingerprint).into_iter().flatten() {
            match self.block::<Defined>(Kind::Definition, *place) {
                Ok(defined) => return Ok(Some(defined.definition)),
                Err(e) => failed = Some(e),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    fn whole(&self, run: RunId) -> Result<Whole, ArchiveError> {
        let not_found = || ArchiveError::NotFound { path: self.directory.clone(), run };
        let (place, _) = self.runs.get(&run).ok_or_else(not_found)?;
        self.block(Kind::Run, *place)
    }

    fn block<T: DeserializeOwned>(&self, kind: Kind, Place { file, at }: Place) -> Result<T, ArchiveError> {
        let path = format::file(&self.directory, file);
        let damaged = |reason: String| ArchiveError::damaged(&path, at, reason);
        let failed = |e: std::io::Error| match e.kind() {
            ErrorKind::UnexpectedEof => damaged("the file ends there".into()),
            _ => ArchiveError::io(&path, e),
        };
        let mut from = File::open(&path).map_err(failed)?;
        from.seek(SeekFrom::Start(at)).map_err(failed)?;
        let mut head = [0; HEAD];
        from.read_exact(&mut head).map_err(failed)?;
        let head = format::head(&head, at).filter(|head| head.kind == kind);
        let head = head.ok_or_else(|| damaged("no such block stands here".into()))?;
        let mut body = vec![];
        from.take(u64::from(head.length)).read_to_end(&mut body).map_err(failed)?;
        format::open(head, &body).map_err(damaged)
    }
}

/// The history of an archived run, page by page.
#[derive(Debug)]
pub struct Pages<'a> {
    archive: &'a Archive,
    run: RunId,
    parts: std::vec::IntoIter<Place>,
    last: Option<Vec<Entry>>,
}

impl Iterator for Pages<'_> {
    type Item = Result<Vec<Entry>, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some(place) = self.parts.next() else { return self.last.take().map(Ok) };
        Some(self.archive.block::<Part>(Kind::Entries, place).and_then(|part| match part.run == self.run {
            true => Ok(part.entries),
            false => {
                let path = format::file(&self.archive.directory, place.file);
                Err(ArchiveError::damaged(&path, place.at, "entries of another run stand here"))
            }
        }))
    }
}

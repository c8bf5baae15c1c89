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

/// Where a run is.
#[derive(Debug, Default)]
struct Kept {
    /// The pieces in which it was archived, by their first entries: one, unless its history was truncated while it ran.
    pieces: BTreeMap<u64, (Place, RunSummary)>,
}

impl Kept {
    /// Of two copies the one with more entries counts: a process that died between archiving a run and removing it has archived
    /// it twice, the second time perhaps without what had been removed by then.
    fn add(&mut self, place: Place, run: RunSummary) {
        let known = self.pieces.get(&run.first_entry).is_some_and(|(_, r)| r.entries >= run.entries);
        if !known {
            self.pieces.insert(run.first_entry, (place, run));
        }
    }

    /// The piece that says how the run ended.
    fn last(&self) -> Option<&(Place, RunSummary)> {
        self.pieces.values().max_by_key(|(_, run)| (run.status.is_closed(), run.closed, run.first_entry))
    }

    /// All pieces as one.
    fn summary(&self) -> Option<RunSummary> {
        let (_, last) = self.last()?;
        let (mut entries, mut behind) = (0, 0);
        for (_, piece) in self.pieces.values() {
            let end = piece.first_entry + piece.entries;
            entries += end.saturating_sub(piece.first_entry.max(behind));
            behind = behind.max(end);
        }
        let first_entry = self.pieces.keys().next().copied().unwrap_or(0);
        Some(RunSummary { entries, first_entry, ..last.clone() })
    }
}

/// The runs in a directory, as of when it was opened. An engine may go on writing to it.
#[derive(Debug)]
pub struct Archive {
    directory: PathBuf,
    listed: Vec<RunSummary>,
    runs: BTreeMap<RunId, Kept>,
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
                let kept: &mut Kept = runs.entry(run.run_id).or_default();
                kept.add(Place { file, at }, run);
            }
            for (at, fingerprint) in scanned.index.definitions {
                definitions.entry(fingerprint).or_default().push(Place { file, at });
            }
        }
        let runs: BTreeMap<_, _> = runs;
        let listed = runs.values().filter_map(Kept::summary).collect();
        Ok(Archive { directory, listed, runs, definitions, damage })
    }

    /// All runs, those that were started first first.
    pub fn runs(&self) -> Vec<&RunSummary> {
        let mut runs: Vec<_> = self.listed.iter().collect();
        runs.sort_by_key(|run| (run.started, run.closed, run.run_id));
        runs
    }

    /// The run under an id that was started last.
    pub fn newest(&self, workflow_id: &str) -> Option<&RunSummary> {
        let of_id = self.listed.iter().filter(|run| run.workflow_id == workflow_id);
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
        let kept = self.kept(run)?;
        let (Some((place, _)), Some(summary)) = (kept.last(), kept.summary()) else { return Err(self.not_found(run)) };
        let whole: Whole = self.block(Kind::Run, *place)?;
        Ok(ArchivedRun { summary, ..whole.run })
    }

    /// The history of a run, in pages. One that is damaged is an error in its place, and the next ones follow.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`]: there is no such run, or it cannot be read.
    pub fn history(&self, run: RunId) -> Result<Pages<'_>, ArchiveError> {
        let pieces: Vec<Place> = self.kept(run)?.pieces.values().map(|(place, _)| *place).collect();
        let (parts, last) = (vec![].into_iter(), None);
        let mut pages = Pages { archive: self, run, pieces: pieces.into_iter(), parts, last, next: 0 };
        pages.open_piece()?;
        Ok(pages)
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

    fn not_found(&self, run: RunId) -> ArchiveError {
        ArchiveError::NotFound { path: self.directory.clone(), run }
    }

    fn kept(&self, run: RunId) -> Result<&Kept, ArchiveError> {
        self.runs.get(&run).ok_or_else(|| self.not_found(run))
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
    /// Pieces that were not opened yet.
    pieces: std::vec::IntoIter<Place>,
    parts: std::vec::IntoIter<Place>,
    last: Option<Vec<Entry>>,
    /// The number of the next entry: those before were shown, in another piece.
    next: u64,
}

impl Pages<'_> {
    fn open_piece(&mut self) -> Result<(), ArchiveError> {
        if let Some(place) = self.pieces.next() {
            let Whole { parts, entries, .. } = self.archive.block(Kind::Run, place)?;
            (self.parts, self.last) = (parts.into_iter(), Some(entries));
        }
        Ok(())
    }

    fn part(&self, place: Place) -> Result<Vec<Entry>, ArchiveError> {
        let part: Part = self.archive.block(Kind::Entries, place)?;
        if part.run == self.run {
            return Ok(part.entries);
        }
        let path = format::file(&self.archive.directory, place.file);
        Err(ArchiveError::damaged(&path, place.at, "entries of another run stand here"))
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<Vec<Entry>, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut page = loop {
            if let Some(place) = self.parts.next() {
                match self.part(place) {
                    Ok(page) => break page,
                    Err(e) => return Some(Err(e)),
                }
            }
            if let Some(page) = self.last.take() {
                break page;
            }
            if self.pieces.len() == 0 {
                return None;
            }
            if let Err(e) = self.open_piece() {
                return Some(Err(e));
            }
        };
        page.retain(|entry| entry.seq >= self.next);
        self.next = page.last().map_or(self.next, |entry| entry.seq + 1);
        Some(Ok(page))
    }
}

//! `cargo workflow check`: build, graph, search, report.

use crate::{
    build::{self, Built},
    cli::Check,
    error::Error,
    exemptions::{self, List, Used},
    graph::{Bytes, Graph},
    lines::Lines,
    report::{self, Measured, Report, Writer},
    roots::{self, Root},
    search::Search,
};
use std::{collections::HashSet, path::PathBuf, time::Instant};

/// The list of exemptions that is taken without being asked for.
const LIST: &str = "workflow-check.toml";

/// Checks what the arguments select.
///
/// # Errors
///
/// It cannot be built or read, there is no workflow in it, or the list of exemptions is not one.
pub(crate) fn check(args: &Check) -> Result<Report, Error> {
    let built = build::build(&args.request())?;
    let began = Instant::now();
    let (list, list_file) = list(args, &built)?;
    let mut graph = Graph::default();
    for file in &built.files {
        crate::graph::load(&mut graph, file, built.local_files.contains(file))?;
    }
    let bytes = Bytes::default();
    let all = roots::find(&graph, &bytes)?;
    let wanted = wanted(args, &built, &all)?;
    let records = exemptions::records(&graph, &bytes)?;
    let lines = Lines::new(&graph, &bytes, built.root.clone());
    let local: HashSet<u32> = graph.objects_of(&built.local_files);
    let search = Search::new((&graph, &lines), &built.local_crates, local, roots::steps(&all));
    let mut used = Used { records: vec![false; records.len()], list: vec![false; list.entries.len()] };
    let writer = Writer { graph: &graph, lines: &lines };
    let mut workflows = vec![];
    for root in wanted {
        let outcome = match root.step {
            Some(step) => exemptions::apply(&search, &lines, root, step, (&records, &list), &mut used),
            None => continue,
        };
        workflows.push(writer.workflow(root, &outcome));
    }
    // A library and its tests are two builds of one source.
    workflows.dedup();
    // With a part of the workflows nobody can say what the others need.
    let unneeded = match args.workflow.is_empty() {
        true => report::unneeded(&records, &list, &used, &list_file),
        false => vec![],
    };
    let measured = Measured::new(&graph, built.files.len(), began.elapsed());
    Ok(Report { workflows, unneeded, measured })
}

fn list(args: &Check, built: &Built) -> Result<(List, String), Error> {
    let default = Some(built.root.join(LIST)).filter(|p| p.exists());
    match args.exemptions.clone().or(default) {
        Some(path) => {
            let shown: PathBuf = path.strip_prefix(&built.root).unwrap_or(&path).to_owned();
            Ok((List::read(&path)?, shown.display().to_string()))
        }
        None => Ok((List::default(), String::new())),
    }
}

/// The user's workflows, not those of the runtime itself.
fn wanted<'r>(args: &Check, built: &Built, all: &'r [Root]) -> Result<Vec<&'r Root>, Error> {
    let own: Vec<&Root> =
        all.iter().filter(|r| built.local_crates.contains(&r.krate) && r.krate != "workflow_runtime").collect();
    if own.is_empty() {
        return Err(Error::new(
            "there is no workflow in what was built: select the package and the target that has them (-p, --bin, --tests, --all-targets)",
        ));
    }
    for name in &args.workflow {
        if !own.iter().any(|r| r.name == *name) {
            let mut known: Vec<&str> = own.iter().map(|r| r.name.as_str()).collect();
            known.sort_unstable();
            return Err(Error::new(format!(
                "there is no workflow `{name}` in what was built: there are {}",
                known.join(", ")
            )));
        }
    }
    Ok(own.into_iter().filter(|r| args.workflow.is_empty() || args.workflow.contains(&r.name)).collect())
}

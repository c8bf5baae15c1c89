//! The static description of a workflow.

//! What crashes and bad input do to an engine: nothing that anyone would notice.

mod bad_input;
mod bookkeeping;
mod children;
mod kill;
mod new;
mod scenarios;
mod sweeps;
mod threads;
mod upgrade;
mod virtual_time;

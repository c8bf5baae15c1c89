//! What crashes and bad input do to an engine: nothing that anyone would notice.

mod activities;
mod archive;
mod arriving;
mod bad_input;
mod bookkeeping;
mod cancel;
mod children;
mod damage;
mod every_record;
mod finding;
mod groups;
mod kill;
mod messages;
mod new;
mod rebuild;
mod relations;
mod saga;
mod salvage;
mod scenarios;
mod schedules;
mod sweeps;
mod threads;
mod timers;
mod truncate;
mod upgrade;
mod virtual_time;

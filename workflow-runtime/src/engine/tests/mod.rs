mod blocked;
mod crash;
mod running;
mod script;
mod seen;

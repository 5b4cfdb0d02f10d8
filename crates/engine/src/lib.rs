//! Runs the plan: connections, HTTP stack, OAuth, runs, journal, schedule and events.

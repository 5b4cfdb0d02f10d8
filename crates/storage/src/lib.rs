//! The Store contract on memory and on SQLite.

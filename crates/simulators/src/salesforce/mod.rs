//! In-process Salesforce simulator.

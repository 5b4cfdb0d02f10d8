//! Two-way sync between an application and its customers' CRMs, in process.

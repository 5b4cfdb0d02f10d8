use crate::error::{Error, ErrorKind, Result};

/// Stack for the deepest expression that is allowed, in a build without optimisation, three times over.
const BYTES: usize = 32 << 20;

/// Runs what recurses deeply on a thread of its own: the parser and the interpreter need many kilobytes per level, and
/// nobody knows how much of the caller's stack is left.
///
/// # Errors
/// What `work` returns, and [`ErrorKind::Internal`] when no thread can be started or the work panics.
pub(super) fn with_room<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("expression".to_owned())
            .stack_size(BYTES)
            .spawn_scoped(scope, work)
            .map_err(|source| {
                Error::new(ErrorKind::Internal, "no thread for an expression could be started").because(source)
            })?;
        thread.join().unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Internal,
                "the expression could not be handled; write it in a simpler way",
            ))
        })
    })
}

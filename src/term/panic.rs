//! What happens when a part of the program breaks off.

use std::thread;

/// Installs color-eyre's reports behind the terminal guard.
///
/// A panic on the calling thread ends the program: the terminal is given back before
/// a word is written. One on another thread ends a part of the program: it becomes a
/// diagnostic and, through whoever watches that part, a line on the screen, which
/// stays whole.
///
/// # Errors
/// When a hook is installed already.
pub fn install() -> color_eyre::Result<()> {
    let (panic, report) = color_eyre::config::HookBuilder::default().into_hooks();
    report.install()?;
    let panic = panic.into_panic_hook();
    let main = thread::current().id();
    std::panic::set_hook(Box::new(move |info| {
        if thread::current().id() == main {
            super::restore();
            // Reporting to a terminal that is gone would panic again, which aborts.
            if super::is_gone() {
                tracing::error!("the program broke off on a terminal that is gone: {info}");
            } else {
                panic(info);
            }
        } else {
            tracing::error!("a part of the program broke off: {info}");
        }
    }));
    Ok(())
}

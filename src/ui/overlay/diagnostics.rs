//! The program's own diagnostics.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;
use tui_logger::{TuiLoggerLevelOutput, TuiLoggerWidget};

use crate::ui::scene::Scene;
use crate::ui::theme::Tone;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    TuiLoggerWidget::default()
        .output_level(Some(TuiLoggerLevelOutput::Abbreviated))
        .output_file(false)
        .output_line(false)
        .output_separator(' ')
        .style_error(scene.style(Tone::Bad))
        .style_warn(scene.style(Tone::Warn))
        .render(area, buffer);
}

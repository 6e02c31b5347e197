#pragma once
// Charts as SVG that stands on its own: no script, no font, no link.

#include <string>
#include <utility>
#include <vector>

namespace lode::bench {

struct chart_axis {
  std::string title;
  bool log = false;
  double least = 0;  ///< with `most`, where both are not equal; else what the points need
  double most = 0;
  /// Ticks with their texts; empty: round numbers.
  std::vector<std::pair<double, std::string>> ticks;
};

struct chart_line {
  std::string name;  ///< empty: not in the legend
  std::string colour;
  std::vector<std::pair<double, double>> points;
  bool dashed = false;
  bool dots = false;
};

/// A vertical line with a text beside its upper end.
struct chart_mark {
  double x = 0;
  std::string text;
};

struct chart_panel {
  std::string title;
  chart_axis x, y;
  std::vector<chart_line> lines;
  std::vector<chart_mark> marks;
};

/// The panels below each other. Points that are not finite, or not above zero on a log axis, are left out.
std::string draw(const std::string& title, const std::string& subtitle, const std::vector<chart_panel>& panels);

/// Colours that are told apart by most eyes, in their order.
std::string line_colour(std::size_t i);

}  // namespace lode::bench

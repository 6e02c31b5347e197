#pragma once
// What is written to people: tables, pairs, colours, a spinner. Programs get tabs: one record a line, nothing cut off.

#include "cli/files.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lode::cli {

struct terminal {
  bool out = false;      ///< standard output is a terminal
  bool err = false;      ///< standard error is one
  bool moves = false;    ///< its cursor can be moved
  bool colours = false;  ///< of standard output
  bool err_colours = false;
  std::size_t width = 80;
};
/// Looks at the descriptors, COLUMNS, NO_COLOR and TERM.
terminal look_at_terminal(const environment& env, bool no_colour);

enum class tone { plain, good, bad, weak, strong };

struct cell {
  std::string text;
  tone colour = tone::plain;
  cell(std::string t, tone c = tone::plain) : text(std::move(t)), colour(c) {}  // NOLINT(google-explicit-constructor)
  cell(const char* t, tone c = tone::plain) : text(t), colour(c) {}             // NOLINT(google-explicit-constructor)
};
struct column {
  std::string title;
  bool right = false;    ///< numbers
  bool shrinks = false;  ///< cut where the terminal is too narrow
};
struct table {
  std::vector<column> columns;
  std::vector<std::vector<cell>> rows;
};

/// What is wide on a terminal: code points, for we write no wide characters.
std::size_t width_of(std::string_view text);
/// Cut to `width`, the last place then holding "…".
std::string cut(std::string_view text, std::size_t width);
/// Without anything that could move a terminal's cursor: control characters become '?'.
std::string harmless(std::string_view text);
std::string coloured(std::string_view text, tone colour, bool colours);

/// On a terminal: aligned, cut to its width. Else: tabs between the cells. The titles come first unless `titles` is
/// false.
std::string text_of(const table& t, const terminal& term, bool titles);
/// Names and values, one pair a line: aligned on a terminal, else with a tab between.
std::string text_of(const std::vector<std::pair<std::string, cell>>& pairs, const terminal& term);

/// One line on a terminal's standard error that turns while something is waited for. Nothing elsewhere.
class spinner {
 public:
  spinner(const terminal& term, std::string text);
  ~spinner();
  spinner(const spinner&) = delete;
  spinner& operator=(const spinner&) = delete;
  void turn();
  void say(std::string text);
  void clear();

 private:
  bool active_;
  std::size_t width_;
  std::string text_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::size_t step_ = 0;
  bool shown_ = false;
};

/// "3 d 4 h", "12 min", "40 s": two units at most.
std::string span_text(std::chrono::seconds s);
/// Seconds since the epoch of an RFC 3339 time in UTC; 0 for anything else.
std::int64_t seconds_of(std::string_view rfc3339);
/// "in 3 d 4 h", "12 min ago", or "" for no time.
std::string relative(std::string_view rfc3339, std::int64_t now);
std::int64_t now_seconds();

}  // namespace lode::cli

#include "cli/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <numeric>
#include <sys/ioctl.h>
#include <unistd.h>

namespace lode::cli {
namespace {

constexpr std::size_t gap = 2;
constexpr std::size_t narrowest = 8;

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

std::string_view escape_of(tone t) {
  switch (t) {
    case tone::good:
      return "\x1b[32m";
    case tone::bad:
      return "\x1b[31m";
    case tone::weak:
      return "\x1b[2m";
    case tone::strong:
      return "\x1b[1m";
    case tone::plain:
      break;
  }
  return "";
}

std::string tabs_free(std::string text) {
  std::replace(text.begin(), text.end(), '\t', ' ');
  return text;
}

/// Each column's width: what its cells need, less where the terminal has no room.
std::vector<std::size_t> widths_of(const table& t, std::size_t room, bool titles) {
  std::vector<std::size_t> widths;
  for (const auto& c : t.columns) widths.push_back(titles ? width_of(c.title) : 0);
  for (const auto& row : t.rows)
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i)
      widths[i] = std::max(widths[i], width_of(row[i].text));
  while (true) {
    const auto whole = std::accumulate(widths.begin(), widths.end(), gap * (widths.empty() ? 0 : widths.size() - 1));
    if (whole <= room) return widths;
    std::size_t widest = widths.size();
    for (std::size_t i = 0; i < widths.size(); ++i)
      if (t.columns[i].shrinks && widths[i] > narrowest && (widest == widths.size() || widths[i] > widths[widest]))
        widest = i;
    if (widest == widths.size()) return widths;
    widths[widest] -= std::min(whole - room, std::size_t{1});
  }
}

std::string padded(const cell& c, const column& col, std::size_t width, bool last, bool colours) {
  const auto text = cut(c.text, width);
  const std::string blank(width - std::min(width, width_of(text)), ' ');
  const auto shown = coloured(text, c.colour, colours);
  if (col.right) return blank + shown;
  return last ? shown : shown + blank;
}

}  // namespace

terminal look_at_terminal(const environment& env, bool no_colour) {
  terminal t;
  t.out = ::isatty(STDOUT_FILENO) == 1;
  t.err = ::isatty(STDERR_FILENO) == 1;
  t.moves = t.err && env.get("TERM") != "dumb";
  const bool wanted = !no_colour && env.get("NO_COLOR").empty() && env.get("TERM") != "dumb";
  t.colours = wanted && t.out;
  t.err_colours = wanted && t.err;
  winsize size{};
  if (::ioctl(t.out ? STDOUT_FILENO : STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) t.width = size.ws_col;
  const auto columns = env.get("COLUMNS");
  std::size_t number = 0;
  std::from_chars(columns.data(), columns.data() + columns.size(), number);
  if (number >= 20 && number <= 10'000) t.width = number;
  return t;
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

std::string cut(std::string_view text, std::size_t width) {
  if (width_of(text) <= width) return std::string{text};
  if (width == 0) return {};
  std::size_t seen = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    if (starts_character(text[end]) && ++seen == width) break;
    ++end;
  }
  return std::string{text.substr(0, end)} + "…";
}

std::string harmless(std::string_view text) {
  std::string out{text};
  for (auto& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = c == '\n' || c == '\t' ? ' ' : '?';
  // C1 control characters, as UTF-8.
  for (std::size_t i = 0; i + 1 < out.size(); ++i)
    if (out[i] == '\xC2' && static_cast<unsigned char>(out[i + 1]) < 0xA0) out[i] = out[i + 1] = '?';
  return out;
}

std::string coloured(std::string_view text, tone colour, bool colours) {
  if (!colours || colour == tone::plain || text.empty()) return std::string{text};
  return fmt::format("{}{}\x1b[0m", escape_of(colour), text);
}

std::string text_of(const table& raw, const terminal& term, bool titles) {
  table t = raw;
  for (auto& row : t.rows)
    for (auto& c : row) c.text = harmless(c.text);
  if (titles) {
    std::vector<cell> head;
    for (const auto& c : t.columns) head.emplace_back(c.title, tone::strong);
    t.rows.insert(t.rows.begin(), std::move(head));
  }
  std::string out;
  const auto widths = widths_of(t, term.width, titles);
  for (const auto& row : t.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool last = i + 1 == row.size();
      if (i > 0) out += term.out ? std::string(gap, ' ') : "\t";
      out += term.out ? padded(row[i], t.columns[i], widths[i], last, term.colours) : tabs_free(row[i].text);
    }
    while (term.out && out.ends_with(' ')) out.pop_back();
    out += '\n';
  }
  return out;
}

std::string text_of(const std::vector<std::pair<std::string, cell>>& pairs, const terminal& term) {
  std::size_t widest = 0;
  for (const auto& [name, value] : pairs) widest = std::max(widest, width_of(name));
  std::string out;
  for (const auto& [name, value] : pairs) {
    const auto text = harmless(value.text);
    if (term.out)
      out += fmt::format("{}{}  {}\n", coloured(name, tone::weak, term.colours),
                         std::string(widest - width_of(name), ' '), coloured(text, value.colour, term.colours));
    else
      out += fmt::format("{}\t{}\n", name, tabs_free(text));
  }
  return out;
}

spinner::spinner(const terminal& term, std::string text)
    : active_(term.moves), width_(term.width), text_(std::move(text)) {}
spinner::~spinner() { clear(); }

void spinner::turn() {
  constexpr std::array<std::string_view, 4> marks{"|", "/", "-", "\\"};
  const auto passed = std::chrono::steady_clock::now() - begin_;
  // What is over at once needs no line.
  if (!active_ || passed < std::chrono::milliseconds{300}) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(passed);
  const auto line = fmt::format("{} {} … {}", marks[step_++ % marks.size()], text_, span_text(seconds));
  fmt::print(stderr, "\r\x1b[K{}", cut(line, width_ > 1 ? width_ - 1 : 1));
  std::fflush(stderr);
  shown_ = true;
}
void spinner::say(std::string text) { text_ = std::move(text); }
void spinner::clear() {
  if (shown_) fmt::print(stderr, "\r\x1b[K");
  shown_ = false;
}

std::string span_text(std::chrono::seconds whole) {
  struct unit {
    std::int64_t seconds;
    std::string_view name;
  };
  constexpr std::array<unit, 4> units{{{86'400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}}};
  const auto s = std::max<std::int64_t>(whole.count(), 0);
  for (std::size_t i = 0; i + 1 < units.size(); ++i) {
    if (s < units[i].seconds) continue;
    const auto first = s / units[i].seconds;
    const auto second = s % units[i].seconds / units[i + 1].seconds;
    if (second == 0) return fmt::format("{} {}", first, units[i].name);
    return fmt::format("{} {} {} {}", first, units[i].name, second, units[i + 1].name);
  }
  return fmt::format("{} s", s);
}

std::int64_t seconds_of(std::string_view text) {
  std::tm t{};
  const std::string copy{text};
  const char* end = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &t);
  if (!end) return 0;
  if (*end == '.') ++end;
  while (*end >= '0' && *end <= '9') ++end;
  return std::string_view{end} == "Z" ? static_cast<std::int64_t>(::timegm(&t)) : 0;
}

std::string relative(std::string_view rfc3339, std::int64_t now) {
  const auto at = seconds_of(rfc3339);
  if (at == 0) return {};
  return at >= now ? "in " + span_text(std::chrono::seconds{at - now})
                   : span_text(std::chrono::seconds{now - at}) + " ago";
}

std::int64_t now_seconds() { return static_cast<std::int64_t>(std::time(nullptr)); }

}  // namespace lode::cli

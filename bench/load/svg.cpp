#include "bench/load/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <string_view>

namespace lode::bench {
namespace {

constexpr double width = 860;
constexpr double left = 72, right = 24;
constexpr double head = 66;        // title and subtitle
constexpr double panel_head = 46;  // a panel's title and legend
constexpr double plot_height = 240;
constexpr double panel_foot = 54;  // its x axis
constexpr double letter = 6.4;     // about as wide as one of 11 px

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out.push_back(static_cast<unsigned char>(c) < 0x20 ? ' ' : c);
    }
  }
  return out;
}

std::string number_text(double v) {
  if (v == 0) return "0";
  if (std::abs(v) >= 1e6) return fmt::format("{:g}M", v / 1e6);
  if (std::abs(v) >= 1e4) return fmt::format("{:g}k", v / 1e3);
  return fmt::format("{:.4g}", v);
}

/// From values to places on the page.
class scale {
 public:
  scale(const chart_axis& axis, std::vector<double> values, bool from_zero, double begin, double end)
      : log_(axis.log), begin_(begin), end_(end) {
    values.erase(std::remove_if(values.begin(), values.end(), [&](double v) { return !shows(v); }), values.end());
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    least_ = axis.least < axis.most ? axis.least : values.empty() ? 1 : *least;
    most_ = axis.least < axis.most ? axis.most : values.empty() ? 2 : *most;
    if (axis.least < axis.most) {
    } else if (log_) {
      least_ = std::pow(10, std::floor(std::log10(least_) + 1e-9));
      most_ = std::pow(10, std::ceil(std::log10(most_) - 1e-9));
      if (most_ <= least_) most_ = least_ * 10;
    } else {
      if (from_zero) least_ = std::min(0.0, least_);
      if (most_ <= least_) most_ = least_ + 1;
      if (from_zero) most_ = least_ + (most_ - least_) * 1.05;
    }
    if (axis.ticks.empty())
      make_ticks();
    else
      for (const auto& t : axis.ticks)
        if (t.first >= least_ * (1 - 1e-9) && t.first <= most_ * (1 + 1e-9)) ticks_.push_back(t);
  }
  [[nodiscard]] bool shows(double v) const { return std::isfinite(v) && (!log_ || v > 0); }
  [[nodiscard]] double at(double v) const {
    const double share = log_ ? std::log(v / least_) / std::log(most_ / least_) : (v - least_) / (most_ - least_);
    return begin_ + (end_ - begin_) * std::clamp(share, 0.0, 1.0);
  }
  [[nodiscard]] const std::vector<std::pair<double, std::string>>& ticks() const { return ticks_; }

 private:
  void make_ticks() {
    if (log_) {
      const bool few = most_ / least_ < 1001;
      double decade = least_;
      while (decade <= most_ * 1.0001) {
        for (const double step : {1.0, 2.0, 5.0})
          if (decade * step <= most_ * 1.0001 && (few || step == 1.0))
            ticks_.emplace_back(decade * step, number_text(decade * step));
        decade *= 10;
      }
      return;
    }
    const double rough = (most_ - least_) / 6;
    const double decade = std::pow(10, std::floor(std::log10(rough)));
    const double share = rough / decade;
    const double step = decade * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
    double v = std::ceil(least_ / step) * step;
    while (v <= most_ * (1 + 1e-9)) {
      ticks_.emplace_back(v, number_text(std::abs(v) < step / 1e6 ? 0 : v));
      v += step;
    }
  }

  bool log_;
  double begin_, end_;
  double least_ = 0, most_ = 1;
  std::vector<std::pair<double, std::string>> ticks_;
};

using output = std::back_insert_iterator<std::string>;

void write_line(output out, const chart_line& line, const scale& x, const scale& y) {
  std::string points;
  std::string dots;
  for (const auto& [px, py] : line.points) {
    if (!x.shows(px) || !y.shows(py)) continue;
    fmt::format_to(std::back_inserter(points), "{}{:.1f},{:.1f}", points.empty() ? "" : " ", x.at(px), y.at(py));
    if (line.dots)
      fmt::format_to(std::back_inserter(dots), "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n", x.at(px),
                     y.at(py), line.colour);
  }
  if (points.empty()) return;
  fmt::format_to(out, "<polyline class=\"line\" stroke=\"{}\"{} points=\"{}\"/>\n{}", line.colour,
                 line.dashed ? " stroke-dasharray=\"5 4\"" : "", points, dots);
}

void write_legend(output out, const chart_panel& p, double top) {
  double at = left;
  for (const auto& line : p.lines) {
    if (line.name.empty()) continue;
    fmt::format_to(
        out,
        "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" stroke-width=\"2.5\"{}/>\n"
        "<text class=\"small\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
        at, top, at + 20, top, line.colour, line.dashed ? " stroke-dasharray=\"5 4\"" : "", at + 26, top + 4,
        escaped(line.name));
    at += 46 + letter * static_cast<double>(line.name.size());
  }
}

void write_axes(output out, const chart_panel& p, const scale& x, const scale& y, double top) {
  const double bottom = top + plot_height;
  for (const auto& [value, text] : y.ticks()) {
    const double at = y.at(value);
    fmt::format_to(out,
                   "<line class=\"grid\" x1=\"{}\" y1=\"{:.1f}\" x2=\"{}\" y2=\"{:.1f}\"/>\n"
                   "<text class=\"small\" text-anchor=\"end\" x=\"{}\" y=\"{:.1f}\">{}</text>\n",
                   left, at, width - right, at, left - 8, at + 4, escaped(text));
  }
  double last = -1e9;
  for (const auto& [value, text] : x.ticks()) {
    const double at = x.at(value);
    fmt::format_to(out, "<line class=\"grid\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n", at, top, at,
                   bottom);
    // Texts of a log axis come close to each other.
    if (at - last < letter * static_cast<double>(text.size()) + 6) continue;
    last = at;
    fmt::format_to(out, "<text class=\"small\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", at,
                   bottom + 17, escaped(text));
  }
  fmt::format_to(
      out,
      "<rect class=\"frame\" x=\"{}\" y=\"{:.1f}\" width=\"{}\" height=\"{}\"/>\n"
      "<text class=\"small\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n"
      "<text class=\"small\" text-anchor=\"middle\" transform=\"translate(16 {:.1f}) rotate(-90)\">{}</text>\n",
      left, top, width - left - right, plot_height, (left + width - right) / 2, bottom + 36, escaped(p.x.title),
      top + plot_height / 2, escaped(p.y.title));
}

void write_panel(output out, const chart_panel& p, double top) {
  std::vector<double> xs, ys;
  for (const auto& line : p.lines)
    for (const auto& [px, py] : line.points) {
      xs.push_back(px);
      ys.push_back(py);
    }
  fmt::format_to(out, "<text class=\"panel\" x=\"{}\" y=\"{:.1f}\">{}</text>\n", left, top + 14, escaped(p.title));
  write_legend(out, p, top + 32);
  const double plot = top + panel_head;
  const scale x{p.x, xs, false, left, width - right};
  const scale y{p.y, ys, true, plot + plot_height, plot};
  write_axes(out, p, x, y, plot);
  for (const auto& m : p.marks)
    fmt::format_to(out,
                   "<line class=\"mark\" x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\"/>\n"
                   "<text class=\"tiny\" x=\"{3:.1f}\" y=\"{4:.1f}\">{5}</text>\n",
                   x.at(m.x), plot, plot + plot_height, x.at(m.x) + 4, plot + 12, escaped(m.text));
  for (const auto& line : p.lines) write_line(out, line, x, y);
}

}  // namespace

std::string line_colour(std::size_t i) {
  static constexpr std::array<std::string_view, 7> colours{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                           "#e69f00", "#56b4e9", "#6b6b6b"};
  return std::string{colours[i % colours.size()]};
}

std::string draw(const std::string& title, const std::string& subtitle, const std::vector<chart_panel>& panels) {
  const double height = head + static_cast<double>(panels.size()) * (panel_head + plot_height + panel_foot);
  std::string svg;
  auto out = std::back_inserter(svg);
  fmt::format_to(out,
                 "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
                 "role=\"img\">\n<title>{2}</title>\n<desc>{3}</desc>\n",
                 width, height, escaped(title), escaped(subtitle));
  svg +=
      "<style>text{font-family:system-ui,'Segoe UI',Helvetica,Arial,sans-serif;fill:#222}"
      ".title{font-size:18px;font-weight:600}.sub{font-size:12px;fill:#555}.panel{font-size:13px;font-weight:600}"
      ".small{font-size:11px;fill:#444}.tiny{font-size:10px;fill:#777}.grid{stroke:#e6e6e6}"
      ".frame{fill:none;stroke:#999}.mark{stroke:#aaa;stroke-dasharray:2 3}"
      ".line{fill:none;stroke-width:2;stroke-linejoin:round}</style>\n";
  fmt::format_to(out,
                 "<rect width=\"{}\" height=\"{}\" fill=\"#fff\"/>\n<text class=\"title\" x=\"{}\" y=\"28\">{}</text>\n"
                 "<text class=\"sub\" x=\"{}\" y=\"48\">{}</text>\n",
                 width, height, left, escaped(title), left, escaped(subtitle));
  double top = head;
  for (const auto& p : panels) {
    write_panel(out, p, top);
    top += panel_head + plot_height + panel_foot;
  }
  svg += "</svg>\n";
  return svg;
}

}  // namespace lode::bench

// Settings from a TOML file.
#include "config/table.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <array>
#include <fstream>

namespace lode::config {
namespace {

class file_reader {
 public:
  file_reader(const std::string& path, std::span<bound_setting> settings, std::vector<std::string>& errors)
      : path_(path), settings_(settings), errors_(errors) {}

  void read(const toml::table& table, const std::string& prefix) {
    for (const auto& [key, node] : table) {
      const std::string name = prefix + std::string{key.str()};
      const auto line = key.source().begin.line;
      if (auto* s = find(name))
        assign(*s, node, line);
      else if (node.is_table() && is_group(name))
        read(*node.as_table(), name + ".");
      else
        error(line, fmt::format("unknown {} {}{}", node.is_table() ? "table" : "setting", name, hint(name, node)));
    }
  }

  void error(std::uint32_t line, std::string_view what) {
    errors_.push_back(fmt::format("{}:{}: {}", path_, line, what));
  }

 private:
  bound_setting* find(std::string_view name) {
    for (auto& s : settings_)
      if (s.name == name) return &s;
    return nullptr;
  }

  bool is_group(std::string_view name) const {
    for (const auto& s : settings_)
      if (s.name.size() > name.size() && s.name.starts_with(name) && s.name[name.size()] == '.') return true;
    return false;
  }

  // Of an unknown table the tables are compared, by one of their settings each.
  std::string hint(const std::string& name, const toml::node& node) const {
    if (!node.is_table()) return suggestion(name, settings_);
    std::vector<bound_setting> groups;
    for (const auto& s : settings_) groups.push_back({s.name.substr(0, s.name.find('.')), {}, s.value, s.must, {}});
    return suggestion(name, groups);
  }

  void assign(bound_setting& s, const toml::node& node, std::uint32_t line) {
    auto problem = std::visit([&](auto* v) { return take(node, *v); }, s.value);
    if (!problem.empty() && !std::holds_alternative<std::string*>(s.value)) {
      // The rule says the range as well as the type.
      auto with_range = set_from_text(s, "?");
      if (!with_range.empty()) problem = std::move(with_range);
    }
    if (problem.empty()) problem = broken_rule(s);
    if (!problem.empty()) return error(line, fmt::format("{}: {}", s.name, problem));
    s.source = fmt::format("{}:{}", path_, line);
  }

  template <class V>
  static std::string take_scalar(const toml::node& node, V& out, std::string_view expected) {
    const auto value = node.value_exact<V>();
    if (!value) return std::string{expected};
    out = *value;
    return {};
  }
  static std::string take(const toml::node& n, std::string& v) { return take_scalar(n, v, "expected a quoted text"); }
  static std::string take(const toml::node& n, std::int64_t& v) { return take_scalar(n, v, "expected a whole number"); }
  static std::string take(const toml::node& n, bool& v) { return take_scalar(n, v, "expected true or false"); }
  static std::string take(const toml::node& n, double& v) {
    if (!n.is_number()) return "expected a number";
    v = n.is_integer() ? static_cast<double>(*n.value_exact<std::int64_t>()) : *n.value_exact<double>();
    return {};
  }
  static std::string take(const toml::node& n, std::vector<std::string>& v) {
    const auto* items = n.as_array();
    std::vector<std::string> texts;
    if (items)
      for (const auto& item : *items)
        if (auto text = item.value_exact<std::string>()) texts.push_back(std::move(*text));
    if (!items || texts.size() != items->size()) return "expected a list of quoted texts";
    v = std::move(texts);
    return {};
  }

  const std::string& path_;
  std::span<bound_setting> settings_;
  std::vector<std::string>& errors_;
};

}  // namespace

void read_file(const std::string& path, std::span<bound_setting> settings, std::vector<std::string>& errors) {
  std::ifstream in{path, std::ios::binary};
  std::string text;
  std::array<char, 4096> part{};
  // read() turns the exception that a directory raises into badbit; iterators over the buffer let it through.
  while (in.read(part.data(), part.size()) || in.gcount() > 0)
    text.append(part.data(), static_cast<std::size_t>(in.gcount()));
  if (!in.is_open() || in.bad()) {
    errors.push_back(fmt::format("{}: cannot be read", path));
    return;
  }
  file_reader reader{path, settings, errors};
  try {
    reader.read(toml::parse(text, path), "");
  } catch (const toml::parse_error& e) {
    reader.error(e.source().begin.line, fmt::format("not TOML: {}", e.description()));
  }
}

}  // namespace lode::config

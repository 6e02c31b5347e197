// Scenarios from TOML. Every key is asked for by name; what nobody asked for is an error.
#include "bench/load/scenario.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <sstream>

namespace lode::bench {
namespace {

class problems {
 public:
  explicit problems(std::string path) : path_(std::move(path)) {}
  void add(const toml::source_region& where, std::string_view what) {
    all_.emplace(where.begin.line, fmt::format("{}:{}: {}", path_, where.begin.line, what));
  }
  [[nodiscard]] bool none() const { return all_.empty(); }
  /// In the order of the lines.
  [[nodiscard]] std::string text() const {
    std::string all;
    for (const auto& [line, what] : all_) all.append(all.empty() ? "" : "\n").append(what);
    return all;
  }

 private:
  std::string path_;
  std::multimap<std::uint32_t, std::string> all_;
};

struct bounds {
  double least = 0;
  double most = std::numeric_limits<double>::max();
  bool above = false;  ///< more than `least`
};

/// One table: hands out its keys and complains of the others.
class keys {
 public:
  keys(const toml::table& t, problems& p, std::string where) : table_(t), problems_(p), where_(std::move(where)) {}
  ~keys() {
    for (const auto& [key, node] : table_)
      if (asked_.count(std::string{key.str()}) == 0)
        problems_.add(key.source(),
                      fmt::format("unknown key {}{}: expected one of {}", where_, key.str(), fmt::join(asked_, ", ")));
  }
  keys(const keys&) = delete;
  keys& operator=(const keys&) = delete;

  const toml::node* find(const std::string& name) {
    asked_.insert(name);
    return table_.get(name);
  }
  [[nodiscard]] const toml::source_region& source() const { return table_.source(); }
  void wrong(const toml::node& node, std::string_view name, std::string_view expected) {
    problems_.add(node.source(), fmt::format("{}{}: expected {}", where_, name, expected));
  }
  void must(std::string_view name, std::string_view expected) {
    problems_.add(table_.source(), fmt::format("{}{} is missing: expected {}", where_, name, expected));
  }

  void text(const std::string& name, std::string& out, std::string_view expected = "a quoted text") {
    const toml::node* n = find(name);
    if (n == nullptr) return;
    if (const auto value = n->value_exact<std::string>(); value && !value->empty())
      out = *value;
    else
      wrong(*n, name, expected);
  }

  /// Whether it is there.
  template <class Number>
  bool number(const std::string& name, Number& out, const bounds& b) {
    const toml::node* n = find(name);
    if (n == nullptr) return false;
    const auto value = n->is_number() ? n->value<double>() : std::nullopt;
    const bool whole = std::is_integral_v<Number>;
    const bool right =
        value && (b.above ? *value > b.least : *value >= b.least) && *value <= b.most && (!whole || n->is_integer());
    if (right)
      out = static_cast<Number>(*value);
    else
      wrong(*n, name, range(b, whole));
    return true;
  }

  void seconds(const std::string& name, std::chrono::milliseconds& out, const bounds& b) {
    double value = 0;
    if (number(name, value, b))
      out = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(value));
  }

  void flag(const std::string& name, bool& out) {
    const toml::node* n = find(name);
    if (n == nullptr) return;
    if (const auto value = n->value_exact<bool>())
      out = *value;
    else
      wrong(*n, name, "true or false");
  }

  void times(const std::string& name, time_range& out) {
    const toml::node* n = find(name);
    if (n == nullptr) return;
    const auto one = n->is_number() ? n->value<double>() : std::nullopt;
    const toml::array* two = n->as_array();
    if (one && *one >= 0) {
      out = {*one, *one};
    } else if (two != nullptr && two->size() == 2 && (*two)[0].is_number() && (*two)[1].is_number()) {
      out = {*(*two)[0].value<double>(), *(*two)[1].value<double>()};
      if (out.least < 0 || out.most < out.least) wrong(*n, name, "seconds, [least, most]");
    } else {
      wrong(*n, name, "seconds, as a number or as [least, most]");
    }
  }

  template <class Value>
  bool choice(const std::string& name, Value& out, const std::vector<std::pair<std::string, Value>>& choices) {
    const toml::node* n = find(name);
    if (n == nullptr) return false;
    const auto value = n->value_exact<std::string>();
    std::vector<std::string> names;
    for (const auto& [text, meaning] : choices) {
      names.push_back('"' + text + '"');
      if (value && *value == text) {
        out = meaning;
        return true;
      }
    }
    wrong(*n, name, fmt::format("one of {}", fmt::join(names, ", ")));
    return false;
  }

  /// A table, as the JSON object it stands for.
  void object(const std::string& name, std::string& out) {
    const toml::node* n = find(name);
    if (n == nullptr) return;
    const toml::table* t = n->as_table();
    if (t == nullptr) return wrong(*n, name, "a table, such as { gpu_type = \"4090\" }");
    std::ostringstream json;
    json << toml::json_formatter{*t, toml::format_flags::none};
    out = json.str();
  }

 private:
  static std::string range(const bounds& b, bool whole) {
    std::string text = whole ? "a whole number" : "a number";
    text += b.above ? fmt::format(" above {:g}", b.least) : fmt::format(" of at least {:g}", b.least);
    if (b.most < 1e300) text += fmt::format(" and at most {:g}", b.most);
    return text;
  }

  const toml::table& table_;
  problems& problems_;
  std::string where_;
  std::set<std::string> asked_;
};

constexpr double day = 86'400;
constexpr double most_rate = 1e6;

void read_phase(keys k, loop mode, scenario& s) {
  phase p;
  const std::string level = mode == loop::open ? "rate" : "workers";
  const bounds at_all{0, most_rate, true};
  const bool known = k.choice<phase_kind>("kind", p.kind,
                                          {{"constant", phase_kind::constant},
                                           {"ramp", phase_kind::ramp},
                                           {"spike", phase_kind::spike},
                                           {"pause", phase_kind::pause}});
  if (!known && k.find("kind") == nullptr) k.must("kind", R"("constant", "ramp", "spike" or "pause")");
  if (!k.number("seconds", p.seconds, {0, 30 * day, true})) k.must("seconds", "how long it lasts");
  const auto wanted = [&](const std::string& name, double& out, const bounds& b) {
    if (!k.number(name, out, b)) k.must(name, fmt::format("a number, the {} of the phase", level));
  };
  if (p.kind == phase_kind::constant) wanted(level, p.from, at_all);
  if (p.kind == phase_kind::ramp) {
    wanted("from", p.from, {0, most_rate, false});
    wanted("to", p.to, {0, most_rate, false});
  }
  if (p.kind == phase_kind::spike) {
    wanted("base", p.from, {0, most_rate, false});
    wanted("peak", p.to, at_all);
    p.peak_seconds = p.seconds / 3;
    k.number("peak-seconds", p.peak_seconds, {0, p.seconds, true});
  }
  s.phases.push_back(p);
}

void read_entry(keys k, scenario& s) {
  mix_entry e;
  const bool known = k.choice<operation>("op", e.op,
                                         {{"pairs", operation::pairs},
                                          {"hotkey", operation::hotkey},
                                          {"pause", operation::pause},
                                          {"list", operation::list},
                                          {"status", operation::status},
                                          {"get", operation::get}});
  if (!known && k.find("op") == nullptr) k.must("op", R"("pairs", "hotkey", "pause", "list", "status" or "get")");
  k.number("weight", e.weight, {0, 1e6, true});
  if (rents(e.op)) k.times("hold", e.hold);
  if (e.op == operation::pairs || e.op == operation::pause) k.object("requirements", e.requirements);
  if (!rents(e.op)) {
    e.name = to_string(e.op);
    k.text("name", e.name);
    for (const char* taken : {"allocate", "allocate_hotkey", "deallocate", "pause", "unpause"})
      if (e.name == taken) k.wrong(*k.find("name"), "name", "a name that no request of a renter has");
  }
  if (e.op == operation::list) e.path = "/list/resources_sql";
  if (e.op == operation::get) e.path = "/healthz";
  if (e.op == operation::list || e.op == operation::get) {
    k.text("path", e.path);
    if (!e.path.starts_with('/') || e.path.find_first_of(" \r\n") != std::string::npos)
      k.wrong(*k.find("path"), "path", "a path that begins with '/'");
  }
  if (e.op == operation::get) k.choice<std::string>("method", e.method, {{"GET", "GET"}, {"POST", "POST"}});
  if (e.op == operation::list) {
    k.object("filter", e.filter);
    k.number("page-size", e.page_size, {1, 100'000, false});
    k.number("pages", e.pages, {1, 1e6, false});
  }
  if (e.op == operation::status) k.number("hotkeys", e.hotkeys, {1, 4096, false});
  s.mix.push_back(std::move(e));
}

// Settings of loded with dots in their names are tables to TOML.
void read_server(const toml::table& t, const std::string& prefix, problems& p, scenario& s) {
  for (const auto& [key, node] : t) {
    const std::string name = prefix + std::string{key.str()};
    std::string value;
    if (const toml::table* inner = node.as_table()) {
      read_server(*inner, name + '.', p, s);
      continue;
    }
    if (const auto text = node.value_exact<std::string>()) value = *text;
    if (const auto number = node.value_exact<std::int64_t>()) value = fmt::format("{}", *number);
    if (const auto number = node.value_exact<double>()) value = fmt::format("{}", *number);
    if (const auto flag = node.value_exact<bool>()) value = *flag ? "true" : "false";
    if (value.empty())
      p.add(node.source(), fmt::format("server.{}: expected a text, a number, true or false", name));
    else
      s.server.emplace_back(name, std::move(value));
  }
}

/// `read` for each table in the array of tables `name`.
template <class Read>
void each(keys& all, problems& p, const std::string& name, const Read& read) {
  const toml::node* n = all.find(name);
  const toml::array* tables = n == nullptr ? nullptr : n->as_array();
  if (tables == nullptr || tables->empty()) {
    p.add(n == nullptr ? all.source() : n->source(), fmt::format("expected at least one [[{}]]", name));
    return;
  }
  for (const toml::node& one : *tables) {
    if (const toml::table* t = one.as_table())
      read(*t);
    else
      p.add(one.source(), fmt::format("{}: expected a table", name));
  }
}

void read_load(keys k, scenario& s) {
  k.choice<loop>("mode", s.mode, {{"closed", loop::closed}, {"open", loop::open}});
  k.number("warmup", s.warmup, {0, day, false});
  k.number("connections", s.connections, {1, 60'000, false});
  std::string when = "as-needed";
  k.choice<std::string>("connect", when, {{"at-start", "at-start"}, {"as-needed", "as-needed"}});
  s.open_at_start = when == "at-start";
  k.seconds("deadline", s.deadline, {0.01, day, false});
  if (s.mode == loop::closed) return k.times("think", s.think);
  k.choice<arrival_process>("arrivals", s.process,
                            {{"poisson", arrival_process::poisson}, {"constant", arrival_process::constant}});
  k.seconds("drain", s.drain, {0, day, false});
  k.number("backlog", s.backlog, {1, 1e7, false});
}

void read_allow(keys& all, problems& p, scenario& s) {
  const toml::node* n = all.find("allow");
  if (n == nullptr) return;
  const toml::array* texts = n->as_array();
  if (texts == nullptr) return p.add(n->source(), R"(allow: expected a list such as ["404", "503"])");
  for (const toml::node& one : *texts) {
    if (auto text = one.value_exact<std::string>())
      s.allow.push_back(std::move(*text));
    else
      p.add(one.source(), R"(allow: expected quoted outcomes such as "503")");
  }
}

std::string name_of(const std::string& path) {
  const std::string file = path.substr(path.rfind('/') + 1);
  return file.substr(0, file.rfind('.'));
}

}  // namespace

result<scenario> parse_scenario(std::string_view text, const std::string& path) {
  problems p{path};
  scenario s;
  s.name = name_of(path);
  try {
    const toml::table parsed = toml::parse(text, path);
    {
      keys all{parsed, p, ""};
      all.text("summary", s.summary);
      all.number("seed", s.seed, {0, 1e15, false});
      all.flag("check-listing", s.check_listing);
      read_allow(all, p, s);
      const auto table = [&](const std::string& name) -> const toml::table* {
        const toml::node* n = all.find(name);
        if (n != nullptr && !n->is_table()) p.add(n->source(), fmt::format("{}: expected a table, [{}]", name, name));
        return n == nullptr ? nullptr : n->as_table();
      };
      if (const auto* t = table("load")) read_load(keys{*t, p, "load."}, s);
      each(all, p, "phase", [&](const toml::table& t) { read_phase(keys{t, p, "phase."}, s.mode, s); });
      each(all, p, "mix", [&](const toml::table& t) { read_entry(keys{t, p, "mix."}, s); });
      if (const auto* t = table("server")) read_server(*t, "", p, s);
      if (const auto* t = table("target")) {
        keys k{*t, p, "target."};
        k.text("url", s.url, "http://HOST:PORT or https://HOST:PORT");
        k.text("ca", s.ca);
        k.text("cert", s.cert);
        k.text("key", s.key);
      }
    }
  } catch (const toml::parse_error& e) {
    p.add(e.source(), fmt::format("not TOML: {}", e.description()));
  }
  if (!p.none()) return error{errc::config_invalid, p.text()};
  return s;
}

}  // namespace lode::bench

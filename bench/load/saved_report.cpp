#include "bench/load/saved_report.hpp"

#include "bench/load/machine.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <cmath>
#include <exception>
#include <fstream>
#include <iterator>

namespace lode::bench {
namespace {

namespace json = boost::json;

// Boost.JSON throws where a member is missing or of another type; it is caught once, in read().
double number(const json::value& v) { return v.to_number<double>(); }
double number(const json::object& o, const char* name) { return number(o.at(name)); }
std::string text(const json::object& o, const char* name) { return std::string{o.at(name).as_string()}; }

std::vector<double> numbers(const json::object& o, const char* name, std::size_t most) {
  std::vector<double> all;
  for (const auto& v : o.at(name).as_array())
    if (all.size() < most) all.push_back(number(v));
  return all;
}

histogram times(const json::object& o) {
  filled_buckets buckets;
  for (const auto& pair : o.at("buckets").as_array())
    buckets.emplace_back(pair.as_array().at(0).to_number<std::uint64_t>(),
                         pair.as_array().at(1).to_number<std::uint64_t>());
  histogram h;
  h.merge(buckets, std::chrono::nanoseconds{o.at("max_ns").to_number<std::int64_t>()});
  return h;
}

std::string machine_text(const json::object& m) {
  machine_facts facts;
  facts.processors = m.at("processors").to_number<unsigned>();
  facts.model = text(m, "model");
  facts.memory_bytes = m.at("memory_bytes").to_number<std::uint64_t>();
  facts.kernel = text(m, "kernel");
  return describe(facts);
}

// 5 and 5E0 are the same load.
void spell_numbers_alike(json::value& v) {
  if (v.is_int64() || v.is_uint64()) v = v.to_number<double>();
  if (json::array* all = v.if_array())
    for (auto& one : *all) spell_numbers_alike(one);
  if (json::object* all = v.if_object())
    for (auto& [name, one] : *all) spell_numbers_alike(one);
}

saved_run run_of(const json::object& all) {
  saved_run r;
  const json::object& s = all.at("scenario").as_object();
  r.scenario = text(s, "name");
  json::value load_value = json::object{};
  json::object& load = load_value.get_object();
  for (const char* name : {"mode", "arrivals", "connections", "deadline_ms", "think", "mix", "phases", "server"})
    load[name] = s.at(name);
  spell_numbers_alike(load_value);
  r.load = json::serialize(load_value);
  r.open = text(s, "mode") == "open";
  r.commit = text(all, "commit");
  r.began = text(all, "began");
  r.machine = machine_text(all.at("machine").as_object());
  r.url = text(all.at("target").as_object(), "url");
  r.seconds = number(all, "seconds");
  for (const auto& p : s.at("phases").as_array()) {
    const json::object& one = p.as_object();
    const std::string kind = text(one, "kind");
    r.phases.push_back({text(one, "what"), number(one, "seconds"), kind == "constant" || kind == "pause"});
  }
  const json::object& series = all.at("series").as_object();
  // The last second is a whole one only when the window ends with it.
  const auto whole = static_cast<std::size_t>(std::floor(r.seconds + 0.001));
  r.offered = numbers(series, "offered", whole);
  r.ok = numbers(series, "ok", whole);
  r.errors = numbers(series, "errors", whole);
  r.p50 = numbers(series, "p50_ms", whole);
  r.p99 = numbers(series, "p99_ms", whole);
  for (const auto& [name, value] : all.at("requests").as_object()) {
    const json::object& one = value.as_object();
    saved_kind k;
    k.name = std::string{name};
    if (const json::value* ok = one.at("response").as_object().if_contains("ok")) k.response = times(ok->as_object());
    k.service = times(one.at("service").as_object());
    if (const json::value* own = series.at("kinds").as_object().if_contains(name)) {
      k.ok = numbers(own->as_object(), "ok", whole);
      k.p50 = numbers(own->as_object(), "p50_ms", whole);
      k.p99 = numbers(own->as_object(), "p99_ms", whole);
    }
    r.kinds.push_back(std::move(k));
  }
  const json::object& checks = all.at("checks").as_object();
  r.violations = checks.at("violation_count").to_number<std::uint64_t>();
  r.failure = text(all, "failure");
  return r;
}

sweep_step step_of(const json::object& o) {
  sweep_step s;
  s.level = number(o, "level");
  s.offered = number(o, "offered_per_second");
  s.achieved = number(o, "achieved_per_second");
  s.p50_ms = number(o, "p50_ms");
  s.p99_ms = number(o, "p99_ms");
  s.failed = number(o, "failed_share");
  s.saturated = o.at("saturated").as_bool();
  return s;
}

json::object json_of(const sweep_step& s) {
  return {{"level", s.level},
          {"offered_per_second", s.offered},
          {"achieved_per_second", s.achieved},
          {"p50_ms", s.p50_ms},
          {"p99_ms", s.p99_ms},
          {"failed_share", s.failed},
          {"saturated", s.saturated}};
}

saved_sweep sweep_of(const json::object& all) {
  saved_sweep s;
  s.scenario = text(all, "scenario");
  s.commit = text(all, "commit");
  s.began = text(all, "began");
  s.machine = text(all, "machine");
  s.url = text(all, "url");
  s.open = text(all, "mode") == "open";
  for (const auto& one : all.at("steps").as_array()) s.steps.push_back(step_of(one.as_object()));
  s.knee = number(all, "knee");
  s.saturation = number(all, "saturation_per_second");
  s.half = step_of(all.at("half").as_object());
  return s;
}

template <class T>
result<T> read(std::string_view content, const char* schema, T (*of)(const json::object&)) {
  try {
    const json::value all = json::parse(json::string_view{content.data(), content.size()});
    const std::string found = text(all.as_object(), "schema");
    if (found != schema) return error{errc::config_invalid, fmt::format("expected schema {}, got {}", schema, found)};
    return of(all.as_object());
  } catch (const std::exception& e) {
    return error{errc::config_invalid, fmt::format("it is no report of lode-bench: {}", e.what())};
  }
}

}  // namespace

std::string schema_of(std::string_view content) {
  boost::system::error_code ec;
  const json::value all = json::parse(json::string_view{content.data(), content.size()}, ec);
  const json::value* schema = ec || !all.is_object() ? nullptr : all.get_object().if_contains("schema");
  return schema != nullptr && schema->is_string() ? std::string{schema->get_string()} : std::string{};
}

result<saved_run> read_run(std::string_view content) { return read<saved_run>(content, "lode-bench.run/1", run_of); }

result<saved_sweep> read_sweep(std::string_view content) {
  return read<saved_sweep>(content, "lode-bench.sweep/1", sweep_of);
}

std::string sweep_json(const saved_sweep& s) {
  json::array steps;
  for (const auto& one : s.steps) steps.push_back(json_of(one));
  const json::object all{{"schema", "lode-bench.sweep/1"},
                         {"scenario", s.scenario},
                         {"commit", s.commit},
                         {"began", s.began},
                         {"machine", s.machine},
                         {"url", s.url},
                         {"mode", s.open ? "open" : "closed"},
                         {"steps", std::move(steps)},
                         {"knee", s.knee},
                         {"saturation_per_second", s.saturation},
                         {"half", json_of(s.half)},
                         {"half_p99_by_p50", s.half.p50_ms > 0 ? s.half.p99_ms / s.half.p50_ms : 0}};
  return json::serialize(all) + "\n";
}

result<std::string> read_whole_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::string all{std::istreambuf_iterator<char>{in}, {}};
  if (!in.is_open() || in.bad()) return error{errc::config_invalid, path + ": cannot be read"};
  return all;
}

}  // namespace lode::bench

#include "config/logging.hpp"

#include "messages/json.hpp"
#include "messages/types.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <memory>
#include <unistd.h>

namespace lode::config {
namespace {

struct parts {
  std::string_view request_id;
  std::string_view text;
};

// "[ID] text", with an id as the edge takes or makes them, is a record about one request. Every folder can write that
// form without knowing this one; anything else in brackets is text.
parts parts_of(std::string_view message) {
  constexpr std::size_t longest_id = 128;
  const auto end = message.find("] ");
  if (!message.starts_with('[') || end == std::string_view::npos || end < 2 || end > longest_id) return {{}, message};
  const auto id = message.substr(1, end - 1);
  const bool sane = std::all_of(id.begin(), id.end(),
                                [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '_' || c == '-'; });
  return sane ? parts{id, message.substr(end + 2)} : parts{{}, message};
}

std::int64_t milliseconds_of(spdlog::log_clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
}

class json_formatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& m, spdlog::memory_buf_t& out) override {
    const auto level = spdlog::level::to_string_view(m.level);
    const auto line =
        json_line(milliseconds_of(m.time), {level.data(), level.size()}, {m.payload.data(), m.payload.size()});
    out.append(line.data(), line.data() + line.size());
    out.push_back('\n');
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<json_formatter>(); }
};

// Spdlog's pattern, but a client's text cannot start a line of its own.
class human_formatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& m, spdlog::memory_buf_t& out) override {
    std::string shown;
    for (const char c : m.payload) shown.push_back(static_cast<unsigned char>(c) < 0x20 && c != '\t' ? ' ' : c);
    auto changed = m;
    changed.payload = shown;
    pattern_.format(changed, out);
    m.color_range_start = changed.color_range_start;
    m.color_range_end = changed.color_range_end;
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<human_formatter>();
  }

 private:
  spdlog::pattern_formatter pattern_{"%Y-%m-%d %H:%M:%S.%e %^%-5l%$ %v"};
};

}  // namespace

std::string json_line(std::int64_t time_ms, std::string_view level, std::string_view message) {
  const auto [id, text] = parts_of(message);
  std::string time = rfc3339(time_ms);
  time.pop_back();
  std::string out = R"({"time":")";
  out.append(time).append(fmt::format(".{:03}Z", ((time_ms % 1000) + 1000) % 1000)).append(R"(","level":)");
  write_json_string(out, level);
  if (!id.empty()) {
    out.append(R"(,"request_id":)");
    write_json_string(out, id);
  }
  out.append(R"(,"msg":)");
  write_json_string(out, text);
  out.push_back('}');
  return out;
}

std::string with_request(std::string_view request_id, std::string_view text) {
  if (request_id.empty()) return std::string{text};
  std::string out = "[";
  out.append(request_id).append("] ").append(text);
  return out;
}

void start_logging(std::string_view level, std::string_view format) {
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  const bool human = format == "human" || (format != "json" && terminal);
  spdlog::sink_ptr sink;
  if (human && terminal)
    sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  else
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  if (human)
    sink->set_formatter(std::make_unique<human_formatter>());
  else
    sink->set_formatter(std::make_unique<json_formatter>());
  auto logger = std::make_shared<spdlog::logger>("lode", std::move(sink));
  const bool known = level == "trace" || level == "debug" || level == "warn" || level == "error" || level == "off";
  logger->set_level(known ? spdlog::level::from_str(std::string{level}) : spdlog::level::info);
  logger->flush_on(spdlog::level::warn);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace lode::config

#pragma once
// Logs to standard error through spdlog's default logger: lines for people on a terminal, JSON lines otherwise.

#include <spdlog/spdlog.h>

#include <string>
#include <string_view>
#include <utility>

namespace lode::config {

/// Replaces spdlog's default logger. `level`: trace, debug, info, warn, error or off; `format`: auto (human on a
/// terminal, else json), human or json; anything else is taken as info and auto. Call once, before other threads log.
void start_logging(std::string_view level, std::string_view format);

/// One JSON log line without the newline: {"time":"2026-11-25T02:00:00.123Z","level":"info",["request_id":…,]"msg":…}.
/// Text that is not UTF-8 is repaired. A message of the
/// form "[ID] text" (with_request()) yields the field and its bare text.
std::string json_line(std::int64_t time_ms, std::string_view level, std::string_view message);

/// The message with the request's id attached, for any spdlog call: spdlog::info("{}", with_request(id, "placed")).
/// People see "[id] placed", the JSON format has it as the field request_id. The id must be sane ([A-Za-z0-9._-]).
std::string with_request(std::string_view request_id, std::string_view text);

/// spdlog with the request's id: log_for(ctx.request_id, spdlog::level::info, "placed on {}", hotkey).
template <class... Args>
void log_for(std::string_view request_id, spdlog::level::level_enum level, spdlog::format_string_t<Args...> format,
             Args&&... args) {
  if (spdlog::should_log(level))
    spdlog::log(level, "{}", with_request(request_id, fmt::format(format, std::forward<Args>(args)...)));
}

}  // namespace lode::config

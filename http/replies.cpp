#include "http/replies.hpp"

#include "messages/envelope.hpp"

#include <spdlog/spdlog.h>

namespace lode::http {

response succeeded(std::string_view message, std::string_view data) { return response{200, success(message, data)}; }

response failed(unsigned status, std::string_view message, std::string_view detail_text) {
  response r{status, detail_text.empty() ? failure(message) : failure_text(message, detail_text)};
  if (status == 503) r.headers.emplace_back("retry-after", "1");
  return r;
}

bool is_unavailable(errc code) noexcept { return http_status(code) == 503; }

response unavailable(const error& e) {
  switch (e.code) {
    case errc::shutting_down:
      return failed(503, "The service is shutting down.");
    case errc::not_ready:
      return failed(503, "The service is not ready yet, please try again.", e.detail);
    case errc::deadline_exceeded:
      return failed(503, "The request could not be finished in time, please try again.");
    default:
      return failed(503, "The service is overloaded, please try again.");
  }
}

response broken(const request& req, const error& e) {
  spdlog::error("[{}] {} {}: {}", req.request_id, req.method_text, printable(req.path), e.to_string());
  return failed(500, "Internal Server Error");
}

response not_done(const request& req, const error& e) {
  return is_unavailable(e.code) ? unavailable(e) : broken(req, e);
}

std::string printable(std::string_view text) {
  constexpr std::size_t most = 200;
  std::string out{text.substr(0, most)};
  for (char& c : out)
    if (c < 0x20 || c > 0x7e) c = '?';
  if (text.size() > most) out.append("...");
  return out;
}

std::string reason_of(const error& e) {
  switch (e.code) {
    case errc::miner_unreachable:
    case errc::miner_timed_out:
      return "No response from miner";
    case errc::unknown_hotkey:
      return e.detail.empty() ? "The hotkey left the metagraph" : e.detail;
    case errc::miner_nonsense:
      return "The miner's answer could not be understood";
    default:
      break;
  }
  if (!e.detail.empty()) return e.detail;
  return e.code == errc::miner_failed ? "The miner raised an error" : std::string{to_string(e.code)};
}

}  // namespace lode::http

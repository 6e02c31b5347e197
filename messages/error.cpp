#include "messages/error.hpp"

#include <array>
#include <stdexcept>

namespace lode {
namespace {

struct row {
  errc code;
  std::string_view name;
  unsigned status;
};

constexpr std::array rows{
    row{errc::none, "none", 200},
    row{errc::bad_request, "bad_request", 400},
    row{errc::validation, "validation", 422},
    row{errc::unauthorized, "unauthorized", 401},
    row{errc::forbidden, "forbidden", 403},
    row{errc::not_found, "not_found", 404},
    row{errc::method_not_allowed, "method_not_allowed", 405},
    row{errc::payload_too_large, "payload_too_large", 413},
    row{errc::rate_limited, "rate_limited", 429},
    row{errc::not_implemented, "not_implemented", 501},
    row{errc::header_too_large, "header_too_large", 431},
    row{errc::overloaded, "overloaded", 503},
    row{errc::shutting_down, "shutting_down", 503},
    row{errc::deadline_exceeded, "deadline_exceeded", 503},
    row{errc::internal, "internal", 500},
    row{errc::not_ready, "not_ready", 503},
    row{errc::no_candidate, "no_candidate", 404},
    row{errc::unknown_hotkey, "unknown_hotkey", 404},
    row{errc::blacklisted, "blacklisted", 404},
    row{errc::busy, "busy", 404},
    row{errc::no_allocation, "no_allocation", 404},
    row{errc::wrong_uuid, "wrong_uuid", 400},
    row{errc::wrong_state, "wrong_state", 403},
    row{errc::miner_refused, "miner_refused", 403},
    row{errc::miner_failed, "miner_failed", 403},
    row{errc::miner_unreachable, "miner_unreachable", 403},
    row{errc::miner_timed_out, "miner_timed_out", 403},
    row{errc::miner_nonsense, "miner_nonsense", 403},
    row{errc::conflict, "conflict", 403},
    row{errc::store_locked, "store_locked", 500},
    row{errc::store_newer, "store_newer", 500},
    row{errc::store_damaged, "store_damaged", 500},
    row{errc::store_io, "store_io", 500},
    row{errc::compacted, "compacted", 500},
    row{errc::config_invalid, "config_invalid", 500},
    row{errc::key_invalid, "key_invalid", 500},
    row{errc::engine_failed, "engine_failed", 500},
    row{errc::engine_unreachable, "engine_unreachable", 500},
};

constexpr const row* find(errc code) noexcept {
  for (const row& r : rows)
    if (r.code == code) return &r;
  return nullptr;
}

}  // namespace

std::string_view to_string(errc code) noexcept {
  const row* r = find(code);
  return r ? r->name : "unknown";
}

unsigned http_status(errc code) noexcept {
  const row* r = find(code);
  return r ? r->status : 500;
}

std::string error::to_string() const {
  std::string text{lode::to_string(code)};
  if (!detail.empty()) text.append(": ").append(detail);
  return text;
}

void throw_exception_from_error(const error& e, const boost::source_location& /*loc*/) {
  throw std::logic_error("unchecked result: " + e.to_string());
}

}  // namespace lode

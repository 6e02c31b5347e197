#include "messages/event_codec.hpp"

#include <algorithm>

namespace lode {
namespace {

constexpr std::string_view time_member = R"({"time":")";

}  // namespace

bool is_event(std::string_view type, std::string_view payload) noexcept {
  return !type.empty() && std::all_of(type.begin(), type.end(), [](char c) { return c >= 'a' && c <= 'z'; }) &&
         payload.size() >= 2 && payload.front() == '{' && payload.back() == '}';
}

std::string encode_event(std::string_view type, std::string_view payload, unix_ms at) {
  std::string out;
  out.reserve(type.size() + payload.size() + 40);
  if (type != allocation_event_type) out.append(type).push_back(' ');
  out.append(time_member).append(rfc3339(at)).push_back('"');
  payload.remove_prefix(1);
  if (payload != "}") out.push_back(',');
  out.append(payload);
  return out;
}

event_parts split_event(std::string_view stored) noexcept {
  const auto brace = std::min(stored.find('{'), stored.size());
  if (brace == 0) return {allocation_event_type, stored};
  return {stored.substr(0, brace - 1), stored.substr(brace)};
}

bool happened_before(std::string_view stored, std::string_view cutoff) noexcept {
  const auto payload = split_event(stored).payload;
  if (!payload.starts_with(time_member)) return false;
  // Same form, same zone: the order of the texts is that of the times.
  return payload.substr(time_member.size(), cutoff.size()) < cutoff;
}

}  // namespace lode

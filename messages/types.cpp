#include "messages/types.hpp"

#include "messages/json.hpp"

#include <array>
#include <chrono>
#include <cstdio>

namespace lode {
namespace {

// Names by enum value.
constexpr std::array<std::string_view, 4> state_names{"reserving", "active", "paused", "releasing"};
constexpr std::array<std::string_view, 5> action_names{"none", "restart", "pause", "unpause", "exchange_key"};
constexpr std::array<std::string_view, 2> key_names{"rsa2048", "x25519"};
constexpr std::array<std::string_view, 4> mark_names{"blacklist", "cordon", "drain", "quarantine"};

template <class E, std::size_t N>
std::string_view name_of(E value, const std::array<std::string_view, N>& names) noexcept {
  const auto i = static_cast<std::size_t>(value);
  return i < N ? names[i] : "unknown";
}

template <class E, std::size_t N>
std::optional<E> value_of(std::string_view text, const std::array<std::string_view, N>& names) noexcept {
  for (std::size_t i = 0; i < N; ++i)
    if (names[i] == text) return static_cast<E>(i);
  return std::nullopt;
}

}  // namespace

std::string_view to_string(allocation_state s) noexcept { return name_of(s, state_names); }
std::optional<allocation_state> allocation_state_from(std::string_view text) noexcept {
  return value_of<allocation_state>(text, state_names);
}
std::string_view to_string(pending_action a) noexcept { return name_of(a, action_names); }
std::optional<pending_action> pending_action_from(std::string_view text) noexcept {
  return value_of<pending_action>(text, action_names);
}
std::string_view to_string(key_kind k) noexcept { return name_of(k, key_names); }
std::optional<key_kind> key_kind_from(std::string_view text) noexcept { return value_of<key_kind>(text, key_names); }

std::string_view to_string(mark_kind k) noexcept { return name_of(k, mark_names); }
std::optional<mark_kind> mark_kind_from(std::string_view text) noexcept {
  return value_of<mark_kind>(text, mark_names);
}

allocation view_of(const allocation_record& r) {
  allocation a;
  a.resource = r.resource;
  a.hotkey = r.hotkey;
  a.ssh_ip = r.ssh_ip;
  a.ssh_port = r.ssh_port;
  a.ssh_username = r.ssh_username;
  a.ssh_password = r.ssh_password;
  a.ssh_command = "ssh " + r.ssh_username + "@" + r.ssh_ip + " -p " + std::to_string(r.ssh_port);
  a.ssh_key = r.ssh_key;
  a.uuid_key = r.uuid;
  a.miner_version = r.miner_version;
  a.state = to_string(r.state);
  a.created_at = rfc3339(r.created_at);
  a.expires_at = rfc3339(r.expires_at);
  return a;
}

std::string rfc3339(unix_ms t) {
  using namespace std::chrono;
  // Beyond these years neither the calendar of the library nor the format holds.
  constexpr unix_ms first = -62'135'596'800'000;  // 0001-01-01
  constexpr unix_ms last = 253'402'300'799'999;   // 9999-12-31
  const sys_time<milliseconds> at{milliseconds{t < first ? first : t > last ? last : t}};
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss<seconds> clock{floor<seconds>(at - day)};
  std::string text = "0000-00-00T00:00:00Z";
  // Not printf: a time is written several times in each change of an allocation.
  const auto put = [&text](std::size_t end, std::size_t digits, unsigned value) {
    for (; digits > 0; --digits, value /= 10) text[--end] = static_cast<char>('0' + value % 10);
  };
  put(4, 4, static_cast<unsigned>(static_cast<int>(date.year())));
  put(7, 2, static_cast<unsigned>(date.month()));
  put(10, 2, static_cast<unsigned>(date.day()));
  put(13, 2, static_cast<unsigned>(clock.hours().count()));
  put(16, 2, static_cast<unsigned>(clock.minutes().count()));
  put(19, 2, static_cast<unsigned>(clock.seconds().count()));
  return text;
}

std::string rfc3339_micro(unix_ms t) {
  std::string text = rfc3339(t);
  text.pop_back();
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03u", static_cast<unsigned>((t % 1000 + 1000) % 1000));
  return text + fraction.data() + "000Z";
}

std::string webhook_body(const webhook& w) {
  std::string out;
  const auto member = [&out](std::string_view key, std::string_view text) {
    out.append(key);
    write_json_string(out, text);
  };
  const std::string at = rfc3339_micro(w.at);
  member(R"({"time":)", at);
  member(w.event == deallocation_event ? R"(,"deallocated_at":)" : R"(,"status_change_at":)", at);
  member(R"(,"hotkey":)", w.hotkey);
  member(R"(,"status":)", w.event);
  member(R"(,"uuid":)", w.uuid);
  if (w.expires_at != 0) member(R"(,"expires_at":)", rfc3339_micro(w.expires_at));
  out.push_back('}');
  return out;
}

}  // namespace lode

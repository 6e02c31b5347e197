#include "cli/state.hpp"

#include "messages/validation.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>

namespace lode::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t most_allocations = 1000;
constexpr std::size_t most_pending = 100;
constexpr std::int64_t day = 86'400;  // an idempotency key is good for so long

template <class T, class V>
struct member {
  std::string_view name;
  V T::*at;
};

template <class F>
void for_each_member(const remembered*, F&& f) {
  using t = remembered;
  const std::array<member<t, std::string>, 8> texts{{{"hotkey", &t::hotkey},
                                                     {"uuid", &t::uuid},
                                                     {"server", &t::server},
                                                     {"ssh_ip", &t::ssh_ip},
                                                     {"ssh_username", &t::ssh_username},
                                                     {"identity", &t::identity},
                                                     {"created_at", &t::created_at},
                                                     {"expires_at", &t::expires_at}}};
  for (const auto& m : texts) f(m);
  f(member<t, std::int64_t>{"ssh_port", &t::ssh_port});
  f(member<t, bool>{"gone", &t::gone});
}
template <class F>
void for_each_member(const pending_call*, F&& f) {
  using t = pending_call;
  f(member<t, std::string>{"idempotency_key", &t::idempotency_key});
  f(member<t, std::string>{"request", &t::request});
  f(member<t, std::int64_t>{"begun_at", &t::begun_at});
  f(member<t, std::int64_t>{"pid", &t::pid});
  f(member<t, std::int64_t>{"pid_start", &t::pid_start});
}

void take(const json::value& v, std::string& out) {
  if (const auto* s = v.if_string()) out = *s;
}
void take(const json::value& v, std::int64_t& out) {
  if (const auto* n = v.if_int64()) out = *n;
}
void take(const json::value& v, bool& out) {
  if (const auto* b = v.if_bool()) out = *b;
}

template <class T>
std::vector<T> read_list(const json::object& root, std::string_view name) {
  std::vector<T> out;
  const auto* found = root.if_contains(name);
  const auto* list = found ? found->if_array() : nullptr;
  if (!list) return out;
  for (const auto& item : *list) {
    const auto* object = item.if_object();
    if (!object) continue;
    T one;
    for_each_member(static_cast<const T*>(nullptr), [&](const auto& m) {
      if (const auto* v = object->if_contains(m.name)) take(*v, one.*m.at);
    });
    out.push_back(std::move(one));
  }
  return out;
}

template <class T>
json::array write_list(const std::vector<T>& list) {
  json::array out;
  for (const auto& one : list) {
    json::object o;
    for_each_member(static_cast<const T*>(nullptr), [&](const auto& m) { o[m.name] = one.*m.at; });
    out.push_back(std::move(o));
  }
  return out;
}

}  // namespace

outcome<local_state> parse_state(std::string_view text, const std::string& path) {
  boost::system::error_code ec;
  const auto v = json::parse(text, ec);
  const auto* root = ec ? nullptr : v.if_object();
  const auto* version = root ? root->if_contains("version") : nullptr;
  if (!version || *version != 1)
    return failure{ending::failed, path + ": is not a state file of this version of lode",
                   "move it away; it holds the UUIDs of your allocations, which --uuid can name"};
  return local_state{read_list<remembered>(*root, "allocations"), read_list<pending_call>(*root, "pending")};
}

std::string text_of(const local_state& s) {
  json::object root;
  root["version"] = 1;
  root["allocations"] = write_list(s.allocations);
  root["pending"] = write_list(s.pending);
  return json::serialize(root) + "\n";
}

outcome<local_state> state_file::read() const {
  const auto text = read_file(path_);
  if (!text && text.error().code == ending::not_found) return local_state{};
  if (!text) return text.error();
  return parse_state(*text, path_);
}

outcome<void> state_file::change(const std::function<void(local_state&)>& how) const {
  return while_locked(path_, [&]() -> outcome<void> {
    auto s = read();
    if (!s) return s.error();
    const auto before = *s;
    how(*s);
    if (*s == before) return {};
    return write_private_file(path_, text_of(*s));
  });
}

void remember(local_state& s, remembered a) {
  std::erase_if(s.allocations, [&](const remembered& r) { return r.hotkey == a.hotkey && r.server == a.server; });
  s.allocations.push_back(std::move(a));
  while (s.allocations.size() > most_allocations) {
    // The oldest that is gone, else the oldest.
    const auto old = std::find_if(s.allocations.begin(), s.allocations.end(), [](const auto& r) { return r.gone; });
    s.allocations.erase(old == s.allocations.end() ? s.allocations.begin() : old);
  }
}

void forget(local_state& s, std::string_view hotkey, std::string_view uuid) {
  std::erase_if(s.allocations, [&](const remembered& r) { return r.hotkey == hotkey && r.uuid == uuid; });
}

std::int64_t start_of_process(std::int64_t pid) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/stat"};
  std::string text;
  std::getline(in, text);
  // proc(5): field 22; the name in field 2 is in parentheses and may hold anything.
  const auto end = text.rfind(')');
  if (end == std::string::npos) return 0;
  auto at = end;
  for (int field = 2; field < 22 && at != std::string::npos; ++field) at = text.find(' ', at + 1);
  std::int64_t value = 0;
  if (at != std::string::npos) std::from_chars(text.data() + at + 1, text.data() + text.size(), value);
  return value;
}

claimed_call claim_call(local_state& s, const std::string& request, std::int64_t now, std::int64_t pid,
                        const std::function<std::int64_t(std::int64_t)>& start_of, const std::string& fresh_key) {
  std::erase_if(s.pending, [&](const pending_call& p) { return p.begun_at + day < now || p.begun_at > now + day; });
  for (auto& p : s.pending) {
    const auto start = start_of(p.pid);
    const bool at_work = start != 0 && start == p.pid_start;
    if (p.request != request || at_work) continue;
    p.pid = pid;
    p.pid_start = start_of(pid);
    return {p.idempotency_key, true, p.begun_at};
  }
  if (s.pending.size() >= most_pending) s.pending.erase(s.pending.begin());
  s.pending.push_back({fresh_key, request, now, pid, start_of(pid)});
  return {fresh_key, false, now};
}

void settle_call(local_state& s, std::string_view idempotency_key) {
  std::erase_if(s.pending, [&](const pending_call& p) { return p.idempotency_key == idempotency_key; });
}

outcome<remembered> find_ours(const local_state& s, std::string_view server, std::string_view name) {
  std::vector<const remembered*> live;
  for (const auto& r : s.allocations)
    if (!r.gone && r.server == server) live.push_back(&r);
  if (name == "last") {
    if (!live.empty()) return *live.back();
    return failure{ending::not_found, "there is no allocation of yours", "make one with  lode allocate"};
  }
  std::vector<const remembered*> fit;
  for (const auto* r : live)
    if (!name.empty() && r->hotkey.starts_with(name)) fit.push_back(r);
  if (fit.size() == 1) return *fit.front();
  std::string known;
  constexpr std::size_t shown = 5;
  const auto& list = fit.empty() ? live : fit;
  for (std::size_t i = 0; i < list.size() && i < shown; ++i) known += (i ? ", " : "") + list[i]->hotkey;
  if (list.size() > shown) known += ", …";
  if (!fit.empty())
    return failure{ending::usage, "'" + std::string{name} + "' fits several of your allocations",
                   "say more of the hotkey: " + known};
  return failure{
      ending::not_found, "no allocation of yours is called '" + std::string{name} + "'",
      known.empty() ? "none was made from here; name another's by its whole hotkey and --uuid" : "yours are: " + known};
}

}  // namespace lode::cli

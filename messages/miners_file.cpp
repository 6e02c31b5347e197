#include "messages/json_read.hpp"

#include <algorithm>
#include <unordered_map>

namespace lode {
namespace {

constexpr std::size_t max_named = 20;  // problems named in one error

class problems {
 public:
  void add(std::size_t index, std::string_view field, std::string_view what) {
    if (++count_ > max_named) return;
    if (!text_.empty()) text_.append("; ");
    text_.append("miners[").append(std::to_string(index)).append("]");
    if (!field.empty()) text_.append(".").append(field);
    text_.append(": ").append(what);
  }
  [[nodiscard]] bool none() const { return count_ == 0; }
  [[nodiscard]] std::string text() const {
    return count_ > max_named ? text_ + "; and " + std::to_string(count_ - max_named) + " more" : text_;
  }

 private:
  std::string text_;
  std::size_t count_ = 0;
};

}  // namespace

result<std::vector<miner_info>> parse_miners_file(std::string_view text) {
  std::size_t offset = 0;
  const auto root = detail::parse_text(text, offset);
  if (!root) return error{errc::config_invalid, "not JSON at byte " + std::to_string(offset)};
  const auto* object = root->if_object();
  const auto* member = object ? object->if_contains("miners") : nullptr;
  const auto* list = member ? member->if_array() : nullptr;
  if (!list) return error{errc::config_invalid, R"(expected an object with a list "miners")"};

  problems found;
  std::vector<miner_info> miners;
  miners.reserve(list->size());
  std::unordered_map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < list->size(); ++i) {
    std::vector<field_error> errors;
    miner_info m;
    detail::read_value((*list)[i], m, {}, detail::place{}, errors);
    for (const auto& e : errors) found.add(i, e.name, e.message);
    const auto failed = [&](std::string_view name) {
      return std::any_of(errors.begin(), errors.end(),
                         [&](const field_error& e) { return e.name == name || e.name.empty(); });
    };
    if (!failed("hotkey") && !looks_like_ss58(m.hotkey))
      found.add(i, "hotkey", "expected an SS58 address: 48 characters that begin with 5");
    if (!failed("ip") && !is_literal_ip(m.ip)) found.add(i, "ip", "expected a literal IPv4 or IPv6 address");
    if (!failed("port") && m.port == 0) found.add(i, "port", out_of_bounds(ge(1), std::int64_t{0}));
    if (!failed("hotkey"))
      if (const auto [first, fresh] = seen.emplace(m.hotkey, i); !fresh)
        found.add(i, "hotkey", "is that of miners[" + std::to_string(first->second) + "] too");
    m.simulated = false;  // not for a file to say
    miners.push_back(std::move(m));
  }
  if (!found.none()) return error{errc::config_invalid, found.text()};
  return miners;
}

}  // namespace lode

#include "messages/record_codec.hpp"

#include "messages/json_read.hpp"
#include "messages/json_write.hpp"

#include <set>

namespace lode {
namespace {

constexpr std::int64_t version = 1;

template <class T>
std::string versioned(const T& value) {
  std::string out;
  out.reserve(1024);
  out.append(R"({"v":)");
  detail::write_number(out, version);
  out.push_back(',');
  detail::write_members(out, value);
  out.push_back('}');
  return out;
}

template <class T>
result<T> from_versioned(std::string_view text) {
  const std::string what{fields_of<T>::name};
  std::size_t offset = 0;
  const auto root = detail::parse_text(text, offset);
  if (!root) return error{errc::store_damaged, what + ": not JSON at byte " + std::to_string(offset)};
  const auto* object = root->if_object();
  const auto* v = object ? object->if_contains("v") : nullptr;
  if (!v || !v->is_int64() || v->get_int64() < 1) return error{errc::store_damaged, what + ": no version"};
  if (v->get_int64() > version)
    return error{errc::store_newer, what + ": version " + std::to_string(v->get_int64()) + ", this program knows " +
                                        std::to_string(version)};
  T out;
  std::vector<field_error> errors;
  detail::read_value(*root, out, {}, detail::place{what}, errors);
  if (!errors.empty())
    return error{errc::store_damaged, what + "." + errors.front().name + ": " + errors.front().message};
  return out;
}

// Calls f with each secret member.
template <class T, class F>
void for_each_secret(T& r, F&& f) {
  for_each_field<T>([&](const auto& each) {
    if constexpr (std::is_same_v<typename std::remove_cvref_t<decltype(each)>::value_type, std::string>)
      if (each.check.secret) f(each.name, r.*(each.member));
  });
}

template <class T>
std::string sealed(T record, const seal_function& seal) {
  for_each_secret(record, [&](std::string_view, std::string& text) { text = seal(text); });
  return versioned(record);
}

template <class T>
result<T> unsealed(std::string_view text, const open_function& open) {
  auto record = from_versioned<T>(text);
  if (!record) return record;
  std::optional<error> failed;
  for_each_secret(*record, [&](std::string_view name, std::string& secret) {
    if (failed || secret.empty()) return;  // a sealed text is never empty: the key was missing
    auto plain = open(secret);
    if (plain)
      secret = std::move(*plain);
    else
      failed = error{plain.error().code,
                     std::string{fields_of<T>::name} + "." + std::string{name} + ": " + plain.error().detail};
  });
  if (failed) return *failed;
  return record;
}

}  // namespace

std::string encode(const allocation_record& r, const seal_function& seal) { return sealed(r, seal); }

result<allocation_record> decode_allocation(std::string_view text, const open_function& open) {
  return unsealed<allocation_record>(text, open);
}

std::string encode(const webhook& w, const seal_function& seal) { return sealed(w, seal); }

result<webhook> decode_webhook(std::string_view text, const open_function& open) {
  return unsealed<webhook>(text, open);
}

std::string encode(const miner_info& m) { return versioned(m); }

result<miner_info> decode_miner(std::string_view text) { return from_versioned<miner_info>(text); }

std::string encode(const marks_record& m) { return versioned(m); }

result<marks_record> decode_marks(std::string_view text) {
  auto record = from_versioned<marks_record>(text);
  if (!record) return record;
  std::set<mark_kind> seen;
  for (const auto& m : record->marks)
    if (!seen.insert(m.mark).second)
      return error{errc::store_damaged, "MarksRecord.marks: " + std::string{to_string(m.mark)} + " twice"};
  return record;
}

std::string allocation_event(const allocation_record& r, std::string_view event, unix_ms at, std::string_view reason) {
  std::string out;
  out.reserve(192);
  const auto member = [&out](std::string_view key, std::string_view text) {
    out.append(key);
    write_json_string(out, text);
  };
  member(R"({"time":)", rfc3339(at));
  member(R"(,"hotkey":)", r.hotkey);
  member(R"(,"event":)", event);
  member(R"(,"state":)", to_string(r.state));
  out.append(R"(,"offline":)").append(r.offline ? "true" : "false");
  member(R"(,"reason":)", reason);
  out.push_back('}');
  return out;
}

}  // namespace lode

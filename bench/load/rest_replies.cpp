#include "bench/load/rest.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>

namespace lode::bench {
namespace {

namespace json = boost::json;

// Some hex digits with dashes at the usual places, in any case: which version it is says nothing.
bool is_uuid(std::string_view s) {
  if (s.size() != 36) return false;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = (s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f') || (s[i] >= 'A' && s[i] <= 'F');
    if (dash ? s[i] != '-' : !hex) return false;
  }
  return true;
}

// 47 or 48 characters of base 58. Such a text needs no escapes in a query either.
bool is_address(std::string_view s) {
  constexpr std::string_view alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  return (s.size() == 47 || s.size() == 48) && s.find_first_not_of(alphabet) == std::string_view::npos;
}

const json::value* member(const json::object& o, std::string_view name) {
  return o.if_contains(json::string_view{name.data(), name.size()});
}

std::string_view text_of(const json::object& o, std::string_view name) {
  const json::value* v = member(o, name);
  const json::string* s = v == nullptr ? nullptr : v->if_string();
  return s == nullptr ? std::string_view{} : std::string_view{s->data(), s->size()};
}

bool says_success(const json::object& o) {
  const json::value* v = member(o, "success");
  return v != nullptr && v->is_bool() && v->get_bool();
}

/// A body, parsed into memory of its own.
class reply_body {
 public:
  explicit reply_body(std::string_view body) : parsed_(json::storage_ptr{&memory_}) {
    boost::system::error_code ec;
    parsed_ = json::parse(json::string_view{body.data(), body.size()}, ec, &memory_);
    object_ = ec ? nullptr : parsed_.if_object();
  }
  /// Empty when it is an object that says success.
  [[nodiscard]] std::string wrong() const {
    if (object_ == nullptr) return "it is not a JSON object";
    return says_success(*object_) ? "" : "success is not true";
  }
  /// Only where wrong() is empty.
  [[nodiscard]] const json::value* data() const { return member(*object_, "data"); }

 private:
  std::array<unsigned char, 4096> stack_;
  json::monotonic_resource memory_{stack_.data(), stack_.size()};
  json::value parsed_;
  const json::object* object_ = nullptr;
};

error server_is_wrong(std::string what) { return {errc::internal, std::move(what)}; }

/// The items of a page, or null.
const json::array* items_of(const json::value* data) {
  if (data == nullptr) return nullptr;
  if (const json::array* all = data->if_array()) return all;
  const json::object* page = data->if_object();
  const json::value* items = page == nullptr ? nullptr : member(*page, "page_items");
  return items == nullptr ? nullptr : items->if_array();
}

}  // namespace

result<granted_miner> read_allocation(std::string_view body) {
  const reply_body reply{body};
  if (auto wrong = reply.wrong(); !wrong.empty()) return server_is_wrong(std::move(wrong));
  const json::value* data = reply.data();
  const json::object* a = data == nullptr ? nullptr : data->if_object();
  if (a == nullptr) return server_is_wrong("data is not an object");
  const std::string_view hotkey = text_of(*a, "hotkey");
  const std::string_view uuid = text_of(*a, "uuid_key");
  if (!is_address(hotkey)) return server_is_wrong("hotkey is not an address");
  if (!is_uuid(uuid)) return server_is_wrong("uuid_key is not a UUID");
  const json::value* port = member(*a, "ssh_port");
  if (port == nullptr || !port->is_int64() || port->get_int64() < 1 || port->get_int64() > 65535)
    return server_is_wrong("ssh_port is not a port");
  if (text_of(*a, "ssh_ip").empty()) return server_is_wrong("ssh_ip is empty");
  granted_miner m{std::string{hotkey}, std::string{uuid}};
  return m;
}

std::string read_success(std::string_view body) { return reply_body{body}.wrong(); }

std::string read_page(std::string_view body, unsigned page_size) {
  const reply_body reply{body};
  if (auto wrong = reply.wrong(); !wrong.empty()) return wrong;
  const json::value* data = reply.data();
  const json::object* page = data == nullptr ? nullptr : data->if_object();
  if (page == nullptr || member(*page, "page_items") == nullptr) return {};
  const json::array* items = items_of(data);
  if (items == nullptr) return "page_items is not a list";
  return page_size > 0 && items->size() > page_size ? "a page has more items than were asked for" : "";
}

std::string read_status(std::string_view body, const std::vector<std::string>& hotkeys) {
  const reply_body reply{body};
  if (auto wrong = reply.wrong(); !wrong.empty()) return wrong;
  const json::value* data = reply.data();
  const json::array* all = data == nullptr ? nullptr : data->if_array();
  if (all == nullptr || all->size() != hotkeys.size())
    return "data is not a list with one element for each hotkey asked";
  for (std::size_t i = 0; i < hotkeys.size(); ++i) {
    const json::object* one = (*all)[i].if_object();
    if (one == nullptr || text_of(*one, "hotkey") != hotkeys[i] || text_of(*one, "status").empty())
      return "an element of data is not the status of the hotkey that was asked at its place";
  }
  return {};
}

result<std::vector<listed_allocation>> read_allocations(std::string_view body) {
  const reply_body reply{body};
  if (auto wrong = reply.wrong(); !wrong.empty()) return server_is_wrong(std::move(wrong));
  const json::array* items = items_of(reply.data());
  if (items == nullptr) return server_is_wrong("data is not a list");
  std::vector<listed_allocation> all;
  all.reserve(items->size());
  for (const json::value& item : *items) {
    const json::object* a = item.if_object();
    if (a == nullptr) return server_is_wrong("an element of data is not an object");
    listed_allocation one{std::string{text_of(*a, "hotkey")}, std::string{text_of(*a, "uuid_key")},
                          std::string{text_of(*a, "ssh_key")}, std::string{text_of(*a, "state")}};
    all.push_back(std::move(one));
  }
  return all;
}

result<std::vector<std::string>> read_available(std::string_view body) {
  const reply_body reply{body};
  if (auto wrong = reply.wrong(); !wrong.empty()) return server_is_wrong(std::move(wrong));
  const json::array* items = items_of(reply.data());
  if (items == nullptr) return server_is_wrong("data has no page_items");
  std::vector<std::string> all;
  for (const json::value& item : *items) {
    const json::object* r = item.if_object();
    if (r != nullptr && is_address(text_of(*r, "hotkey")) && text_of(*r, "allocate_status") != "reserved")
      all.emplace_back(text_of(*r, "hotkey"));
  }
  return all;
}

}  // namespace lode::bench

#include "messages/envelope.hpp"

#include "messages/json.hpp"

#include <algorithm>

namespace lode {
namespace {

std::string envelope(std::string_view head, std::string_view message, std::string_view key, std::string_view json) {
  std::string out;
  out.reserve(head.size() + message.size() + key.size() + json.size() + 16);
  out.append(head);
  write_json_string(out, message);
  if (!json.empty()) out.append(key).append(json);
  out.push_back('}');
  return out;
}

}  // namespace

std::string success(std::string_view message, std::string_view data) {
  return envelope(R"({"success":true,"message":)", message, R"(,"data":)", data);
}

std::string failure(std::string_view message, std::string_view detail) {
  return envelope(R"({"success":false,"message":)", message, R"(,"err_detail":)", detail);
}

std::string failure_text(std::string_view message, std::string_view detail_text) {
  std::string json;
  write_json_string(json, detail_text);
  return failure(message, json);
}

std::string validation_failure(std::span<const field_error> errors) {
  std::string list = "[";
  for (const auto& e : errors) {
    if (list.size() > 1) list.push_back(',');
    write_json(list, e);
  }
  list.push_back(']');
  return failure("Validation Error, Please check the request body.", list);
}

std::string count_success(std::string_view message, std::int64_t count) {
  const std::string n = std::to_string(count);
  return envelope(R"({"success":true,"message":)", message, R"(,"count":)", n + R"(,"data":{"count":)" + n + "}");
}

std::string page(std::string_view items, std::size_t shown, std::size_t total, std::optional<std::int64_t> number,
                 std::optional<std::int64_t> size) {
  constexpr std::int64_t default_size = 50;
  const auto all = static_cast<std::int64_t>(total);
  const bool everything = !number || *number <= 0;
  const std::int64_t n = everything ? 1 : *number;
  const std::int64_t per_page = everything ? all : size && *size > 0 ? *size : default_size;
  // Pages are counted by division: a client may send any number, and products of it overflow.
  const bool more = !everything && shown > 0 && n < all / per_page + (all % per_page != 0 ? 1 : 0);
  std::string out = R"({"page_items":)";
  out.append(items);
  out.append(R"(,"page_number":)").append(std::to_string(n));
  out.append(R"(,"page_size":)").append(std::to_string(per_page));
  out.append(R"(,"next_page_number":)").append(more ? std::to_string(n + 1) : "null");
  out.push_back('}');
  return out;
}

}  // namespace lode
